//! Runs of failures that are to last: the default rule.

use std::panic::catch_unwind;
use std::time::Duration;

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBuilder, CircuitState, FailureKind, ManualClock, Outcome,
    TripRule,
};

use crate::support::{FAILURE, SECOND, circuit, fail, fail_as, succeed};
use crate::trip_rules::reason;

const MOMENT: Duration = Duration::from_nanos(1);

fn five_over_a_second() -> (Circuit, ManualClock) {
    circuit(|b| b.rule(TripRule::consecutive_failures(5).lasting(SECOND)))
}

#[test]
fn failures_that_come_together_are_one_fault() {
    let (circuit, clock) = five_over_a_second();
    for _ in 0..1_000 {
        fail(&circuit);
    }
    clock.advance(SECOND - MOMENT);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed, "a moment is missing");
    clock.advance(MOMENT);

    fail(&circuit);

    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailures));
}

#[test]
fn a_run_that_lasts_has_to_be_long_enough_too() {
    let (circuit, clock) = five_over_a_second();
    for _ in 0..4 {
        fail(&circuit);
        clock.advance(60 * SECOND);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_success_ends_the_run_and_the_next_failure_begins_another() {
    let (circuit, clock) = five_over_a_second();
    for _ in 0..4 {
        fail(&circuit);
    }
    clock.advance(SECOND);
    succeed(&circuit);

    for _ in 0..5 {
        fail(&circuit);
        clock.advance(SECOND / 5);
    }
    assert_eq!(circuit.state(), CircuitState::Closed, "0.8 s from its first to its last");

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_new_epoch_begins_a_new_run() {
    let (circuit, clock) = five_over_a_second();
    for _ in 0..9 {
        fail(&circuit);
    }
    circuit.reset();
    clock.advance(SECOND);

    for _ in 0..5 {
        fail(&circuit);
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn runs_of_a_kind_last_for_their_own_time() {
    let rule = |name, lasting| {
        TripRule::consecutive_failures(2).of(FailureKind::new(name)).lasting(lasting)
    };
    let (circuit, clock) =
        circuit(|b| b.rule(rule("connect", SECOND)).rule(rule("timeout", 2 * SECOND)));
    fail_as(&circuit, "timeout");
    fail_as(&circuit, "connect");
    clock.advance(SECOND);
    fail_as(&circuit, "timeout");
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail_as(&circuit, "connect");

    let kind = FailureKind::new("connect");
    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailuresOfKind(kind)));
}

#[test]
fn the_setter_of_consecutive_failures_stays_exact() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(5));
    for _ in 0..5 {
        fail(&circuit);
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn other_rules_cannot_last_and_nothing_lasts_for_no_time() {
    let rules: [fn(); 2] = [
        || drop(TripRule::failure_rate(0.5).lasting(SECOND)),
        || drop(TripRule::consecutive_failures(5).lasting(Duration::ZERO)),
    ];
    let messages = rules.map(|rule| *catch_unwind(rule).unwrap_err().downcast::<String>().unwrap());

    assert!(messages[0].contains("TripRule::consecutive_failures(n).lasting(..)"), "{messages:?}");
    assert!(messages[1].contains("lasting is 0ns"), "{messages:?}");
}

/// How long the defaults take to find that an upstream is down which gets so many calls a second, after
/// twenty in which it was well: time, and failed calls.
fn found_after(per_second: u32) -> (Duration, u32) {
    let (circuit, clock) = circuit(|b| b);
    let every = SECOND / per_second;
    for _ in 0..20 * per_second {
        succeed(&circuit);
        clock.advance(every);
    }
    let mut failed = 0;
    while circuit.state() == CircuitState::Closed {
        failed += 1;
        fail(&circuit);
        clock.advance(every);
    }
    (every * (failed - 1), failed)
}

#[test]
fn the_defaults_find_a_dead_upstream_a_second_later() {
    for (per_second, failed) in [(1, 5), (10, 11), (100, 101), (1_000, 1_001), (10_000, 10_001)] {
        let (time, calls) = found_after(per_second);
        assert_eq!(calls, failed, "at {per_second} calls a second");
        assert!(time >= SECOND, "at {per_second} calls a second: {time:?}");
    }
}

#[test]
fn blips_of_less_than_a_second_leave_the_defaults_closed() {
    for blip in [SECOND / 10, SECOND / 3, SECOND - MOMENT] {
        let (circuit, clock) = circuit(|b| b);
        let every = SECOND / 1_000;
        for _ in 0..20_000 {
            succeed(&circuit);
            clock.advance(every);
        }
        let mut left = blip;
        while !left.is_zero() {
            fail(&circuit);
            clock.advance(every.min(left));
            left = left.saturating_sub(every);
        }
        succeed(&circuit);

        assert_eq!(circuit.state(), CircuitState::Closed, "{blip:?}");
    }
}

#[test]
fn calls_that_fail_together_begin_their_run_when_they_end() {
    let (circuit, clock) = circuit(|b| b);
    let admitted: Vec<_> = (0..5).map(|_| circuit.try_acquire().unwrap()).collect();
    clock.advance(10 * SECOND);

    admitted.into_iter().for_each(|permit| permit.record(FAILURE));
    assert_eq!(circuit.state(), CircuitState::Closed, "one connection, and all that used it");

    clock.advance(SECOND - MOMENT);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed, "a moment is missing");
    clock.advance(MOMENT);
    fail(&circuit);
    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailures));
}

/// Half a minute of calls of which one in five fails, each by itself; how many are rejected.
fn rejected_of_one_in_five(
    per_second: u32,
    set: impl FnOnce(CircuitBuilder) -> CircuitBuilder,
) -> u64 {
    let (circuit, clock) = circuit(set);
    let mut numbers = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..30 * per_second {
        numbers ^= numbers << 13;
        numbers ^= numbers >> 7;
        numbers ^= numbers << 17;
        if let Ok(permit) = circuit.try_acquire() {
            permit.record(if numbers % 5 == 0 { FAILURE } else { Outcome::Success });
        }
        clock.advance(SECOND / per_second);
    }
    circuit.snapshot().totals.rejected
}

#[test]
fn one_failure_in_five_rejects_nobody_under_the_defaults_however_many_calls_come() {
    for per_second in [100, 10_000] {
        let rejected = rejected_of_one_in_five(per_second, |b| b);
        assert_eq!(rejected, 0, "at {per_second} calls a second");

        // Else these runs would be too short to show anything.
        let rejected = rejected_of_one_in_five(per_second, |b| b.consecutive_failures(5));
        assert!(rejected > 0, "at {per_second} calls a second, five at once");
    }
}

#[test]
fn three_seconds_of_failures_open_the_defaults_at_ten_calls_a_second() {
    let (circuit, clock) = circuit(|b| b);
    for _ in 0..200 {
        succeed(&circuit);
        clock.advance(SECOND / 10);
    }

    let mut rejected = 0;
    for _ in 0..30 {
        match circuit.try_acquire() {
            Ok(permit) => permit.record(FAILURE),
            Err(_) => rejected += 1,
        }
        clock.advance(SECOND / 10);
    }

    assert_eq!(reason(&circuit), Some(ChangeReason::ConsecutiveFailures));
    assert_eq!(rejected, 19, "all after the eleventh");
}
