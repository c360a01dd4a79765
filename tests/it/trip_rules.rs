//! Rules 1, 2, 4, 5, 6 and 7: when a circuit trips, and what it forgets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitEvent, CircuitState, FailureKind, Outcome, SlidingWindow,
    TripRule,
};

use crate::support::{FAILURE, SECOND, circuit, fail, fail_as, record, rejection, succeed};

fn reason(circuit: &Circuit) -> Option<ChangeReason> {
    circuit.snapshot().last_trip.map(|trip| trip.reason)
}

#[test]
fn defaults_trip_after_five_consecutive_failures() {
    let (circuit, _) = circuit(|b| b);
    for _ in 0..4 {
        fail(&circuit);
    }
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
    let all: [(Set, ChangeReason); 5] = [
        (
            |b| b.rule(TripRule::consecutive_failures(1).of(CONNECT)),
            ChangeReason::ConsecutiveFailuresOfKind(CONNECT),
        ),
        (|b| b.consecutive_failures(1), ChangeReason::ConsecutiveFailures),
        (|b| b.failure_rate(0.1), ChangeReason::FailureRate),
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
fn a_kind_with_a_rule_of_its_own_is_left_out_of_the_general_run() {
    let connect = FailureKind::new("connect");
    let (circuit, _) =
        circuit(|b| b.consecutive_failures(3).rule(TripRule::consecutive_failures(5).of(connect)));
    fail(&circuit);
    fail(&circuit);
    for _ in 0..4 {
        fail_as(&circuit, "connect");
    }
    assert_eq!(circuit.state(), CircuitState::Closed, "neither run is long enough");

    fail(&circuit);

    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailures), "nor was it broken");
}

#[test]
fn a_kind_rule_opens_for_its_own_time() {
    let quota = FailureKind::new("quota");
    let (circuit, _) = circuit(|b| {
        let rule = TripRule::consecutive_failures(2).of(quota).open_for(300 * SECOND);
        b.consecutive_failures(3).rule(rule)
    });
    fail_as(&circuit, "quota");
    fail_as(&circuit, "timeout");
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail_as(&circuit, "quota");

    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailuresOfKind(quota)));
    assert_eq!(rejection(&circuit).retry_after(), Some(300 * SECOND));
}

#[test]
fn a_success_ends_the_runs_of_all_kinds() {
    let kinds = ["connect", "timeout", "quota"];
    let (circuit, _) = circuit(|b| {
        kinds
            .iter()
            .fold(b, |b, kind| b.rule(TripRule::consecutive_failures(2).of(FailureKind::new(kind))))
    });
    for kind in kinds {
        fail_as(&circuit, kind);
    }

    succeed(&circuit);

    for kind in kinds {
        fail_as(&circuit, kind);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);
    fail_as(&circuit, "quota");
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn windows_count_failures_of_every_kind() {
    let connect = FailureKind::new("connect");
    let (circuit, _) =
        circuit(|b| b.failure_count(2).rule(TripRule::consecutive_failures(9).of(connect)));
    fail_as(&circuit, "connect");

    fail_as(&circuit, "other");

    assert_eq!(reason(&circuit), Some(ChangeReason::FailureCount));
}

#[test]
fn every_change_clears_window_and_runs_and_starts_an_epoch() {
    let (circuit, _) =
        circuit(|b| b.consecutive_failures(3).window(SlidingWindow::count(10)).failure_count(9));
    type Command = fn(&Circuit);
    let commands: [(Command, &str); 5] = [
        (Circuit::reset, "reset while closed"),
        (Circuit::trip, "trip"),
        (Circuit::trip, "trip while open"),
        (Circuit::reset, "reset while open"),
        (Circuit::force_closed, "force_closed"),
    ];
    for (command, name) in commands {
        if circuit.state() == CircuitState::Closed {
            fail(&circuit);
            fail(&circuit);
            assert_eq!(circuit.snapshot().window.calls, 2, "before {name}");
        }
        let epoch = circuit.snapshot().epoch;

        command(&circuit);

        assert_eq!(circuit.snapshot().epoch, epoch + 1, "{name}");
        assert_eq!(circuit.snapshot().window.calls, 0, "{name}");
    }
    circuit.release();
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed, "the run is over, too");
}

#[test]
fn late_results_of_an_old_epoch_are_stale_and_change_nothing() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).window(SlidingWindow::count(10)));
    let late: Vec<_> = (0..5).map(|_| circuit.try_acquire().unwrap()).collect();
    let dropped_late = circuit.try_acquire().unwrap();
    circuit.reset();
    let before = circuit.snapshot();
    let outcomes = [
        FAILURE,
        Outcome::Success,
        Outcome::Ignored,
        Outcome::TripFor(SECOND),
        Outcome::Failure(FailureKind::new("connect")),
    ];

    for (permit, outcome) in late.into_iter().zip(outcomes) {
        permit.record(outcome);
    }
    drop(dropped_late);
    clock.advance(SECOND);

    let after = circuit.snapshot();
    assert_eq!(after.totals.stale, 6);
    assert_eq!(
        (after.state, after.epoch, after.window),
        (before.state, before.epoch, before.window)
    );
    assert_eq!((after.totals.failures, after.totals.abandoned), (0, 0));
}

#[test]
fn late_failures_do_not_extend_the_open_time() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_for(10 * SECOND));
    let late = circuit.try_acquire().unwrap();
    fail(&circuit);
    clock.advance(6 * SECOND);

    late.record(FAILURE);

    assert_eq!(rejection(&circuit).retry_after(), Some(4 * SECOND));
}

#[test]
fn an_upstream_can_ask_to_be_left_alone() {
    let (circuit, _) = circuit(|b| b.open_for(SECOND).longest_trip_for(60 * SECOND));

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
            Some(longest) => b.longest_trip_for(longest),
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
    let rules: [(Set, &str); 4] = [
        (|b| b.slow_call_rate(1.0, SECOND), "slow-call rate"),
        (|b| b.failure_rate(1.0).minimum_calls(1000), "failure rate"),
        (|b| b.failure_count(1000), "failure count"),
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
fn kinds_have_open_times_of_their_own() {
    let (circuit, _) = circuit(|b| {
        let rule = |kind| TripRule::consecutive_failures(1).of(FailureKind::new(kind));
        b.rule(rule("connect").open_for(5 * SECOND)).rule(rule("quota").open_for(300 * SECOND))
    });

    fail_as(&circuit, "quota");

    assert_eq!(rejection(&circuit).retry_after(), Some(300 * SECOND));
}

#[test]
fn a_later_rule_about_the_same_kind_replaces_the_earlier() {
    let (circuit, _) = circuit(|b| {
        let rule =
            |failures| TripRule::consecutive_failures(failures).of(FailureKind::new("connect"));
        b.rule(rule(1)).rule(rule(2))
    });
    fail_as(&circuit, "connect");
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail_as(&circuit, "connect");

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_new_epoch_clears_the_runs_of_kinds() {
    let connect = FailureKind::new("connect");
    let (circuit, _) = circuit(|b| b.rule(TripRule::consecutive_failures(2).of(connect)));
    fail_as(&circuit, "connect");

    circuit.reset();

    fail_as(&circuit, "connect");
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn recovery_starts_an_epoch_with_each_state() {
    let (circuit, clock) = circuit(|b| b);
    circuit.trip();
    clock.advance(30 * SECOND);
    assert_eq!(circuit.snapshot().epoch, 2);

    let probe = circuit.try_acquire().unwrap();

    assert_eq!(circuit.snapshot().epoch, 3, "half-open");
    probe.record(Outcome::Success);
    assert_eq!(circuit.snapshot().epoch, 4, "closed");
}

#[test]
fn forcing_open_starts_an_epoch_also_while_open() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let epoch = circuit.snapshot().epoch;

    circuit.force_open();

    assert_eq!(circuit.snapshot().epoch, epoch + 1);
    circuit.force_open();
    assert_eq!(circuit.snapshot().epoch, epoch + 2, "also when it was forced");
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
