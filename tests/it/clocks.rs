//! Rule 28: time comes from the circuit's clock alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitState, Clock, Outcome, SystemClock, TokioClock};

use crate::support::{FAILURE, SECOND, circuit, fail, rejection, succeed};

/// A clock that anyone can set, also back.
#[derive(Clone, Default)]
struct Settable(Arc<AtomicU64>);

impl Clock for Settable {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test(start_paused = true)]
async fn the_tokio_clock_follows_a_paused_runtime() {
    let circuit = Circuit::builder("api").clock(TokioClock::new()).build();
    circuit.trip();

    tokio::time::advance(30 * SECOND - Duration::from_millis(1)).await;
    assert_eq!(rejection(&circuit).retry_after(), Some(Duration::from_millis(1)));
    tokio::time::advance(Duration::from_millis(1)).await;

    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_clock_that_goes_back_stops_time_and_breaks_nothing() {
    let clock = Settable::default();
    clock.0.store(1_000, Ordering::SeqCst);
    let circuit = Circuit::builder("api").failure_count(3).clock(clock.clone()).build();
    fail(&circuit);

    clock.0.store(10, Ordering::SeqCst);
    fail(&circuit);
    circuit.trip();

    assert!(circuit.try_acquire().is_err());
    assert_eq!(circuit.snapshot().in_state_for, Duration::ZERO);
    assert_eq!(circuit.snapshot().uptime, Duration::ZERO);
    clock.0.store(2_000, Ordering::SeqCst);
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_clock_may_start_anywhere() {
    for start in [0, 1, 1 << 33, u64::MAX / 2_000_000_000] {
        let clock = Settable::default();
        clock.0.store(start, Ordering::SeqCst);
        let circuit = Circuit::builder("api").failure_count(2).clock(clock.clone()).build();
        fail(&circuit);

        assert_eq!(circuit.snapshot().window.failures, 1, "started at {start} s");
        assert_eq!(circuit.snapshot().uptime, Duration::ZERO, "started at {start} s");
        fail(&circuit);
        assert_eq!(rejection(&circuit).retry_after(), Some(30 * SECOND), "started at {start} s");
    }
}

#[test]
fn the_system_clock_does_not_go_back() {
    let clock = SystemClock::new();
    let mut last = clock.now();
    for _ in 0..10_000 {
        let now = clock.now();
        assert!(now >= last);
        last = now;
    }
}

#[test]
fn jumps_of_the_clock_end_the_open_time_once() {
    for jump in [3_600, 315_360_000, u64::MAX / 2_000_000_000] {
        let clock = Settable::default();
        let circuit = Circuit::builder("api").clock(clock.clone()).build();
        circuit.trip();

        clock.0.store(jump, Ordering::SeqCst);
        succeed(&circuit);

        assert_eq!(circuit.state(), CircuitState::Closed, "jumped by {jump} s");
        assert_eq!(circuit.snapshot().transitions.open_to_half_open, 1, "jumped by {jump} s");
    }
}

#[test]
fn a_clock_that_goes_back_keeps_counting() {
    let clock = Settable::default();
    clock.0.store(1_000, Ordering::SeqCst);
    let circuit = Circuit::builder("api").failure_count(3).clock(clock.clone()).build();
    fail(&circuit);

    clock.0.store(10, Ordering::SeqCst);
    fail(&circuit);
    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
    clock.0.store(1, Ordering::SeqCst);
    assert_eq!(rejection(&circuit).retry_after(), Some(30 * SECOND), "not a moment longer");
}

#[test]
fn durations_beyond_584_years_last_to_the_end_of_time() {
    // One nanosecond more than 64 bits of them hold, and a bit.
    let ages = Duration::from_secs(u64::MAX / 1_000_000_000 + 1);
    let clock = Settable::default();
    let circuit = Circuit::builder("api").clock(clock.clone()).build();
    circuit.trip_for(ages);

    clock.0.store(3_600, Ordering::SeqCst);

    assert!(rejection(&circuit).retry_after().unwrap() > 4_000_000_000 * SECOND);
}

/// What is still to come is far away: an hour, ten years, the last second of 64 bits.
const JUMPS: [Duration; 3] = [
    Duration::from_secs(3_600),
    Duration::from_secs(315_360_000),
    Duration::from_nanos(u64::MAX - 1_000_000_000),
];

#[test]
fn a_jump_of_the_clock_empties_the_window_and_makes_at_most_one_change() {
    for jump in JUMPS {
        for state in [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen] {
            let (circuit, clock) = circuit(|b| b.failure_count(3));
            fail(&circuit);
            fail(&circuit);
            let in_flight = circuit.try_acquire().unwrap();
            if state != CircuitState::Closed {
                circuit.trip_for(if state == CircuitState::Open { SECOND } else { Duration::ZERO });
            }
            let hung = (state == CircuitState::HalfOpen).then(|| circuit.try_acquire().unwrap());
            assert_eq!(circuit.state(), state);
            let epoch = circuit.snapshot().epoch;

            clock.advance(jump);
            let call = circuit.try_acquire().expect("admitted after the jump");

            let which = format!("{state:?}, {jump:?}");
            let snapshot = circuit.snapshot();
            assert!(snapshot.epoch <= epoch + 1, "{which}: one change at most");
            assert_eq!((snapshot.window.calls, snapshot.uptime), (0, jump), "{which}");
            call.record(FAILURE);
            in_flight.record(FAILURE);
            drop(hung);
            let totals = circuit.snapshot().totals;
            let ended = totals.failures + totals.abandoned + totals.stale;
            assert_eq!(ended, 4 + u64::from(state == CircuitState::HalfOpen), "{which}");
        }
    }
}

#[test]
fn a_circuit_trips_and_recovers_at_the_end_of_time() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    clock.advance(Duration::from_nanos(u64::MAX - 1_000_000_000));

    fail(&circuit);

    let left = rejection(&circuit).retry_after().unwrap();
    assert!(left < SECOND, "{left:?}: time ends before the open time does");
    clock.advance(30 * SECOND);
    for _ in 0..3 {
        succeed(&circuit);
        fail(&circuit);
    }
    assert_eq!(circuit.snapshot().totals.trips, 4);
}

#[test]
fn a_clock_that_stands_still_neither_opens_nor_closes() {
    let (circuit, clock) = circuit(|b| b.failure_count(3).concurrent_probes(2).probes(2));
    for _ in 0..1_000 {
        succeed(&circuit);
    }
    assert_eq!(circuit.snapshot().window.calls, 1_000);
    (0..3).for_each(|_| fail(&circuit));

    for _ in 0..1_000 {
        assert_eq!(rejection(&circuit).retry_after(), Some(30 * SECOND));
    }
    clock.advance(30 * SECOND);
    let probes = [circuit.try_acquire().unwrap(), circuit.try_acquire().unwrap()];
    for _ in 0..1_000 {
        rejection(&circuit);
    }

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    probes.into_iter().for_each(|probe| probe.record(Outcome::Success));
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().transitions.open_to_half_open, 1);
}
