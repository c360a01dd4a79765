//! An operator's override, while something else goes on.

use std::future::ready;

use tokio::time::sleep;
use tower_circuit_breaker::{Circuit, CircuitState, Override, TokioClock};

use crate::support::{SECOND, circuit, fail};

#[tokio::test(start_paused = true)]
async fn a_health_probe_asks_for_a_circuit_that_is_observed() {
    let circuit = Circuit::builder("api").consecutive_failures(1).clock(TokioClock::new()).build();
    tokio::spawn(circuit.health_probe(10 * SECOND, || ready(true)).then_close().run());
    sleep(SECOND).await;
    circuit.observe();
    fail(&circuit);
    assert_eq!(circuit.state(), CircuitState::Open);

    sleep(11 * SECOND).await;

    let snapshot = circuit.snapshot();
    assert_eq!(snapshot.state, CircuitState::Closed);
    assert_eq!(snapshot.overridden, Some(Override::Observing), "and it still is");
}

#[test]
fn a_ticker_opens_an_observed_circuit_and_no_forced_one() {
    type Command = fn(&Circuit);
    let commands: [(Command, CircuitState, u64); 4] = [
        (|_| {}, CircuitState::Open, 1),
        (Circuit::observe, CircuitState::Open, 1),
        (Circuit::force_closed, CircuitState::Closed, 0),
        (Circuit::force_open, CircuitState::Open, 0),
    ];
    for (command, state, trips) in commands {
        let (circuit, clock) = circuit(|b| b.stalled_calls(1, 5 * SECOND));
        let hung = circuit.try_acquire().unwrap();
        command(&circuit);
        let _hung = circuit.try_acquire();
        clock.advance(10 * SECOND);

        circuit.check_stalled_calls();

        assert_eq!((circuit.state(), circuit.snapshot().totals.trips), (state, trips));
        drop(hung);
    }
}
