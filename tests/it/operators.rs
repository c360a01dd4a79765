//! Rule 26, and what else operators can do.

use tower_circuit_breaker::{
    Circuit, CircuitState, Health, Outcome, Override, RejectReason, SlidingWindow,
};

use crate::support::{FAILURE, SECOND, circuit, fail, ready_to_probe, rejection, succeed};

#[test]
fn trip_opens_and_recovers_as_usual() {
    let (circuit, clock) = circuit(|b| b.open_for(10 * SECOND));

    circuit.trip();

    assert_eq!(rejection(&circuit).retry_after(), Some(10 * SECOND));
    clock.advance(10 * SECOND);
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn trip_while_open_starts_the_open_time_again() {
    let (circuit, clock) = circuit(|b| b.open_for(10 * SECOND));
    circuit.trip();
    clock.advance(9 * SECOND);

    circuit.trip();

    assert_eq!(rejection(&circuit).retry_after(), Some(10 * SECOND));
    circuit.trip_for(90 * SECOND);
    assert_eq!(rejection(&circuit).retry_after(), Some(90 * SECOND));
}

#[test]
fn reset_closes_in_any_state() {
    type Prepare = fn(&Circuit);
    let states: [(&str, Prepare); 3] = [
        ("closed", |_| {}),
        ("open", Circuit::trip),
        ("half-open", |circuit| {
            circuit.trip_for(std::time::Duration::ZERO);
            drop(circuit.try_acquire());
        }),
    ];
    for (name, prepare) in states {
        let (circuit, _) = circuit(|b| b.window(SlidingWindow::count(5)).consecutive_failures(2));
        fail(&circuit);
        prepare(&circuit);

        circuit.reset();

        assert_eq!(circuit.state(), CircuitState::Closed, "{name}");
        fail(&circuit);
        assert_eq!(circuit.state(), CircuitState::Closed, "{name}: the run started again");
        assert_eq!(circuit.snapshot().window.calls, 1, "{name}");
    }
}

#[test]
fn forced_open_stays_open() {
    let (circuit, clock) = circuit(|b| b.open_for(SECOND));

    circuit.force_open();

    for _ in 0..3 {
        clock.advance(3600 * SECOND);
        let rejected = rejection(&circuit);
        assert_eq!(rejected.reason(), RejectReason::ForcedOpen);
        assert_eq!(rejected.retry_after(), None);
    }
    let snapshot = circuit.snapshot();
    assert_eq!(snapshot.overridden, Some(Override::ForcedOpen));
    assert_eq!((snapshot.state, snapshot.retry_after), (CircuitState::Open, None));
    assert_eq!(snapshot.health(), Health::Failing);
}

#[test]
fn forced_closed_stays_closed() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1).window(SlidingWindow::count(9)));

    circuit.force_closed();

    for _ in 0..50 {
        fail(&circuit);
    }
    circuit.try_acquire().unwrap().record(Outcome::TripFor(SECOND));
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().window.failures, 9, "results are still seen");
}

#[test]
fn overrides_survive_trip_and_reset() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    circuit.reset();
    assert_eq!(rejection(&circuit).reason(), RejectReason::ForcedOpen);

    circuit.force_closed();
    circuit.trip();

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().overridden, Some(Override::ForcedClosed));
}

#[test]
fn release_starts_closed_in_a_new_epoch() {
    for force in [Circuit::force_open, Circuit::force_closed, Circuit::observe] {
        let (circuit, _) = circuit(|b| b.consecutive_failures(2));
        force(&circuit);
        if circuit.state() == CircuitState::Closed {
            fail(&circuit);
        }
        let epoch = circuit.snapshot().epoch;

        circuit.release();

        let snapshot = circuit.snapshot();
        assert_eq!((snapshot.state, snapshot.overridden), (CircuitState::Closed, None));
        assert_eq!(snapshot.epoch, epoch + 1);
        fail(&circuit);
        assert_eq!(circuit.state(), CircuitState::Closed, "the run started again");
    }
}

#[test]
fn release_without_an_override_changes_nothing() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let before = circuit.snapshot();

    circuit.release();

    assert_eq!(circuit.snapshot(), before);
}

#[test]
fn observing_rejects_nothing_and_counts_what_it_would_have_rejected() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(2).open_for(10 * SECOND));
    circuit.observe();
    fail(&circuit);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Open, "it goes on deciding");

    for _ in 0..5 {
        fail(&circuit);
    }

    let snapshot = circuit.snapshot();
    assert_eq!(snapshot.totals.would_have_rejected, 5);
    assert_eq!(snapshot.totals.rejected, 0);
    assert_eq!(snapshot.totals.failures, 7);
    assert_eq!(snapshot.health(), Health::Degraded);
    clock.advance(10 * SECOND);
    let probe = circuit.try_acquire().unwrap();
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::HalfOpen, "only the probe decides");
    assert_eq!(circuit.snapshot().totals.would_have_rejected, 6);
    probe.record(Outcome::Success);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn observing_an_open_circuit_lets_calls_through_at_once() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();

    circuit.observe();

    assert_eq!(circuit.state(), CircuitState::Open);
    succeed(&circuit);
    assert_eq!(circuit.snapshot().totals.would_have_rejected, 1);
}

#[test]
fn commands_win_over_probes_under_way() {
    let (circuit, clock) = circuit(|b| b);
    for (command, state) in [
        (Circuit::force_open as fn(&Circuit), CircuitState::Open),
        (Circuit::force_closed, CircuitState::Closed),
        (Circuit::reset, CircuitState::Closed),
        (Circuit::trip, CircuitState::Open),
    ] {
        circuit.release();
        ready_to_probe(&circuit, &clock);
        let probe = circuit.try_acquire().unwrap();

        command(&circuit);

        probe.record(if state == CircuitState::Open { Outcome::Success } else { FAILURE });
        assert_eq!(circuit.state(), state);
    }
}

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
