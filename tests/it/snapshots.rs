//! What a snapshot shows, and its JSON.

use std::time::Duration;

use serde_json::json;
use tower_circuit_breaker::{Circuit, CircuitState, FailureKind, Health, Outcome, TripRule};

use crate::support::{SECOND, circuit, fail, fail_as, ready_to_probe, rejection, succeed};

#[test]
fn a_snapshot_shows_everything() {
    let (circuit, clock) = circuit(|b| b.failure_rate(0.5).minimum_calls(2).open_for(8 * SECOND));
    succeed(&circuit);
    clock.advance(SECOND);
    fail(&circuit);
    clock.advance(3 * SECOND);
    rejection(&circuit);

    let snapshot = circuit.snapshot();

    assert_eq!(&*snapshot.name, "api");
    assert_eq!(snapshot.state, CircuitState::Open);
    assert_eq!(snapshot.overridden, None);
    assert_eq!(snapshot.epoch, 2);
    assert_eq!(snapshot.in_state_for, 3 * SECOND);
    assert_eq!(snapshot.retry_after, Some(5 * SECOND));
    assert_eq!(snapshot.uptime, 4 * SECOND);
    assert_eq!(snapshot.totals.trips, 1);
    assert_eq!(snapshot.totals.rejected, 1);
    let trip = snapshot.last_trip.clone().unwrap();
    assert_eq!((trip.ago, trip.open_for), (3 * SECOND, 8 * SECOND));
    assert_eq!((trip.window.calls, trip.window.failures), (2, 1));
    assert_eq!(snapshot.failure_rate(), None, "the window is empty while open");
}

#[test]
fn consecutive_failures_are_those_that_the_rule_counts() {
    let kind = TripRule::consecutive_failures(9).of(FailureKind::new("connect"));
    let (circuit, _) = circuit(|b| b.consecutive_failures(3).rule(kind));
    let run = || circuit.snapshot().consecutive_failures;
    assert_eq!(run(), 0);

    fail(&circuit);
    fail(&circuit);
    assert_eq!(run(), 2);
    fail_as(&circuit, "connect");
    assert_eq!(run(), 2, "that kind has a rule of its own");
    succeed(&circuit);
    assert_eq!(run(), 0, "a success ends it");
    for _ in 0..3 {
        fail(&circuit);
    }

    assert_eq!((circuit.state(), run()), (CircuitState::Open, 0));
}

#[test]
fn without_a_rule_of_consecutive_failures_none_are_counted() {
    let (circuit, _) = circuit(|b| b.failure_count(3));

    fail(&circuit);

    assert_eq!(circuit.snapshot().consecutive_failures, 0);
}

#[test]
fn looking_changes_nothing() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);

    for _ in 0..3 {
        assert_eq!(circuit.snapshot().state, circuit.state());
        assert!(!format!("{circuit:?}").is_empty());
    }

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().retry_after, Some(Duration::ZERO));
}

#[test]
fn health_follows_the_state() {
    let (circuit, clock) = circuit(|b| b);
    assert_eq!(circuit.snapshot().health(), Health::Healthy);
    circuit.trip();
    assert_eq!(circuit.snapshot().health(), Health::Failing);
    clock.advance(30 * SECOND - Duration::from_nanos(1));
    assert_eq!((circuit.health(), circuit.snapshot().health()), (Health::Failing, Health::Failing));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(circuit.state(), CircuitState::Open, "until a call comes");
    assert_eq!(
        (circuit.health(), circuit.snapshot().health()),
        (Health::Degraded, Health::Degraded)
    );
    let probe = circuit.try_acquire().unwrap();
    assert_eq!(circuit.snapshot().health(), Health::Degraded);
    probe.record(Outcome::Success);
    assert_eq!(circuit.snapshot().health(), Health::Healthy);
    circuit.trip();
    circuit.force_closed();
    assert_eq!(circuit.snapshot().health(), Health::Degraded, "nothing would be stopped");
    circuit.release();
    circuit.observe();
    assert_eq!(circuit.snapshot().health(), Health::Healthy);
    circuit.trip();
    assert_eq!(circuit.snapshot().health(), Health::Degraded, "it rejects nothing");
    circuit.force_open();
    assert_eq!(circuit.snapshot().health(), Health::Failing);
}

#[test]
fn health_is_the_same_asked_of_the_circuit_and_of_its_snapshot() {
    let commands: [fn(&Circuit); 7] = [
        Circuit::trip,
        Circuit::reset,
        Circuit::force_open,
        Circuit::force_closed,
        Circuit::observe,
        Circuit::release,
        |circuit| drop(circuit.try_acquire()),
    ];
    for first in commands {
        for second in commands {
            for wait in [0, 30] {
                let (circuit, clock) = circuit(|b| b);
                first(&circuit);
                clock.advance(wait * SECOND);
                second(&circuit);
                assert_eq!(circuit.health(), circuit.snapshot().health());
            }
        }
    }
}

#[test]
fn json_has_names_and_seconds() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_for(8 * SECOND));
    fail(&circuit);
    clock.advance(SECOND / 2);

    let json = serde_json::to_value(circuit.snapshot()).unwrap();

    let limits = serde_json::to_value(circuit.config().thresholds()).unwrap();
    assert_eq!(limits["consecutive_failures"], 1);
    assert_eq!(
        json,
        json!({
            "name": "api",
            "critical": false,
            "state": "open",
            "overridden": null,
            "operators_override": null,
            "isolations": 0,
            "isolated_by": [],
            "epoch": 2,
            "in_state_for": 0.5,
            "retry_after": 7.5,
            "window": { "calls": 0, "failures": 0, "slow_calls": 0 },
            "admitted_share": null,
            "probes": null,
            "in_flight": null,
            "trip_prevented_ago": null,
            "slow_in_flight": 0,
            "stalled_calls": 0,
            "consecutive_failures": 0,
            "totals": {
                "successes": 0, "failures": 1, "ignored": 0, "not_sent": 0, "abandoned": 0,
                "slow_calls": 0, "rejected": 0, "would_have_rejected": 0, "stale": 0, "trips": 1,
                "trips_prevented": 0,
            },
            "rejections": {
                "open": 0, "probes_busy": 0, "forced_open": 0, "isolated": 0, "not_ready": 0,
                "ramping": 0, "throttled": 0,
            },
            "failures_by_kind": { "other": 1 },
            "transitions": {
                "closed_to_open": 1, "open_to_half_open": 0, "open_to_closed": 0,
                "half_open_to_closed": 0, "half_open_to_open": 0,
            },
            "recoveries": { "count": 0, "total": 0.0 },
            "listeners": { "panics": 0, "missed": 0 },
            "last_trip": {
                "reason": "consecutive_failures",
                "kind": "other",
                "ago": 0.5,
                "open_for": 8.0,
                "window": { "calls": 0, "failures": 0, "slow_calls": 0 },
                "stalled_calls": 0,
                "limits": limits,
            },
            "last_failure": { "kind": "other", "ago": 0.5 },
            "uptime": 0.5,
        })
    );
}

#[test]
fn debug_shows_name_and_state() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();

    assert_eq!(
        format!("{circuit:?}"),
        r#"Circuit { name: "api", state: Open, overridden: Some(ForcedOpen), .. }"#
    );
}

#[test]
fn only_an_open_circuit_says_when_to_come_again() {
    let (circuit, clock) = circuit(|b| b);
    assert_eq!(circuit.snapshot().retry_after, None, "closed");
    ready_to_probe(&circuit, &clock);

    let _probe = circuit.try_acquire().unwrap();

    assert_eq!(circuit.snapshot().retry_after, None, "half-open");
}

#[test]
fn the_last_trip_is_the_latest() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    circuit.trip();
    clock.advance(SECOND);
    circuit.reset();

    fail(&circuit);

    let trip = circuit.snapshot().last_trip.unwrap();
    assert_eq!(trip.reason, tower_circuit_breaker::ChangeReason::ConsecutiveFailures);
    assert_eq!(trip.ago, Duration::ZERO);
    assert_eq!(circuit.snapshot().totals.trips, 2);
}
