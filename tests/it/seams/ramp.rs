//! A ramp, while something else goes on.

use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBuilder, CircuitGroup, CircuitState, ManualClock, OpenCap,
};

use crate::seams::{admit, admitted, refuse, share};
use crate::support::{FAILURE, SECOND, circuit, fail, ready_to_probe, succeed};

/// At the beginning of a ramp of 100 s.
fn ramping(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> (Circuit, ManualClock) {
    let (circuit, clock) = circuit(|b| set(b.ramp(100 * SECOND)));
    ready_to_probe(&circuit, &clock);
    succeed(&circuit);
    assert!((share(&circuit) - 0.1).abs() < 1e-6);
    (circuit, clock)
}

#[test]
fn a_ramp_and_a_throttle_admit_the_product_of_their_shares() {
    let (circuit, clock) = ramping(|b| b.throttle(2.0));

    refuse(&circuit, 10);

    // Whom the ramp sheds the throttle does not take for refused.
    assert!((share(&circuit) - 0.1 / 11.0).abs() < 1e-6, "{}", share(&circuit));
    clock.advance(100 * SECOND);
    assert!((share(&circuit) - 1.0 / 11.0).abs() < 1e-6, "the throttle goes on after it");
}

#[test]
fn a_member_that_ramps_has_no_place_and_asks_for_one_to_trip_again() {
    let clock = ManualClock::new();
    let [one, other] = ["one", "other"].map(|name| {
        let builder = Circuit::builder(name).clock(clock.clone()).ramp(100 * SECOND);
        builder.consecutive_failures(1).build()
    });
    let group = CircuitGroup::new("all").at_most_open(OpenCap::number(1));
    [&one, &other].into_iter().for_each(|circuit| group.add(circuit));
    fail(&one);
    clock.advance(30 * SECOND);
    succeed(&one);
    assert_eq!(group.open_members(), 0);
    fail(&other);

    refuse(&one, 1);

    assert_eq!(one.state(), CircuitState::Closed, "no place is left");
    assert!((share(&one) - 0.1).abs() < 1e-6, "it goes on with its ramp");
    other.reset();
    refuse(&one, 1);
    assert_eq!(one.state(), CircuitState::Open);
}

#[test]
fn an_isolation_ends_a_ramp() {
    let (circuit, _) = ramping(|b| b);

    drop(circuit.isolate());

    assert_eq!((circuit.state(), admitted(&circuit)), (CircuitState::Closed, 100));
}

#[test]
fn a_ticker_opens_a_circuit_that_ramps() {
    let (circuit, clock) = ramping(|b| b.stalled_calls(2, 5 * SECOND));
    let hung = admit(&circuit, 2);
    clock.advance(6 * SECOND);

    circuit.check_stalled_calls();

    assert_eq!(circuit.state(), CircuitState::Open);
    let trip = circuit.snapshot().last_trip.unwrap();
    assert_eq!(trip.reason, ChangeReason::StalledCalls);
    hung.into_iter().for_each(|permit| permit.record(FAILURE));
    assert_eq!(circuit.snapshot().totals.stale, 2);
}
