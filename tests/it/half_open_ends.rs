//! That half-open ends, whatever callers do with the probes that reach the upstream: simulated hours on
//! a manual clock.

use std::collections::VecDeque;
use std::task::{Context, Waker};
use std::time::Duration;

use tower::{BoxError, Layer, Service, service_fn};
use tower_circuit_breaker::{
    Backoff, Circuit, CircuitBreakerLayer, CircuitBuilder, CircuitState, ManualClock, OnOpen,
    Outcome, Permit, TokioClock,
};

use crate::half_open::probing;
use crate::support::{SECOND, circuit, record};

/// Calls that hang, of which each is dropped after ten seconds; one comes each second.
struct Hung {
    circuit: Circuit,
    clock: ManualClock,
    in_flight: VecDeque<(Duration, Permit)>,
    now: Duration,
    admitted: u32,
}

impl Hung {
    /// Open, with open times of 5 s to 5 min.
    fn new(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> Self {
        let backoff = Backoff::exponential(5 * SECOND, 300 * SECOND).without_jitter();
        let (circuit, clock) = circuit(|b| set(b.open_backoff(backoff)));
        circuit.trip();
        Self { circuit, clock, in_flight: VecDeque::new(), now: Duration::ZERO, admitted: 0 }
    }

    fn second(&mut self) {
        let is_over = |(began, _): &(Duration, Permit), now| *began + 10 * SECOND <= now;
        while self.in_flight.front().is_some_and(|call| is_over(call, self.now)) {
            self.in_flight.pop_front();
        }
        if let Ok(permit) = self.circuit.try_acquire() {
            self.admitted += 1;
            self.in_flight.push_back((self.now, permit));
        }
        self.clock.advance(SECOND);
        self.now += SECOND;
    }
}

#[test]
fn few_callers_are_let_in_to_an_upstream_that_hangs_for_an_hour() {
    let rules: [(&str, fn(CircuitBuilder) -> CircuitBuilder, u32); 2] = [
        ("no rule about time", |b| b.consecutive_failures(5), 180),
        ("stalled calls", |b| b.stalled_calls(20, 5 * SECOND), 20),
    ];
    for (which, rule, most) in rules {
        let mut hung = Hung::new(rule);
        for _ in 0..3_600 {
            hung.second();
        }

        println!("{which}: {} callers let in", hung.admitted);
        assert!((1..=most).contains(&hung.admitted), "{which}: {}", hung.admitted);
    }
}

/// When a circuit of a healthy upstream closes whose answers take so long, if it does within an hour
/// of half-open; a call comes each second, and none is given up.
fn closed_after(
    takes: Duration,
    set: impl FnOnce(CircuitBuilder) -> CircuitBuilder,
) -> Option<Duration> {
    let (circuit, clock) = circuit(|b| set(b.open_for(SECOND)));
    circuit.trip();
    let mut in_flight = VecDeque::new();
    for second in 0..3_600 {
        let now = SECOND * second;
        while in_flight.front().is_some_and(|(began, _)| *began + takes <= now) {
            let (_, permit): (Duration, Permit) = in_flight.pop_front()?;
            permit.record(Outcome::Success);
        }
        if circuit.state() == CircuitState::Closed {
            return Some(now);
        }
        in_flight.extend(circuit.try_acquire().ok().map(|permit| (now, permit)));
        clock.advance(SECOND);
    }
    None
}

#[test]
fn answers_that_take_half_a_minute_close_a_circuit_whose_leases_are_a_second() {
    assert_eq!(closed_after(30 * SECOND, |b| b), Some(31 * SECOND));
}

#[test]
fn answers_of_more_than_a_minute_need_a_probe_timeout_that_is_longer() {
    assert_eq!(closed_after(90 * SECOND, |b| b), None);
    assert_eq!(closed_after(90 * SECOND, |b| b.probe_timeout(120 * SECOND)), Some(91 * SECOND));
}

#[test]
fn callers_of_whom_one_in_a_hundred_waits_for_the_answer_close_it_soon() {
    let (leaves_after, answers_after) = (Duration::from_millis(10), Duration::from_millis(50));
    let between = Duration::from_millis(30);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut waits = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % 100 == 0
    };
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let (circuit, clock) = probing(|b| b);
            let mut time = Duration::ZERO;
            loop {
                let probe = circuit.try_acquire().expect("a slot is free");
                let takes = if waits() { answers_after } else { leaves_after };
                clock.advance(takes);
                time += takes + between;
                if takes == answers_after {
                    probe.record(Outcome::Success);
                    assert_eq!(circuit.state(), CircuitState::Closed);
                    return time;
                }
                drop(probe);
                clock.advance(between);
            }
        })
        .collect();
    times.sort();

    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("closed after {median:?}, at worst {worst:?}");
    assert!(median <= 5 * SECOND && worst <= 30 * SECOND, "{median:?}, {worst:?}");
}

#[test]
fn probes_that_are_ignored_and_dropped_by_turns_close_it_after_sixteen_ignored() {
    let (circuit, clock) = probing(|b| b);
    for ignored in 0..16 {
        assert_ne!(circuit.state(), CircuitState::Closed, "after {ignored}");
        drop(circuit.try_acquire().expect("a slot is free"));
        clock.advance(10 * SECOND);
        record(&circuit, Outcome::Ignored);
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn slots_that_are_reserved_and_never_called_are_no_probes() {
    let circuit = Circuit::builder("api").open_for(SECOND).clock(TokioClock::new()).build();
    circuit.trip();
    tokio::time::advance(SECOND).await;
    let mut cx = Context::from_waker(Waker::noop());
    let mut kept = Vec::new();

    for waiter in 0..40 {
        let mut service = CircuitBreakerLayer::new(circuit.clone())
            .on_open(OnOpen::Wait)
            .boxed()
            .layer(service_fn(|(): ()| async { Ok::<_, BoxError>(()) }));
        assert!(Service::<()>::poll_ready(&mut service, &mut cx).is_ready(), "waiter {waiter}");
        // Its lease ends with the service, or by its time.
        if waiter % 2 == 0 {
            kept.push(service);
        }
        tokio::time::advance(4 * SECOND).await;
    }

    let snapshot = circuit.snapshot();
    assert_eq!(snapshot.state, CircuitState::HalfOpen);
    assert_eq!((snapshot.totals.abandoned, snapshot.totals.failures), (0, 0));
    assert_eq!(snapshot.transitions.half_open_to_open, 0, "no probe was made, and none counted");
}
