//! Rule 5: kinds of failure with rules of their own.

use tower_circuit_breaker::{ChangeReason, Circuit, CircuitState, FailureKind, Outcome, TripRule};

use crate::support::{SECOND, circuit, fail, fail_as, rejection, succeed};
use crate::trip_rules::reason;

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
fn failures_are_counted_by_kind() {
    let (circuit, _) = circuit(|b| b.failure_count(u32::MAX).abandoned_after(SECOND));
    let failures = |circuit: &Circuit| {
        let snapshot = circuit.snapshot();
        let sum: u64 = snapshot.failures_by_kind.iter().map(|(_, failures)| failures).sum();
        assert_eq!(sum, snapshot.totals.failures);
        snapshot.failures_by_kind
    };
    assert_eq!(failures(&circuit), [(FailureKind::OTHER, 0)], "there from the start");

    for kind in ["timeout", "other", "connect", "timeout"] {
        fail_as(&circuit, kind);
    }
    succeed(&circuit);
    circuit.try_acquire().unwrap().record(Outcome::TripFor(SECOND));

    let [timeout, connect] = ["timeout", "connect"].map(FailureKind::new);
    assert_eq!(failures(&circuit), [(FailureKind::OTHER, 2), (timeout, 2), (connect, 1)]);
    let json = serde_json::to_value(circuit.snapshot()).unwrap();
    let expected = serde_json::json!({ "other": 2, "timeout": 2, "connect": 1 });
    assert_eq!(json["failures_by_kind"], expected);
}

#[test]
fn more_kinds_than_sixteen_count_as_other() {
    const NAMES: [&str; 20] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t",
    ];
    let (circuit, _) = circuit(|b| b.failure_count(u32::MAX));
    for name in NAMES.into_iter().chain(NAMES) {
        fail_as(&circuit, name);
    }

    let snapshot = circuit.snapshot();

    assert_eq!(snapshot.failures_by_kind.len(), 17);
    assert_eq!(snapshot.failures_by_kind[0], (FailureKind::OTHER, 8));
    assert!(snapshot.failures_by_kind[1..].iter().all(|(_, failures)| *failures == 2));
    assert_eq!(snapshot.totals.failures, 40);
}
