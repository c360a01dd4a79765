//! `failure_rate_confident`: a rate that needs no minimum of calls.

use proptest::collection::vec;
use proptest::prelude::*;
use tower_circuit_breaker::{ChangeReason, Circuit, CircuitState, Outcome, SlidingWindow};

use crate::support::{SECOND, circuit, fail, succeed};
use crate::trip_rules::reason;

#[test]
fn three_failures_of_three_are_surely_over_a_half() {
    let (circuit, _) = circuit(|b| b.failure_rate_confident(0.5, 0.95));
    fail(&circuit);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(reason(&circuit), Some(ChangeReason::FailureRateConfident));
}

#[test]
fn a_minimum_of_calls_does_not_apply() {
    let (circuit, _) = circuit(|b| b.failure_rate_confident(0.5, 0.95).minimum_calls(1_000));
    for _ in 0..3 {
        fail(&circuit);
    }

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().failure_rate(), None);
}

#[test]
fn with_many_calls_a_little_over_the_rate_is_enough() {
    // The lower bound of 58 failures in 100 calls is 0.498, that of 59 in 101 is 0.502.
    let (circuit, _) =
        circuit(|b| b.failure_rate_confident(0.5, 0.95).window(SlidingWindow::count(1_000)));
    for _ in 0..42 {
        succeed(&circuit);
    }
    for _ in 0..58 {
        fail(&circuit);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    let trip = circuit.snapshot().last_trip.unwrap();
    assert_eq!((trip.window.calls, trip.window.failures), (101, 59));
}

#[test]
fn a_share_at_the_rate_never_trips() {
    let (circuit, _) =
        circuit(|b| b.failure_rate_confident(0.5, 0.501).window(SlidingWindow::count(1_000)));
    for _ in 0..3_000 {
        succeed(&circuit);
        fail(&circuit);
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn what_has_left_the_window_does_not_count() {
    let (circuit, clock) = circuit(|b| b.failure_rate_confident(0.5, 0.95));
    fail(&circuit);
    fail(&circuit);
    clock.advance(10 * SECOND);
    fail(&circuit);
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_count_window_that_is_too_small_trips_when_it_is_full_of_failures() {
    let (circuit, _) =
        circuit(|b| b.failure_rate_confident(0.9, 0.99).window(SlidingWindow::count(4)));
    succeed(&circuit);
    for _ in 0..3 {
        fail(&circuit);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn it_stands_beside_a_plain_rate() {
    let set = |minimum| {
        circuit(move |b| {
            b.failure_rate(0.9).failure_rate_confident(0.5, 0.95).minimum_calls(minimum)
        })
    };
    for (minimum, expected) in
        [(2, ChangeReason::FailureRate), (4, ChangeReason::FailureRateConfident)]
    {
        let (circuit, _) = set(minimum);
        while circuit.state() == CircuitState::Closed {
            fail(&circuit);
        }

        assert_eq!(reason(&circuit), Some(expected), "at a minimum of {minimum}");
    }
}

#[test]
fn a_reconfigured_circuit_goes_by_the_new_confidence() {
    let (circuit, _) = circuit(|b| b.failure_rate_confident(0.5, 0.95));
    let sure = Circuit::builder("").failure_rate_confident(0.5, 0.99);
    circuit.reconfigure(sure.into_config());
    for _ in 0..5 {
        fail(&circuit);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn while_forced_closed_nothing_trips_it() {
    let (circuit, _) = circuit(|b| b.failure_rate_confident(0.5, 0.95));
    circuit.force_closed();

    for _ in 0..50 {
        circuit.try_acquire().unwrap().record(Outcome::TripFor(SECOND));
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
}

/// The lower bound as textbooks have it, one-sided.
fn wilson(failures: u32, calls: u32, z: f64) -> f64 {
    let n = f64::from(calls);
    let share = f64::from(failures) / n;
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    (share + z * z / (2.0 * n) - half) / (1.0 + z * z / n)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_circuit_trips_at_the_first_failure_that_is_surely_over_the_rate(
        rate in 0.01..0.99_f64,
        (confidence, z) in prop_oneof![
            Just((0.8, 0.841_621_233_572_914_3)),
            Just((0.95, 1.644_853_626_951_472_2)),
            Just((0.999, 3.090_232_306_167_813)),
        ],
        failing in 0.0..1.0_f64,
        draws in vec(0.0..1.0_f64, 1..300),
    ) {
        let (circuit, _) = circuit(|b| b.failure_rate_confident(rate, confidence));
        let mut failures = 0;
        for (calls, draw) in (1..).zip(draws) {
            if draw >= failing {
                succeed(&circuit);
                continue;
            }
            failures += 1;
            fail(&circuit);
            let bound = wilson(failures, calls, z);
            // As near as that the last digits decide, and either is right.
            prop_assume!((bound - rate).abs() > 1e-7);

            let is_open = circuit.state() == CircuitState::Open;
            prop_assert_eq!(is_open, bound > rate, "{} of {}: {}", failures, calls, bound);
            prop_assert!(!is_open || f64::from(failures) / f64::from(calls) > rate);
            if is_open {
                break;
            }
        }
    }
}
