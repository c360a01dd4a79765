//! Rules 1, 2, 4, 5, 6 and 7: when a circuit trips, and what it forgets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitEvent, CircuitState, FailureKind, Outcome, SlidingWindow,
    TripRule,
};

use crate::support::{FAILURE, SECOND, circuit, fail, record, rejection, succeed};

pub(crate) fn reason(circuit: &Circuit) -> Option<ChangeReason> {
    circuit.snapshot().last_trip.map(|trip| trip.reason)
}

#[test]
fn defaults_trip_after_five_consecutive_failures_that_last_a_second() {
    let (circuit, clock) = circuit(|b| b);
    for _ in 0..4 {
        fail(&circuit);
    }
    clock.advance(SECOND);
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailures));
    assert_eq!(rejection(&circuit).retry_after(), Some(Duration::from_secs(30)));
}

#[test]
fn defaults_trip_when_half_of_twenty_calls_failed() {
    let (circuit, _) = circuit(|b| b);
    for _ in 0..9 {
        fail(&circuit);
        succeed(&circuit);
    }
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed, "nineteen calls are too few");

    fail(&circuit);

    assert_eq!(reason(&circuit), Some(ChangeReason::FailureRate));
}

#[test]
fn setting_any_rule_replaces_the_defaults() {
    let (circuit, _) = circuit(|b| b.failure_count(1000));
    for _ in 0..500 {
        fail(&circuit);
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_rate_of_exactly_the_threshold_trips() {
    for (rate, calls, failures) in [(0.5, 10, 5), (0.1, 10, 1), (1.0 / 3.0, 9, 3), (0.29, 100, 29)]
    {
        let (circuit, _) = circuit(|b| {
            b.failure_rate(rate).minimum_calls(calls).window(SlidingWindow::count(calls))
        });
        for _ in 0..calls - failures {
            succeed(&circuit);
        }
        for _ in 0..failures - 1 {
            fail(&circuit);
        }
        assert_eq!(circuit.state(), CircuitState::Closed, "one short of {rate}");

        fail(&circuit);

        assert_eq!(circuit.state(), CircuitState::Open, "{failures} of {calls} is {rate}");
    }
}

#[test]
fn a_rate_of_one_is_reachable() {
    let (circuit, _) = circuit(|b| b.failure_rate(1.0).minimum_calls(3));
    fail(&circuit);
    fail(&circuit);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_fast_success_never_trips() {
    let (circuit, _) = circuit(|b| b.failure_rate(0.5).minimum_calls(4));
    for _ in 0..3 {
        fail(&circuit);
    }

    succeed(&circuit);

    assert_eq!(circuit.snapshot().failure_rate(), Some(0.75));
    assert_eq!(circuit.state(), CircuitState::Closed, "three of four, but a success came last");
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_slow_success_can_trip() {
    let (circuit, clock) =
        circuit(|b| b.slow_call_rate(0.5, SECOND).minimum_calls(2).failure_rate(1.0));
    let slow = circuit.try_acquire().unwrap();
    clock.advance(SECOND);
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);

    slow.record(Outcome::Success);

    assert_eq!(reason(&circuit), Some(ChangeReason::SlowCallRate));
    assert_eq!(circuit.snapshot().totals.slow_calls, 1);
}

#[test]
fn a_call_one_nanosecond_under_the_limit_is_fast() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND).minimum_calls(1));
    let call = circuit.try_acquire().unwrap();
    clock.advance(SECOND - Duration::from_nanos(1));

    call.record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn ignored_and_abandoned_calls_are_in_no_window_and_no_run() {
    let (circuit, _) =
        circuit(|b| b.consecutive_failures(3).window(SlidingWindow::count(10)).failure_count(9));
    fail(&circuit);
    fail(&circuit);

    record(&circuit, Outcome::Ignored);
    drop(circuit.try_acquire().unwrap());

    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.window.calls, snapshot.window.failures), (2, 2));
    assert_eq!((snapshot.totals.ignored, snapshot.totals.abandoned), (1, 1));
    fail(&circuit);
    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailures), "the run went on");
}

#[test]
fn a_success_ends_the_run() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));
    fail(&circuit);
    succeed(&circuit);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn minimum_calls_above_a_count_window_means_its_size() {
    let (circuit, _) =
        circuit(|b| b.failure_rate(0.5).minimum_calls(1000).window(SlidingWindow::count(4)));
    for _ in 0..3 {
        fail(&circuit);
    }
    assert_eq!(circuit.snapshot().failure_rate(), None);
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn rates_below_the_minimum_are_none() {
    let (circuit, _) = circuit(|b| b.failure_rate(1.0).minimum_calls(2));
    fail(&circuit);
    assert_eq!(circuit.snapshot().failure_rate(), None);

    succeed(&circuit);

    assert_eq!(circuit.snapshot().failure_rate(), Some(0.5));
}

#[test]
fn failure_count_needs_no_minimum() {
    let (circuit, _) = circuit(|b| b.failure_count(2).minimum_calls(100));
    fail(&circuit);
    succeed(&circuit);

    fail(&circuit);

    assert_eq!(reason(&circuit), Some(ChangeReason::FailureCount));
}

#[test]
fn the_first_rule_in_order_is_reported() {
    const CONNECT: FailureKind = FailureKind::new("connect");
    type Set = fn(tower_circuit_breaker::CircuitBuilder) -> tower_circuit_breaker::CircuitBuilder;
    let all: [(Set, ChangeReason); 6] = [
        (
            |b| b.rule(TripRule::consecutive_failures(1).of(CONNECT)),
            ChangeReason::ConsecutiveFailuresOfKind(CONNECT),
        ),
        (|b| b.consecutive_failures(1), ChangeReason::ConsecutiveFailures),
        (|b| b.failure_rate(0.1), ChangeReason::FailureRate),
        (|b| b.failure_rate_confident(0.1, 0.9), ChangeReason::FailureRateConfident),
        (|b| b.slow_call_rate(0.1, SECOND), ChangeReason::SlowCallRate),
        (|b| b.failure_count(1), ChangeReason::FailureCount),
    ];
    for first in 0..all.len() {
        let (circuit, clock) =
            circuit(|b| all[first..].iter().rev().fold(b.minimum_calls(1), |b, (set, _)| set(b)));
        let call = circuit.try_acquire().unwrap();
        clock.advance(SECOND);

        call.record(Outcome::Failure(CONNECT));

        assert_eq!(reason(&circuit), Some(all[first].1), "rules {first} and later hold");
    }
}

#[test]
fn an_upstream_can_ask_to_be_left_alone() {
    let (circuit, _) = circuit(|b| b.open_for(SECOND).max_trip_for(60 * SECOND));

    record(&circuit, Outcome::TripFor(20 * SECOND));

    assert_eq!(reason(&circuit), Some(ChangeReason::UpstreamAsked));
    assert_eq!(rejection(&circuit).retry_after(), Some(20 * SECOND));
    assert_eq!(circuit.snapshot().totals.failures, 1);
}

#[test]
fn what_an_upstream_asks_for_is_capped() {
    for (set, asked, granted) in [
        (None, Duration::MAX, Duration::from_secs(3600)),
        (Some(60 * SECOND), 61 * SECOND, 60 * SECOND),
        (Some(60 * SECOND), Duration::ZERO, Duration::ZERO),
    ] {
        let (circuit, _) = circuit(|b| match set {
            Some(longest) => b.max_trip_for(longest),
            None => b,
        });

        record(&circuit, Outcome::TripFor(asked));

        assert_eq!(circuit.snapshot().retry_after, Some(granted), "asked for {asked:?}");
    }
}

#[test]
fn the_event_of_a_trip_shows_the_window_that_tripped() {
    let (circuit, _) = circuit(|b| b.failure_rate(0.5).minimum_calls(2));
    let seen = Arc::new(Mutex::new(None));
    let store = Arc::clone(&seen);
    circuit.on_event(move |event: &CircuitEvent| *store.lock().unwrap() = Some(event.clone()));
    succeed(&circuit);

    fail(&circuit);

    let event = seen.lock().unwrap().take();
    let Some(CircuitEvent::StateChanged { window, open_for, reason, .. }) = event else {
        panic!("no change was told: {event:?}");
    };
    assert_eq!((window.calls, window.failures), (2, 1));
    assert_eq!(open_for, Some(Duration::from_secs(30)));
    assert_eq!(reason, ChangeReason::FailureRate);
}

#[test]
fn nineteen_calls_are_too_few_for_the_default_rate() {
    let (circuit, _) = circuit(|b| b);
    for _ in 0..9 {
        succeed(&circuit);
        fail(&circuit);
    }

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Closed, "ten of nineteen");
    succeed(&circuit);
    fail(&circuit);
    assert_eq!(reason(&circuit), Some(ChangeReason::FailureRate));
}

#[test]
fn a_rule_of_any_sort_replaces_the_defaults() {
    type Set = fn(tower_circuit_breaker::CircuitBuilder) -> tower_circuit_breaker::CircuitBuilder;
    let rules: [(Set, &str); 5] = [
        (|b| b.slow_call_rate(1.0, SECOND), "slow-call rate"),
        (|b| b.failure_rate(1.0).minimum_calls(1000), "failure rate"),
        (|b| b.failure_count(1000), "failure count"),
        (|b| b.failure_rate_confident(0.99, 0.99), "confident failure rate"),
        (
            |b| b.rule(TripRule::consecutive_failures(9).of(FailureKind::new("connect"))),
            "consecutive failures of a kind",
        ),
    ];
    for (set, name) in rules {
        let (circuit, _) = circuit(set);

        for _ in 0..50 {
            fail(&circuit);
        }

        assert_eq!(circuit.state(), CircuitState::Closed, "{name}");
    }
}

#[test]
fn each_rule_opens_for_its_own_time() {
    let rules = [
        (TripRule::consecutive_failures(1), ChangeReason::ConsecutiveFailures),
        (TripRule::failure_rate(1.0), ChangeReason::FailureRate),
        (TripRule::failure_rate_confident(0.1, 0.9), ChangeReason::FailureRateConfident),
        (TripRule::slow_call_rate(1.0, SECOND), ChangeReason::SlowCallRate),
        (TripRule::failure_count(1), ChangeReason::FailureCount),
    ];
    for (rule, expected) in rules {
        let (circuit, clock) = circuit(|b| b.minimum_calls(1).rule(rule.open_for(77 * SECOND)));
        let call = circuit.try_acquire().unwrap();
        clock.advance(SECOND);

        call.record(FAILURE);

        assert_eq!(reason(&circuit), Some(expected));
        assert_eq!(rejection(&circuit).retry_after(), Some(77 * SECOND), "{expected:?}");
    }
}

#[test]
fn a_slow_success_ends_the_run() {
    let (circuit, clock) =
        circuit(|b| b.consecutive_failures(2).slow_call_rate(1.0, SECOND).minimum_calls(1000));
    fail(&circuit);
    let slow = circuit.try_acquire().unwrap();
    clock.advance(SECOND);

    slow.record(Outcome::Success);

    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn slow_successes_and_failures_are_slow_calls_and_ignored_ones_are_not() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND));
    for (outcome, slow_calls) in [(Outcome::Success, 1), (FAILURE, 2), (Outcome::Ignored, 2)] {
        let slow = circuit.try_acquire().unwrap();
        clock.advance(SECOND);

        slow.record(outcome);

        let snapshot = circuit.snapshot();
        assert_eq!(snapshot.totals.slow_calls, slow_calls, "{outcome:?}");
        assert_eq!(snapshot.window.slow_calls, slow_calls, "{outcome:?}");
    }
}

#[test]
fn a_slow_call_rule_has_the_default_window() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND).minimum_calls(2));
    let slow = [circuit.try_acquire().unwrap(), circuit.try_acquire().unwrap()];
    clock.advance(SECOND);

    for call in slow {
        call.record(Outcome::Success);
    }

    assert_eq!(reason(&circuit), Some(ChangeReason::SlowCallRate));
}

#[test]
fn the_minimum_shown_is_that_of_the_window() {
    let (circuit, _) =
        circuit(|b| b.failure_rate(1.0).minimum_calls(1000).window(SlidingWindow::count(4)));
    fail(&circuit);
    for _ in 0..3 {
        succeed(&circuit);
    }

    assert_eq!(circuit.snapshot().failure_rate(), Some(0.25));
}

#[test]
fn what_an_upstream_asks_for_is_a_failure_in_the_window() {
    let (circuit, _) = circuit(|b| b.failure_rate(1.0));

    record(&circuit, Outcome::TripFor(SECOND));

    let trip = circuit.snapshot().last_trip.unwrap();
    assert_eq!((trip.window.calls, trip.window.failures), (1, 1));
}
