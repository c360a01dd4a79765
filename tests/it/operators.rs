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
fn commands_win_over_probes_in_flight() {
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
fn trip_for_is_not_held_to_what_an_upstream_may_ask_for() {
    let (circuit, _) = circuit(|b| b.max_trip_for(60 * SECOND));

    circuit.trip_for(3600 * SECOND);

    assert_eq!(rejection(&circuit).retry_after(), Some(3600 * SECOND));
}

#[test]
fn observing_goes_on_through_trip_probe_and_recovery() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    circuit.observe();
    let observing = Some(Override::Observing);

    fail(&circuit);
    assert_eq!(circuit.snapshot().overridden, observing, "open");
    clock.advance(30 * SECOND);
    let probe = circuit.try_acquire().unwrap();
    assert_eq!(circuit.snapshot().overridden, observing, "half-open");
    probe.record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().overridden, observing, "closed");
}

#[test]
fn observing_again_changes_nothing() {
    let (circuit, _) = circuit(|b| b);
    circuit.observe();
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&count);
    circuit.on_event(move |_: &tower_circuit_breaker::CircuitEvent| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });

    circuit.observe();

    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(circuit.snapshot().epoch, 1);
}

#[test]
fn observing_keeps_what_was_counted() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));
    fail(&circuit);

    circuit.observe();

    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn observing_a_forced_circuit_starts_closed() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let epoch = circuit.snapshot().epoch;

    circuit.observe();

    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.state, snapshot.epoch), (CircuitState::Closed, epoch + 1));
}

#[test]
fn forced_open_survives_a_trip() {
    let (circuit, clock) = circuit(|b| b);
    circuit.force_open();

    circuit.trip_for(SECOND);

    clock.advance(SECOND);
    assert_eq!(rejection(&circuit).reason(), RejectReason::ForcedOpen);
}

#[test]
fn forcing_open_is_no_trip_and_tripping_half_open_neither() {
    let (circuit, clock) = circuit(|b| b);
    circuit.force_open();
    circuit.release();
    assert_eq!(circuit.snapshot().totals.trips, 0);
    assert_eq!(circuit.snapshot().last_trip, None);
    assert_eq!(circuit.snapshot().transitions.closed_to_open, 1);
    assert_eq!(circuit.snapshot().transitions.open_to_closed, 1);
    ready_to_probe(&circuit, &clock);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().totals.trips, 1, "the one before the probe");
}

#[test]
fn a_command_that_keeps_the_state_keeps_its_age() {
    let (circuit, clock) = circuit(|b| b);
    circuit.trip();
    clock.advance(3 * SECOND);

    circuit.trip();

    assert_eq!(circuit.snapshot().in_state_for, 3 * SECOND);
}

#[test]
fn observed_calls_decide_nothing() {
    let (circuit, clock) = circuit(|b| {
        b.consecutive_failures(1).window(SlidingWindow::count(9)).open_for(10 * SECOND)
    });
    circuit.observe();
    circuit.trip();
    clock.advance(4 * SECOND);

    fail(&circuit);
    let snapshot = circuit.snapshot();
    assert_eq!(snapshot.retry_after, Some(6 * SECOND), "the open time stays");
    assert_eq!((snapshot.epoch, snapshot.window.calls), (2, 0));
    clock.advance(6 * SECOND);
    let _probe = circuit.try_acquire().unwrap();
    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    assert_eq!(circuit.snapshot().totals.failures, 2);
}
