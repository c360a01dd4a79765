//! Other settings while a circuit runs.

use tower_circuit_breaker::{Circuit, CircuitState, Outcome, Override, SlidingWindow};

use crate::support::{FAILURE, SECOND, circuit, fail, ready_to_probe, rejection, succeed};

#[test]
fn reconfigure_keeps_state_and_totals() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_for(10 * SECOND));
    fail(&circuit);
    clock.advance(4 * SECOND);
    let before = circuit.snapshot();
    let config = Circuit::builder("").consecutive_failures(7).open_for(99 * SECOND).into_config();

    circuit.reconfigure(config);

    let after = circuit.snapshot();
    assert_eq!((after.state, after.totals), (before.state, before.totals));
    assert_eq!(after.retry_after, Some(6 * SECOND), "the present open time stays");
    assert_eq!(after.in_state_for, before.in_state_for);
    clock.advance(6 * SECOND);
    fail(&circuit);
    assert_eq!(rejection(&circuit).retry_after(), Some(99 * SECOND), "the next one is new");
}

#[test]
fn reconfigure_changes_rules_and_windows() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(2));
    let windows = [
        SlidingWindow::count(5),
        SlidingWindow::count(5_000),
        SlidingWindow::time(10 * SECOND),
        SlidingWindow::count(40),
        SlidingWindow::time(60 * SECOND).buckets(600),
        SlidingWindow::count(5),
    ];
    for (round, window) in windows.into_iter().enumerate() {
        let builder = Circuit::builder("").failure_rate(1.0).minimum_calls(4).window(window);
        let late = circuit.try_acquire().unwrap();

        circuit.reconfigure(builder.into_config());

        late.record(FAILURE);
        for _ in 0..3 {
            fail(&circuit);
        }
        assert_eq!(circuit.snapshot().window.failures, 3, "round {round}");
        assert_eq!(circuit.state(), CircuitState::Closed, "round {round}");
        fail(&circuit);
        assert_eq!(circuit.state(), CircuitState::Open, "round {round}");
        clock.advance(30 * SECOND);
        succeed(&circuit);
    }
}

#[test]
fn reconfigure_with_the_same_settings_keeps_the_counts() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));
    fail(&circuit);

    circuit.reconfigure(Circuit::builder("").consecutive_failures(2).into_config());

    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn reconfigure_can_add_and_drop_kind_rules() {
    use tower_circuit_breaker::{FailureKind, TripRule};

    let rule = |kind| TripRule::consecutive_failures(2).of(FailureKind::new(kind));
    let (circuit, _) = circuit(|b| b.rule(rule("connect")));
    for kinds in [&["a", "b", "c", "d", "e"][..], &["c"], &["x", "c"]] {
        let builder = kinds.iter().fold(Circuit::builder(""), |b, kind| b.rule(rule(kind)));
        circuit.reconfigure(builder.into_config());
        circuit.reset();

        for kind in ["connect", "c", "connect", "connect"] {
            crate::support::fail_as(&circuit, kind);
        }
        assert_eq!(circuit.state(), CircuitState::Closed, "{kinds:?}");
        crate::support::fail_as(&circuit, "c");
        assert_eq!(circuit.state(), CircuitState::Open, "{kinds:?}");
    }
}

#[test]
fn reconfigure_while_half_open_frees_the_slots() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let old = circuit.try_acquire().unwrap();
    let config = Circuit::builder("").probe_timeout(7 * SECOND).into_config();

    circuit.reconfigure(config);

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    let _hung = circuit.try_acquire().expect("the slot is free");
    old.record(FAILURE);
    assert_eq!(circuit.state(), CircuitState::HalfOpen, "the old probe is stale");
    clock.advance(7 * SECOND);
    assert!(circuit.try_acquire().is_ok(), "the lease is that of the new settings");
}

#[test]
fn reconfigure_keeps_override_and_backoff() {
    let backoff = tower_circuit_breaker::Backoff::exponential(4 * SECOND, 60 * SECOND);
    let builder = |probes| {
        Circuit::builder("").open_backoff(backoff.without_jitter()).probes(probes).into_config()
    };
    let (circuit, clock) = circuit(|b| b.config(builder(1)));
    circuit.trip();
    clock.advance(4 * SECOND);

    circuit.reconfigure(builder(2));

    fail(&circuit);
    assert_eq!(rejection(&circuit).retry_after(), Some(8 * SECOND), "the next step");
    circuit.force_closed();
    circuit.reconfigure(builder(3));
    assert_eq!(circuit.snapshot().overridden, Some(Override::ForcedClosed));
}

#[test]
fn reconfigure_to_no_rule_means_the_default_rules() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(99));

    circuit.reconfigure(tower_circuit_breaker::CircuitConfig::default());

    for _ in 0..4 {
        fail(&circuit);
    }
    clock.advance(SECOND);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn reconfigure_starts_and_stops_timing_calls() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(9));
    let slow = || {
        let call = circuit.try_acquire().unwrap();
        clock.advance(SECOND);
        call.record(Outcome::Success);
    };
    slow();
    circuit.reconfigure(Circuit::builder("").slow_call_rate(1.0, SECOND).into_config());
    slow();
    assert_eq!(circuit.snapshot().totals.slow_calls, 1);

    circuit.reconfigure(Circuit::builder("").consecutive_failures(9).into_config());

    slow();
    assert_eq!(circuit.snapshot().totals.slow_calls, 1);
}

#[test]
fn a_time_window_takes_every_result_in_the_place_of_a_count_window() {
    for recorded in 0..45 {
        for length in [1, 12, 30] {
            let window = SlidingWindow::count(length);
            let (circuit, clock) = circuit(|b| b.consecutive_failures(1_000).window(window));
            (0..recorded).for_each(|_| fail(&circuit));

            let window = SlidingWindow::time(42 * SECOND).buckets(3);
            let other = Circuit::builder("").consecutive_failures(1_000).window(window);
            circuit.reconfigure(other.into_config());
            clock.advance(40_000 * 14 * SECOND);

            for step in 1..=4 {
                clock.advance(14 * SECOND);
                succeed(&circuit);
                let snapshot = circuit.snapshot();
                let which = format!("{length} after {recorded}, step {step}");
                assert_eq!(snapshot.window.calls, step.min(3), "{which}");
                assert_eq!(snapshot.totals.successes, step, "{which}");
            }
        }
    }
}

#[test]
fn the_present_settings_can_be_asked_for_and_given_on() {
    let (circuit, _) = circuit(|b| b);
    let with_defaults = circuit.config();
    let other = Circuit::builder("").failure_rate(0.2).minimum_calls(4).into_config();

    circuit.reconfigure(with_defaults.clone());
    let unchanged = circuit.config();
    circuit.reconfigure(other.clone());

    assert_eq!(unchanged, with_defaults);
    assert_eq!(circuit.config(), other);
    assert_eq!(Circuit::builder("").config(other).build().config(), circuit.config());
}
