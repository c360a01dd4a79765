//! The last failure, on snapshots and on rejections.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, FailureKind, LastFailure, Outcome, Rejected, SystemClock};

use crate::support::{SECOND, circuit, fail, fail_as, record, rejection, succeed};

fn kind_and_age(last: Option<LastFailure>) -> Option<(&'static str, Duration)> {
    last.map(|last| (last.kind.as_str(), last.ago))
}

fn last(circuit: &Circuit) -> Option<(&'static str, Duration)> {
    kind_and_age(circuit.snapshot().last_failure)
}

#[test]
fn a_snapshot_says_of_which_kind_it_was_and_how_long_ago() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(100));
    assert_eq!(last(&circuit), None);

    fail_as(&circuit, "connect");
    assert_eq!(last(&circuit), Some(("connect", Duration::ZERO)));
    clock.advance(3 * SECOND);
    succeed(&circuit);
    record(&circuit, Outcome::Ignored);
    record(&circuit, Outcome::NotSent);
    assert_eq!(last(&circuit), Some(("connect", 3 * SECOND)));
    fail(&circuit);
    assert_eq!(last(&circuit), Some(("other", Duration::ZERO)));
    circuit.reset();
    clock.advance(SECOND);
    assert_eq!(last(&circuit), Some(("other", SECOND)), "it outlives a reset");
}

#[test]
fn a_rejection_says_it_as_of_now() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    fail_as(&circuit, "timeout");
    let rejected = rejection(&circuit);
    clock.advance(5 * SECOND);

    assert_eq!(kind_and_age(rejected.last_failure()), Some(("timeout", 5 * SECOND)));
    drop(circuit);
    assert_eq!(kind_and_age(rejected.last_failure()), Some(("timeout", 5 * SECOND)));
}

#[test]
fn a_rejection_by_an_operator_has_none() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();

    assert_eq!(rejection(&circuit).last_failure(), None);
}

#[test]
fn a_failed_probe_is_one_and_so_is_a_pause_that_the_upstream_asks_for() {
    let (circuit, clock) = circuit(|b| b.open_for(SECOND));
    circuit.trip();
    clock.advance(SECOND);
    fail_as(&circuit, "status");
    assert_eq!(last(&circuit), Some(("status", Duration::ZERO)));

    clock.advance(SECOND);
    record(&circuit, Outcome::TripFor(SECOND));
    assert_eq!(last(&circuit), Some(("other", Duration::ZERO)));
}

#[test]
fn a_slow_call_and_a_stale_failure_are_none() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND).minimum_calls(9));
    let slow = circuit.try_acquire().unwrap();
    let stale = circuit.try_acquire().unwrap();
    clock.advance(2 * SECOND);
    slow.record(Outcome::Success);
    circuit.reset();
    stale.record(Outcome::Failure(FailureKind::OTHER));

    assert_eq!(circuit.snapshot().totals.stale, 1);
    assert_eq!(last(&circuit), None);
}

#[test]
fn neither_display_nor_debug_of_a_rejection_says_it() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    fail_as(&circuit, "secret");

    let rejected = rejection(&circuit);

    assert!(!format!("{rejected} {rejected:?}").contains("secret"));
}

#[test]
fn rejections_are_equal_whatever_failed_last() {
    let rejected = |kind| -> Rejected {
        let (circuit, _) = circuit(|b| b.consecutive_failures(1));
        fail_as(&circuit, kind);
        rejection(&circuit)
    };

    assert_eq!(rejected("connect"), rejected("timeout"));
}

#[test]
fn json_has_it_in_seconds() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(9));
    let json = || serde_json::to_value(circuit.snapshot()).unwrap()["last_failure"].clone();
    assert_eq!(json(), serde_json::Value::Null);

    fail_as(&circuit, "connect");
    clock.advance(SECOND / 2);

    assert_eq!(json(), serde_json::json!({ "kind": "connect", "ago": 0.5 }));
}

#[test]
fn the_clock_of_the_system_tells_the_time_too() {
    let circuit = Circuit::builder("api").consecutive_failures(1).clock(SystemClock::new()).build();
    fail(&circuit);

    let (_, ago) = kind_and_age(rejection(&circuit).last_failure()).unwrap();

    assert!(ago < 60 * SECOND, "{ago:?}");
}
