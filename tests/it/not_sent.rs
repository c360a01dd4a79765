//! Rule 11: calls that did not reach the upstream, or not whole.

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitEvent, CircuitState, Outcome, RejectReason, SlidingWindow,
};

use crate::half_open::probing;
use crate::listeners::everything;
use crate::support::{FAILURE, circuit, fail, record, rejection, succeed};

#[test]
fn calls_not_sent_are_in_no_window_and_no_run() {
    let (circuit, _) =
        circuit(|b| b.consecutive_failures(3).window(SlidingWindow::count(10)).failure_count(9));
    fail(&circuit);
    fail(&circuit);

    for _ in 0..50 {
        record(&circuit, Outcome::NotSent);
    }

    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.window.calls, snapshot.window.failures), (2, 2));
    assert_eq!((snapshot.totals.not_sent, snapshot.totals.ignored), (50, 0));
    fail(&circuit);
    let reason = circuit.snapshot().last_trip.map(|trip| trip.reason);
    assert_eq!(reason, Some(ChangeReason::ConsecutiveFailures), "the run went on");
}

#[test]
fn a_probe_not_sent_gives_its_slot_back_and_is_no_evidence() {
    let (circuit, _) = probing(|b| b);

    for _ in 0..1_000 {
        record(&circuit, Outcome::NotSent);
    }

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    let probe = circuit.try_acquire().expect("the slot is free");
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy, "and is the only one");
    probe.record(Outcome::Success);
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().totals.not_sent, 1_000);
}

#[test]
fn probes_not_sent_end_no_row_of_ignored_ones() {
    let (circuit, _) = probing(|b| b);
    for _ in 0..15 {
        record(&circuit, Outcome::Ignored);
        record(&circuit, Outcome::NotSent);
    }
    assert_eq!(circuit.state(), CircuitState::HalfOpen);

    record(&circuit, Outcome::Ignored);

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn for_a_throttle_the_upstream_was_not_asked() {
    let (circuit, _) = circuit(|b| b.throttle(2.0));
    for _ in 0..1_000 {
        record(&circuit, Outcome::NotSent);
    }

    for _ in 0..100 {
        succeed(&circuit);
    }

    assert_eq!(circuit.snapshot().totals.rejected, 0);
}

#[test]
fn for_a_throttle_a_call_not_sent_is_neither_asked_nor_accepted() {
    let (circuit, _) = circuit(|b| b.throttle(1.0));
    let share = || circuit.snapshot().admitted_share;
    let not_sent: Vec<_> = (0..50).map(|_| circuit.try_acquire().unwrap()).collect();
    let tried: Vec<_> = (0..6).map(|_| circuit.try_acquire().unwrap()).collect();
    for (number, permit) in tried.into_iter().enumerate() {
        permit.record(if number < 2 { Outcome::Success } else { FAILURE });
    }
    let of_six = share();
    assert!(of_six.is_some_and(|share| share < 0.5), "two of six were accepted: {of_six:?}");

    for permit in not_sent {
        permit.record(Outcome::NotSent);
    }

    assert_eq!(share(), of_six);
}

#[test]
fn listeners_of_calls_hear_of_calls_not_sent() {
    let (circuit, _) = circuit(|b| b);
    let all = everything();
    circuit.on_event(all);

    record(&circuit, Outcome::NotSent);

    let told = all.0.lock().unwrap().clone();
    assert!(matches!(told[..], [CircuitEvent::NotSent { elapsed: Some(_), .. }]), "{told:?}");
    assert_eq!(told[0].circuit(), "api");
}

#[test]
fn a_call_not_sent_of_an_older_epoch_is_stale() {
    let circuit = Circuit::builder("api").build();
    let late = circuit.try_acquire().unwrap();
    circuit.reset();

    late.record(Outcome::NotSent);

    let totals = circuit.snapshot().totals;
    assert_eq!((totals.not_sent, totals.stale), (0, 1));
}

#[test]
fn a_slow_call_not_sent_is_no_slow_call() {
    let second = crate::support::SECOND;
    let (circuit, clock) = circuit(|b| b.slow_call_rate(0.5, second).minimum_calls(1));
    let slow = circuit.try_acquire().unwrap();
    clock.advance(second);

    slow.record(Outcome::NotSent);

    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.totals.slow_calls, snapshot.window.calls), (0, 0));
    assert_eq!(snapshot.slow_in_flight, 0, "it is over");
    record(&circuit, FAILURE);
    assert_eq!(circuit.snapshot().window.slow_calls, 0);
}
