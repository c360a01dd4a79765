//! Other settings, while calls are in flight.

use tower_circuit_breaker::{Circuit, CircuitConfig, CircuitState, Outcome};

use crate::support::{SECOND, circuit, ready_to_probe};

fn stalled() -> CircuitConfig {
    let builder = Circuit::builder("").stalled_calls(2, 5 * SECOND);
    builder.slow_call_rate(1.0, 5 * SECOND).minimum_calls(2).into_config()
}

fn without() -> CircuitConfig {
    Circuit::builder("").consecutive_failures(9).into_config()
}

#[test]
fn calls_in_flight_are_those_of_the_settings_that_admitted_them() {
    let (circuit, clock) = circuit(|b| b.config(without()));
    let hung = || [circuit.try_acquire().unwrap(), circuit.try_acquire().unwrap()];
    let in_flight = || {
        let snapshot = circuit.snapshot();
        (snapshot.slow_in_flight, snapshot.stalled_calls)
    };
    let before = hung();
    circuit.reconfigure(stalled());
    clock.advance(10 * SECOND);
    circuit.check_stalled_calls();
    assert_eq!((in_flight(), circuit.state()), ((0, 0), CircuitState::Closed), "of before");

    let [under_rules, _kept] = hung();
    clock.advance(10 * SECOND);
    assert_eq!(in_flight(), (2, 2));
    before.into_iter().for_each(|permit| permit.record(Outcome::Success));
    assert_eq!(in_flight(), (2, 2), "those of before take none of these out");

    circuit.reconfigure(without());
    circuit.check_stalled_calls();
    assert_eq!((in_flight(), circuit.state()), ((0, 0), CircuitState::Closed), "no rule");
    circuit.reconfigure(stalled());
    let [_third, _fourth] = hung();
    under_rules.record(Outcome::Success);
    clock.advance(10 * SECOND);
    assert_eq!(in_flight(), (2, 2), "nor do those of the same rules, earlier");
    circuit.check_stalled_calls();
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn probes_in_flight_are_judged_by_no_settings_but_their_own() {
    let (circuit, clock) = circuit(|b| b.config(without()));
    ready_to_probe(&circuit, &clock);
    let old = circuit.try_acquire().unwrap();

    circuit.reconfigure(stalled());
    clock.advance(6 * SECOND);
    old.record(Outcome::Success);

    assert_eq!(circuit.state(), CircuitState::HalfOpen, "its settings are gone");
    let slow = circuit.try_acquire().expect("a slot is free");
    clock.advance(6 * SECOND);
    slow.record(Outcome::Success);
    assert_eq!(circuit.state(), CircuitState::Open, "too slow for the new ones");
}
