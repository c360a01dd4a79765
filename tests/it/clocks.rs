//! Rule 28: time comes from the circuit's clock alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tower_circuit_breaker::{
    Circuit, CircuitState, Clock, CoarseClock, ManualClock, SystemClock, TokioClock,
};

use crate::support::{SECOND, fail, rejection, succeed};

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

#[test]
fn the_coarse_clock_goes_on_and_never_back() {
    let clock = CoarseClock::new();
    let mut last = clock.now();
    // Until it has ticked twice: some milliseconds each.
    for _ in 0..2 {
        let next = std::iter::repeat_with(|| clock.now()).find(|now| *now != last).unwrap();
        assert!(next > last, "{next:?} after {last:?}");
        last = next;
    }
}

#[test]
fn a_circuit_on_the_coarse_clock_opens_for_its_time() {
    let circuit = Circuit::builder("api").failure_count(1).clock(CoarseClock::new()).build();
    fail(&circuit);

    let left = rejection(&circuit).retry_after().unwrap();
    assert!(left <= 30 * SECOND && left > 20 * SECOND, "{left:?}");
    circuit.trip_for(Duration::ZERO);
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn clocks_that_never_go_back_say_so() {
    assert!(SystemClock::new().never_goes_back());
    assert!(CoarseClock::new().never_goes_back());
    assert!(ManualClock::new().never_goes_back());
    assert!(!Settable::default().never_goes_back());
}
