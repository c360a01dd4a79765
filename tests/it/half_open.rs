//! Rules 8 to 13: open, probes, verdicts and backoff.

use std::time::Duration;

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBuilder, CircuitState, ManualClock, Outcome, RejectReason,
};

use crate::support::{FAILURE, SECOND, circuit, fail, ready_to_probe, record, rejection, succeed};

/// A circuit whose next call is a probe.
pub(crate) fn probing(
    set: impl FnOnce(CircuitBuilder) -> CircuitBuilder,
) -> (Circuit, ManualClock) {
    let (circuit, clock) = circuit(set);
    ready_to_probe(&circuit, &clock);
    (circuit, clock)
}

#[test]
fn open_ends_with_the_first_admission_at_the_deadline() {
    let (circuit, clock) = circuit(|b| b.open_for(10 * SECOND));
    circuit.trip();
    clock.advance(10 * SECOND - Duration::from_nanos(1));
    let rejected = rejection(&circuit);
    assert_eq!(rejected.reason(), RejectReason::Open);
    assert_eq!(rejected.retry_after(), Some(Duration::from_nanos(1)));

    clock.advance(Duration::from_nanos(1));

    assert_eq!(circuit.state(), CircuitState::Open, "no timer: it waits for a call");
    let probe = circuit.try_acquire().unwrap();
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    probe.record(Outcome::Success);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn at_most_concurrent_probes_run_at_once() {
    for limit in [1, 2, 7] {
        let (circuit, _) = probing(|b| b.concurrent_probes(limit).probes(20));
        let probes: Vec<_> = (0..limit).map(|_| circuit.try_acquire().unwrap()).collect();

        let rejected = rejection(&circuit);

        assert_eq!(rejected.reason(), RejectReason::ProbesBusy, "limit {limit}");
        assert_eq!(rejected.retry_after(), None, "limit {limit}");
        drop(probes);
        assert!(circuit.try_acquire().is_ok(), "limit {limit}");
    }
}

#[test]
fn the_circuit_closes_after_enough_successful_probes() {
    let (circuit, _) = probing(|b| b.probes(3));
    succeed(&circuit);
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::HalfOpen);

    succeed(&circuit);

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().transitions.half_open_to_closed, 1);
}

#[test]
fn the_circuit_reopens_when_more_probes_fail_than_allowed() {
    let (circuit, _) = probing(|b| b.probes(3).failed_probes_allowed(1));
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::HalfOpen);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().transitions.half_open_to_open, 1);
    assert_eq!(rejection(&circuit).retry_after(), Some(30 * SECOND));
}

#[test]
fn the_verdict_falls_while_other_probes_are_in_flight() {
    let (circuit, _) = probing(|b| b.concurrent_probes(3));
    let first = circuit.try_acquire().unwrap();
    let others = [circuit.try_acquire().unwrap(), circuit.try_acquire().unwrap()];

    first.record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::Closed);
    for late in others {
        late.record(FAILURE);
    }
    assert_eq!(circuit.state(), CircuitState::Closed, "late probes are stale");
    assert_eq!(circuit.snapshot().totals.stale, 2);
}

#[test]
fn a_probe_that_never_ends_loses_its_slot_at_the_lease_end() {
    let (circuit, clock) = probing(|b| b.probe_timeout(5 * SECOND));
    let hung = circuit.try_acquire().unwrap();
    clock.advance(5 * SECOND - Duration::from_nanos(1));
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);

    clock.advance(Duration::from_nanos(1));

    let second = circuit.try_acquire().unwrap();
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);
    drop(hung);
    assert_eq!(
        rejection(&circuit).reason(),
        RejectReason::ProbesBusy,
        "the late drop gives no second slot"
    );
    second.record(Outcome::Success);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_late_verdict_of_the_same_epoch_still_counts() {
    let (circuit, clock) = probing(|b| b.probe_timeout(5 * SECOND));
    let late = circuit.try_acquire().unwrap();
    clock.advance(6 * SECOND);
    let _second = circuit.try_acquire().unwrap();

    late.record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn an_ignored_or_abandoned_probe_gives_its_slot_back() {
    let (circuit, _) = probing(|b| b);

    record(&circuit, Outcome::Ignored);
    drop(circuit.try_acquire().unwrap());

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn sixteen_ignored_probes_in_a_row_close_the_circuit() {
    let (circuit, _) = probing(|b| b.probes(5));
    for _ in 0..15 {
        record(&circuit, Outcome::Ignored);
    }
    succeed(&circuit);
    for _ in 0..15 {
        record(&circuit, Outcome::Ignored);
        drop(circuit.try_acquire().unwrap());
    }
    assert_eq!(circuit.state(), CircuitState::HalfOpen, "the success broke the row");

    record(&circuit, Outcome::Ignored);

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().transitions.half_open_to_closed, 1);
}

#[test]
fn a_slow_probe_is_a_failed_probe_when_slow_calls_are_ruled() {
    let (circuit, clock) = probing(|b| b.slow_call_rate(0.5, SECOND));
    let slow = circuit.try_acquire().unwrap();
    clock.advance(SECOND);

    slow.record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().totals.successes, 1, "it is still a success");
}

#[test]
fn a_slow_probe_passes_without_a_rule_for_slow_calls() {
    let (circuit, clock) = probing(|b| b);
    let slow = circuit.try_acquire().unwrap();
    clock.advance(20 * SECOND);

    slow.record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn probes_of_an_older_epoch_hold_no_slots() {
    let (circuit, clock) = probing(|b| b);
    let old = circuit.try_acquire().unwrap();
    ready_to_probe(&circuit, &clock);

    let current = circuit.try_acquire().unwrap();

    drop(old);
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy, "the slot stays taken");
    current.record(Outcome::Success);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn calls_admitted_while_closed_do_not_decide_the_probing() {
    let (circuit, clock) = circuit(|b| b);
    let closed_call = circuit.try_acquire().unwrap();
    ready_to_probe(&circuit, &clock);
    let _probe = circuit.try_acquire().unwrap();

    closed_call.record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    assert_eq!(circuit.snapshot().totals.stale, 1);
}

#[test]
fn the_reasons_of_all_changes_are_told() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    let reasons = crate::listeners::reasons(&circuit);
    fail(&circuit);
    clock.advance(30 * SECOND);
    fail(&circuit);
    clock.advance(30 * SECOND);
    succeed(&circuit);

    let told = reasons.lock().unwrap().clone();

    assert_eq!(
        told,
        [
            ChangeReason::ConsecutiveFailures,
            ChangeReason::OpenTimeOver,
            ChangeReason::ProbesFailed,
            ChangeReason::OpenTimeOver,
            ChangeReason::ProbesSucceeded,
        ]
    );
}

#[test]
fn each_kind_of_verdict_counts_for_itself() {
    let (circuit, _) = probing(|b| b.probes(2).failed_probes_allowed(1));
    succeed(&circuit);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::HalfOpen, "one success of two");

    succeed(&circuit);

    assert_eq!(circuit.state(), CircuitState::Closed, "the failure took nothing away");
}

#[test]
fn successes_between_failed_probes_do_not_make_up_for_them() {
    let (circuit, _) = probing(|b| b.probes(3).failed_probes_allowed(1));
    fail(&circuit);
    succeed(&circuit);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_slot_is_free_when_the_first_of_several_leases_ends() {
    let (circuit, clock) = probing(|b| b.concurrent_probes(2).probes(9).probe_timeout(10 * SECOND));
    let _first = circuit.try_acquire().unwrap();
    clock.advance(6 * SECOND);
    let _second = circuit.try_acquire().unwrap();
    clock.advance(4 * SECOND - Duration::from_nanos(1));
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);

    clock.advance(Duration::from_nanos(1));

    let _third = circuit.try_acquire().expect("the first lease is over");
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy, "the second is not");
}

#[test]
fn a_probe_timeout_may_be_shorter_than_a_second() {
    let (circuit, clock) = probing(|b| b.probe_timeout(SECOND / 100));
    let _hung = circuit.try_acquire().unwrap();

    clock.advance(SECOND / 100);

    assert!(circuit.try_acquire().is_ok());
}

#[test]
fn a_failed_probe_breaks_the_row_of_ignored_ones() {
    let (circuit, _) = probing(|b| b.failed_probes_allowed(1));
    for _ in 0..15 {
        record(&circuit, Outcome::Ignored);
    }
    fail(&circuit);

    record(&circuit, Outcome::Ignored);

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
}

#[test]
fn closing_on_ignored_probes_has_a_reason_of_its_own() {
    let (circuit, _) = probing(|b| b);
    let reasons = crate::listeners::reasons(&circuit);

    for _ in 0..16 {
        record(&circuit, Outcome::Ignored);
    }

    assert_eq!(*reasons.lock().unwrap(), [ChangeReason::OpenTimeOver, ChangeReason::ProbesIgnored]);
}

#[test]
fn a_slow_ignored_probe_is_ignored() {
    let (circuit, clock) = probing(|b| b.slow_call_rate(0.5, SECOND));
    let slow = circuit.try_acquire().unwrap();
    clock.advance(SECOND);

    slow.record(Outcome::Ignored);

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
}
