//! Rules 6 and 7: what a circuit forgets, and what comes too late.

use tower_circuit_breaker::{Circuit, CircuitState, FailureKind, Outcome, SlidingWindow};

use crate::support::{FAILURE, SECOND, circuit, fail, rejection};

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
fn a_result_that_comes_65536_epochs_late_is_stale() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let late = circuit.try_acquire().unwrap();
    for _ in 0..65_536 {
        circuit.reset();
    }

    late.record(FAILURE);

    assert_eq!(circuit.state(), CircuitState::Closed, "tags have 16 bits, epochs have more");
    assert_eq!(circuit.snapshot().totals.stale, 1);
}
