//! Rules 8 to 13: open, probes, verdicts and backoff.

use std::time::Duration;

use tower_circuit_breaker::{
    Backoff, ChangeReason, Circuit, CircuitBuilder, CircuitState, ManualClock, Outcome,
    RejectReason,
};

use crate::support::{FAILURE, SECOND, circuit, fail, ready_to_probe, record, rejection, succeed};

/// A circuit whose next call is a probe.
fn probing(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> (Circuit, ManualClock) {
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
fn the_verdict_falls_while_other_probes_are_under_way() {
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
fn the_lease_is_the_open_time_but_at_least_a_second() {
    for (open_for, lease) in [(SECOND / 100, SECOND), (20 * SECOND, 20 * SECOND)] {
        let (circuit, clock) = probing(|b| b.open_for(open_for));
        let _hung = circuit.try_acquire().unwrap();
        clock.advance(lease - Duration::from_nanos(1));
        assert!(circuit.try_acquire().is_err(), "{open_for:?}");

        clock.advance(Duration::from_nanos(1));

        assert!(circuit.try_acquire().is_ok(), "{open_for:?}");
    }
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
fn each_failed_probe_takes_the_next_backoff_step() {
    let backoff = Backoff::exponential(SECOND, 5 * SECOND).without_jitter();
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
    fail(&circuit);

    let mut open_times = Vec::new();
    for _ in 0..5 {
        let left = circuit.snapshot().retry_after.unwrap();
        open_times.push(left.as_secs());
        clock.advance(left);
        fail(&circuit);
    }

    assert_eq!(open_times, [1, 2, 4, 5, 5]);
}

#[test]
fn the_backoff_starts_over_after_staying_closed_as_long_as_it_was_open() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    for (closed_for, next) in [(8 * SECOND - Duration::from_nanos(1), 16), (8 * SECOND, 4)] {
        let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
        fail(&circuit);
        clock.advance(4 * SECOND);
        fail(&circuit);
        clock.advance(8 * SECOND);
        succeed(&circuit);
        assert_eq!(circuit.state(), CircuitState::Closed);

        clock.advance(closed_for);
        fail(&circuit);

        let open_for = circuit.snapshot().retry_after.unwrap();
        assert_eq!(open_for, next * SECOND, "closed for {closed_for:?}");
    }
}

#[test]
fn jittered_open_times_stay_in_the_upper_half_of_their_step() {
    let backoff = Backoff::exponential(8 * SECOND, 60 * SECOND);
    let mut seen = Vec::new();
    for _ in 0..50 {
        let (circuit, _) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
        fail(&circuit);
        seen.push(circuit.snapshot().retry_after.unwrap());
    }

    assert!(seen.iter().all(|time| (4 * SECOND..=8 * SECOND).contains(time)), "{seen:?}");
    assert!(seen.iter().any(|time| *time != seen[0]), "all fifty circuits drew the same time");
}

#[test]
fn a_probe_can_bring_the_upstreams_own_open_time() {
    let (circuit, _) = probing(|b| b.failed_probes_allowed(3));

    record(&circuit, Outcome::TripFor(120 * SECOND));

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(rejection(&circuit).retry_after(), Some(120 * SECOND));
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
fn the_lease_follows_the_open_time_that_has_just_ended() {
    let (circuit, clock) = circuit(|b| b.open_for(2 * SECOND));
    circuit.trip_for(50 * SECOND);
    clock.advance(50 * SECOND);
    let _hung = circuit.try_acquire().unwrap();
    clock.advance(50 * SECOND - Duration::from_nanos(1));
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);

    clock.advance(Duration::from_nanos(1));

    assert!(circuit.try_acquire().is_ok());
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

#[test]
fn a_trip_while_open_repeats_the_backoff_step() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    let (circuit, _) = circuit(|b| b.open_backoff(backoff));
    circuit.trip();

    circuit.trip();

    assert_eq!(rejection(&circuit).retry_after(), Some(4 * SECOND));
}

#[test]
fn reset_forgets_the_backoff() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
    fail(&circuit);
    clock.advance(4 * SECOND);
    fail(&circuit);
    assert_eq!(rejection(&circuit).retry_after(), Some(8 * SECOND));

    circuit.reset();

    fail(&circuit);
    assert_eq!(rejection(&circuit).retry_after(), Some(4 * SECOND));
}

#[test]
fn a_long_time_half_open_does_not_start_the_backoff_over() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    let (circuit, clock) = probing(|b| b.open_backoff(backoff));
    let probe = circuit.try_acquire().unwrap();
    clock.advance(3600 * SECOND);

    probe.record(FAILURE);

    assert_eq!(rejection(&circuit).retry_after(), Some(8 * SECOND));
}

#[test]
fn an_open_time_that_the_upstream_asked_for_counts_in_the_backoff() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
    fail(&circuit);
    clock.advance(4 * SECOND);
    record(&circuit, Outcome::TripFor(100 * SECOND));
    clock.advance(100 * SECOND);
    succeed(&circuit);
    clock.advance(99 * SECOND);

    fail(&circuit);

    assert_eq!(rejection(&circuit).retry_after(), Some(16 * SECOND), "the third step");
}

#[test]
fn a_probe_cannot_bring_more_than_the_longest_open_time() {
    let (circuit, _) = probing(|b| b.longest_trip_for(60 * SECOND));

    record(&circuit, Outcome::TripFor(61 * SECOND));

    assert_eq!(rejection(&circuit).retry_after(), Some(60 * SECOND));
}

#[test]
fn the_backoff_stays_at_its_maximum() {
    let backoff = Backoff::exponential(SECOND, 5 * SECOND).without_jitter();
    let (circuit, clock) = probing(|b| b.open_backoff(backoff));

    for step in 0..70 {
        fail(&circuit);
        let left = circuit.snapshot().retry_after.unwrap();
        assert_eq!(
            left,
            if step == 0 {
                2 * SECOND
            } else if step == 1 {
                4 * SECOND
            } else {
                5 * SECOND
            }
        );
        clock.advance(left);
    }
}
