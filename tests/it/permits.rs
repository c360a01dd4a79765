//! Rules 14 to 17, for permits, futures and closures.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tower_circuit_breaker::{
    Circuit, CircuitState, Error, FailureKind, Outcome, RejectReason, SlidingWindow,
};

use crate::support::{FAILURE, SECOND, circuit, fail, ready_to_probe, rejection};

/// Ended calls, by what they were worth.
fn ended(circuit: &Circuit) -> [u64; 5] {
    let totals = circuit.snapshot().totals;
    [totals.successes, totals.failures, totals.ignored, totals.abandoned, totals.stale]
}

#[test]
fn a_permit_is_worth_exactly_one_outcome() {
    for (outcome, expected) in [
        (Some(Outcome::Success), [1, 0, 0, 0, 0]),
        (Some(FAILURE), [0, 1, 0, 0, 0]),
        (Some(Outcome::Ignored), [0, 0, 1, 0, 0]),
        (None, [0, 0, 0, 1, 0]),
    ] {
        let (circuit, _) = circuit(|b| b);
        let permit = circuit.try_acquire().unwrap();

        match outcome {
            Some(outcome) => permit.record(outcome),
            None => drop(permit),
        }

        assert_eq!(ended(&circuit), expected, "{outcome:?}");
    }
}

#[test]
fn a_permit_names_its_circuit() {
    let (circuit, _) = circuit(|b| b);
    let permit = circuit.try_acquire().unwrap();

    assert_eq!(permit.circuit().name(), "api");
    assert_eq!(format!("{permit:?}"), r#"Permit { circuit: "api", .. }"#);
}

#[test]
fn dropping_a_permit_is_neutral_by_default() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    let permit = circuit.try_acquire().unwrap();
    clock.advance(3600 * SECOND);

    drop(permit);

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_call_dropped_after_abandoned_after_is_a_failure() {
    for (ran_for, failures, abandoned) in [(SECOND * 2, 1, 0), (SECOND * 2 - SECOND / 1000, 0, 1)] {
        let (circuit, clock) = circuit(|b| {
            b.consecutive_failures(9).abandoned_after(2 * SECOND).window(SlidingWindow::count(5))
        });
        let permit = circuit.try_acquire().unwrap();
        clock.advance(ran_for);

        drop(permit);

        let snapshot = circuit.snapshot();
        assert_eq!(snapshot.totals.failures, failures, "{ran_for:?}");
        assert_eq!(snapshot.totals.abandoned, abandoned, "{ran_for:?}");
        assert_eq!(snapshot.window.failures, failures, "{ran_for:?}");
    }
}

#[test]
fn an_abandoned_probe_can_be_a_failed_one() {
    let (circuit, clock) = circuit(|b| b.abandoned_after(2 * SECOND));
    ready_to_probe(&circuit, &clock);
    let probe = circuit.try_acquire().unwrap();
    clock.advance(2 * SECOND);

    drop(probe);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn abandoned_calls_can_have_a_rule_of_their_own() {
    use tower_circuit_breaker::TripRule;

    let (circuit, clock) = circuit(|b| {
        let rule = TripRule::consecutive_failures(2).of(FailureKind::ABANDONED);
        b.abandoned_after(SECOND).rule(rule)
    });
    for _ in 0..2 {
        let permit = circuit.try_acquire().unwrap();
        clock.advance(SECOND);
        drop(permit);
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn run_returns_the_value_and_counts_errors() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));

    assert_eq!(circuit.run(|| Ok::<_, ()>(7)), Ok(7));
    assert_eq!(circuit.run(|| Err::<(), _>("bad")), Err(Error::Inner("bad")));

    assert_eq!(ended(&circuit), [1, 1, 0, 0, 0]);
}

#[test]
fn run_does_not_call_when_rejected() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    let mut called = false;

    let result = circuit.run(|| {
        called = true;
        Ok::<_, ()>(())
    });

    let rejected = result.unwrap_err().rejected().cloned().expect("rejected");
    assert_eq!(rejected.reason(), RejectReason::Open);
    assert!(!called);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_in_run_is_a_failure_and_goes_on() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));

    let caught = catch_unwind(AssertUnwindSafe(|| {
        circuit.run(|| -> Result<(), ()> { std::panic::panic_any("boom") })
    }));

    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"boom"));
    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(ended(&circuit), [0, 1, 0, 0, 0]);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_permit_dropped_while_its_owner_panics_is_abandoned() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));

    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _permit = circuit.try_acquire().unwrap();
        std::panic::panic_any(());
    }));

    assert!(caught.is_err());
    assert_eq!(ended(&circuit), [0, 0, 0, 1, 0], "nothing says that the call was in flight");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_in_a_probe_reopens() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);

    let caught = catch_unwind(AssertUnwindSafe(|| {
        circuit.run(|| -> Result<(), ()> { std::panic::panic_any(()) })
    }));

    assert!(caught.is_err());
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_nested_circuits_rejection_is_not_sent() {
    let (outer, _) = circuit(|b| b.consecutive_failures(1));
    let (inner, _) = circuit(|b| b);
    inner.trip();

    let result = outer.run(|| inner.try_acquire().map(drop));

    assert!(matches!(result, Err(Error::Inner(_))));
    assert_eq!(outer.state(), CircuitState::Closed);
    assert_eq!(ended(&outer), [0, 0, 0, 0, 0]);
    assert_eq!(outer.snapshot().totals.not_sent, 1);
}

#[test]
fn permits_may_outlive_every_other_handle() {
    let (circuit, _) = circuit(|b| b);
    let permit = circuit.try_acquire().unwrap();
    drop(circuit);

    permit.record(Outcome::Success);
}

#[test]
fn permits_can_be_recorded_on_another_thread() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let permit = circuit.try_acquire().unwrap();

    std::thread::spawn(move || permit.record(FAILURE)).join().unwrap();

    assert_eq!(rejection(&circuit).circuit(), "api");
}

#[test]
fn a_static_circuit_works() {
    static CIRCUIT: std::sync::LazyLock<Circuit> =
        std::sync::LazyLock::new(|| Circuit::builder("db").consecutive_failures(1).build());

    fail(&CIRCUIT);

    assert_eq!(CIRCUIT.state(), CircuitState::Open);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panic_is_a_failure_of_its_own_kind() {
    use tower_circuit_breaker::TripRule;

    let (circuit, _) = circuit(|b| {
        let rule = TripRule::consecutive_failures(1).of(FailureKind::PANIC);
        b.consecutive_failures(9).rule(rule)
    });

    let caught = catch_unwind(AssertUnwindSafe(|| {
        circuit.run(|| -> Result<(), ()> { std::panic::panic_any(()) })
    }));

    assert!(caught.is_err());
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_call_that_succeeds_while_its_thread_unwinds_is_a_success() {
    struct OnDrop<F: FnMut()>(F);
    impl<F: FnMut()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let (circuit, _) = circuit(|b| b);

    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _cleanup = OnDrop(|| assert!(circuit.run(|| Ok::<_, ()>(())).is_ok()));
        std::panic::panic_any("elsewhere");
    }));

    assert!(caught.is_err());
    assert_eq!(ended(&circuit), [1, 0, 0, 0, 0]);
}

#[test]
fn a_slow_call_that_is_abandoned_late_is_a_slow_failure() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND).abandoned_after(2 * SECOND));
    let permit = circuit.try_acquire().unwrap();
    clock.advance(2 * SECOND);

    drop(permit);

    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.totals.failures, snapshot.totals.slow_calls), (1, 1));
    assert_eq!((snapshot.window.failures, snapshot.window.slow_calls), (1, 1));
}
