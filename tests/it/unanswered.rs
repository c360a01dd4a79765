//! Rules 10 to 12: probes that have no answer.

use std::time::Duration;

use tower_circuit_breaker::{
    Backoff, ChangeReason, Circuit, CircuitBuilder, CircuitEvent, CircuitState, FailureKind,
    ManualClock, Outcome,
};

use crate::half_open::probing;
use crate::left_bodies::announced;
use crate::script::{call, counted};
use crate::support::{FAILURE, SECOND, ready_to_probe, record, rejection};

const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_nanos(1);

/// Half-open under an open time of 10 s that doubles, with leases that outlast every test.
fn asking(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> (Circuit, ManualClock) {
    let backoff = Backoff::exponential(10 * SECOND, MINUTE).without_jitter();
    probing(|b| set(b.open_backoff(backoff).probe_timeout(60 * MINUTE)))
}

/// A probe that its caller drops after this long.
#[track_caller]
fn drop_after(circuit: &Circuit, clock: &ManualClock, wait: Duration) {
    let probe = circuit.try_acquire().expect("a slot is free");
    clock.advance(wait);
    drop(probe);
}

/// Why the circuit last changed.
fn last_reason(circuit: &Circuit) -> Option<ChangeReason> {
    circuit.recent_events().into_iter().rev().find_map(|recent| match recent.event {
        CircuitEvent::StateChanged { reason, .. } => Some(reason),
        _ => None,
    })
}

#[test]
fn sixteen_unanswered_probes_over_a_minute_reopen_the_circuit() {
    let (circuit, clock) = asking(|b| b);
    for probe in 1..16 {
        drop_after(&circuit, &clock, 4 * SECOND);
        assert_eq!(circuit.state(), CircuitState::HalfOpen, "after {probe}");
    }

    drop_after(&circuit, &clock, 4 * SECOND);

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(last_reason(&circuit), Some(ChangeReason::ProbesUnanswered));
    assert_eq!(ChangeReason::ProbesUnanswered.as_str(), "probes_unanswered");
    assert_eq!(rejection(&circuit).retry_after(), Some(20 * SECOND), "the next step");
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.abandoned, totals.failures, totals.trips), (16, 0, 1));
}

#[test]
fn sixteen_in_less_than_a_minute_do_not_and_the_first_that_ends_later_does() {
    let (circuit, clock) = asking(|b| b);
    for _ in 0..100 {
        drop_after(&circuit, &clock, SECOND / 100);
    }
    clock.advance(MINUTE - SECOND - MOMENT);
    drop_after(&circuit, &clock, Duration::ZERO);
    assert_eq!(circuit.state(), CircuitState::HalfOpen, "a moment is missing");
    clock.advance(MOMENT);

    drop_after(&circuit, &clock, Duration::ZERO);

    assert_eq!(last_reason(&circuit), Some(ChangeReason::ProbesUnanswered));
}

#[test]
fn fifteen_are_too_few_however_long_they_take() {
    let (circuit, clock) = asking(|b| b);
    for _ in 0..15 {
        drop_after(&circuit, &clock, 2 * MINUTE);
    }

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
}

#[test]
fn any_answer_ends_the_row() {
    let answers: [(&str, Outcome); 3] =
        [("ignored", Outcome::Ignored), ("success", Outcome::Success), ("failure", FAILURE)];
    for (which, answer) in answers {
        let (circuit, clock) = asking(|b| b.probes(2).failed_probes_allowed(1));
        for _ in 0..15 {
            drop_after(&circuit, &clock, 4 * SECOND);
        }
        record(&circuit, answer);

        for _ in 0..15 {
            drop_after(&circuit, &clock, 4 * SECOND);
        }
        assert_eq!(circuit.state(), CircuitState::HalfOpen, "{which}");

        drop_after(&circuit, &clock, 4 * SECOND);
        assert_eq!(circuit.state(), CircuitState::Open, "{which}: sixteen after it");
    }
}

#[test]
fn a_good_head_alone_ends_the_row() {
    let (circuit, clock) = asking(|b| b.concurrent_probes(2).abandoned_after(60 * MINUTE));
    for _ in 0..15 {
        drop_after(&circuit, &clock, 4 * SECOND);
    }
    // Not judged before the last assertion: it is held, and its body says nothing.
    let head = call(&circuit, announced("4", []));

    for _ in 0..15 {
        drop_after(&circuit, &clock, 4 * SECOND);
    }
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    assert_eq!(counted(&circuit), [0, 0, 0, 30]);

    drop_after(&circuit, &clock, 4 * SECOND);
    assert_eq!(last_reason(&circuit), Some(ChangeReason::ProbesUnanswered), "sixteen after it");
    drop(head);
}

#[test]
fn probes_not_sent_end_no_row() {
    let (circuit, clock) = asking(|b| b);
    for _ in 0..16 {
        record(&circuit, Outcome::NotSent);
        assert_eq!(circuit.state(), CircuitState::HalfOpen);
        drop_after(&circuit, &clock, 4 * SECOND);
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_new_epoch_begins_a_new_row() {
    let (circuit, clock) = asking(|b| b);
    for _ in 0..15 {
        drop_after(&circuit, &clock, 4 * SECOND);
    }
    ready_to_probe(&circuit, &clock);

    for _ in 0..15 {
        drop_after(&circuit, &clock, 4 * SECOND);
    }

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
}

#[test]
fn a_lease_that_ends_counts_as_unanswered_and_only_once() {
    let (circuit, clock) = probing(|b| b.probe_timeout(5 * SECOND));
    let mut hung = Vec::new();
    for probe in 0..15 {
        hung.push(circuit.try_acquire().expect("the lease before is over"));
        clock.advance(5 * SECOND);
        // Dropped in time, or long after its lease was ended by the next admission.
        if probe % 2 == 1 {
            drop(hung.remove(0));
        }
    }
    hung.clear();
    assert_eq!(circuit.state(), CircuitState::HalfOpen, "the last of fifteen leases is not ended");
    assert_eq!(circuit.snapshot().totals.abandoned, 15);

    let last = circuit.try_acquire().expect("a slot is free");
    clock.advance(5 * SECOND);
    let refused = rejection(&circuit);

    assert_eq!(last_reason(&circuit), Some(ChangeReason::ProbesUnanswered));
    assert!(refused.retry_after().is_some(), "{refused}");
    drop(last);
    assert_eq!(circuit.snapshot().totals.stale, 1);
}

#[test]
fn a_late_word_after_the_lease_still_counts() {
    for (word, closes) in [(Outcome::Success, true), (FAILURE, false)] {
        let (circuit, clock) = probing(|b| b.probe_timeout(5 * SECOND));
        let late = circuit.try_acquire().unwrap();
        clock.advance(5 * SECOND);
        let _second = circuit.try_acquire().unwrap();
        clock.advance(SECOND);

        late.record(word);

        let expected = if closes { CircuitState::Closed } else { CircuitState::Open };
        assert_eq!(circuit.state(), expected, "{word:?}");
    }
}

#[test]
fn under_slow_and_stalled_rules_a_probe_fails_after_the_shorter_time() {
    let rules: [(&str, fn(CircuitBuilder) -> CircuitBuilder); 3] = [
        ("slow", |b| b.slow_call_rate(0.5, 3 * SECOND)),
        ("stalled", |b| b.stalled_calls(20, 3 * SECOND)),
        ("both", |b| b.slow_call_rate(0.5, 9 * SECOND).stalled_calls(20, 3 * SECOND)),
    ];
    for (which, rule) in rules {
        let (circuit, clock) = asking(rule);
        drop_after(&circuit, &clock, 3 * SECOND - MOMENT);
        assert_eq!(circuit.state(), CircuitState::HalfOpen, "{which}: dropped a moment before");
        drop_after(&circuit, &clock, 3 * SECOND);
        assert_eq!(last_reason(&circuit), Some(ChangeReason::ProbesFailed), "{which}: dropped");
        let failures = circuit.snapshot().failures_by_kind;
        assert!(failures.contains(&(FailureKind::ABANDONED, 1)), "{which}: {failures:?}");

        let (circuit, clock) = asking(rule);
        let took = circuit.try_acquire().unwrap();
        clock.advance(3 * SECOND);
        took.record(Outcome::Success);
        assert_eq!(last_reason(&circuit), Some(ChangeReason::ProbesFailed), "{which}: took");
        assert_eq!(circuit.snapshot().totals.successes, 1, "{which}: and is a success");
    }
}

#[test]
fn under_such_a_rule_a_lease_that_ends_after_its_time_is_a_failure() {
    let (circuit, clock) =
        probing(|b| b.stalled_calls(20, 3 * SECOND).probe_timeout(5 * SECOND).open_for(9 * SECOND));
    let hung = circuit.try_acquire().unwrap();
    clock.advance(5 * SECOND);

    let refused = rejection(&circuit);

    assert_eq!(last_reason(&circuit), Some(ChangeReason::ProbesFailed));
    assert_eq!(refused.retry_after(), Some(9 * SECOND));
    assert_eq!(circuit.snapshot().totals.failures, 0, "a lease that ends moves the state alone");
    drop(hung);
    assert_eq!(circuit.snapshot().totals.stale, 1);
}

#[test]
fn a_failure_by_its_lease_is_not_counted_again_when_the_call_ends() {
    let endings: [(&str, Option<Outcome>); 4] = [
        ("drop", None),
        ("failure", Some(FAILURE)),
        ("success", Some(Outcome::Success)),
        ("ignored", Some(Outcome::Ignored)),
    ];
    for (which, ending) in endings {
        let (circuit, clock) = probing(|b| {
            b.stalled_calls(20, 3 * SECOND)
                .probe_timeout(5 * SECOND)
                .failed_probes_allowed(1)
                .probes(2)
        });
        let late = circuit.try_acquire().unwrap();
        clock.advance(5 * SECOND);
        let second = circuit.try_acquire().expect("one may fail");

        match ending {
            Some(outcome) => late.record(outcome),
            None => drop(late),
        }
        assert_eq!(circuit.state(), CircuitState::HalfOpen, "{which}: it has failed already");

        drop(second);
        record(&circuit, FAILURE);
        assert_eq!(circuit.state(), CircuitState::Open, "{which}: the second that failed");
    }
}

#[test]
fn a_probe_dropped_under_abandoned_after_has_failed() {
    let (circuit, clock) = asking(|b| b.abandoned_after(2 * SECOND));
    drop_after(&circuit, &clock, 2 * SECOND - MOMENT);
    assert_eq!(circuit.state(), CircuitState::HalfOpen);

    drop_after(&circuit, &clock, 2 * SECOND);

    assert_eq!(last_reason(&circuit), Some(ChangeReason::ProbesFailed));
}

#[test]
fn under_observation_unanswered_probes_reopen_and_the_call_goes_through() {
    let (circuit, clock) = probing(|b| b.probe_timeout(5 * SECOND));
    circuit.observe();
    let mut hung = Vec::new();
    for _ in 0..16 {
        hung.push(circuit.try_acquire().unwrap());
        clock.advance(5 * SECOND);
    }
    let before = circuit.snapshot().totals.would_have_rejected;

    let observed = circuit.try_acquire();

    assert!(observed.is_ok());
    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().totals.would_have_rejected, before + 1);
}
