//! A throttle, while something else goes on.

use tokio::time::sleep;
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitGroup, CircuitState, OpenCap, TokioClock,
};

use crate::seams::{admit, refuse, share};
use crate::support::{SECOND, circuit, fail};

#[test]
fn shedding_needs_no_place_and_goes_on_where_a_trip_finds_none() {
    let (shedding, _) = circuit(|b| b.throttle(1.0));
    let (open, _) = circuit(|b| b.consecutive_failures(1));
    let (kept, _) = circuit(|b| b.throttle(1.0).consecutive_failures(1));
    let group = CircuitGroup::new("all").at_most_open(OpenCap::number(1));
    [&shedding, &open, &kept].into_iter().for_each(|circuit| group.add(circuit));

    refuse(&shedding, 10);
    assert_eq!((group.open_members(), shedding.snapshot().totals.trips_prevented), (0, 0));
    assert!(share(&shedding) < 0.1);
    fail(&open);
    refuse(&kept, 10);

    assert_eq!(kept.state(), CircuitState::Closed);
    assert!(kept.snapshot().totals.trips_prevented >= 1, "the cap keeps it closed");
    assert!(share(&kept) < 0.1, "and its throttle spares the upstream");
}

#[test]
fn what_was_tried_before_an_isolation_is_forgotten() {
    let (circuit, _) = circuit(|b| b.throttle(1.0));
    refuse(&circuit, 10);

    drop(circuit.isolate());

    assert!(share(&circuit) >= 1.0);
}

#[tokio::test(start_paused = true)]
async fn what_was_tried_before_a_health_probe_closes_is_forgotten() {
    let builder = Circuit::builder("api").throttle(1.0).consecutive_failures(10);
    let circuit = builder.clock(TokioClock::new()).build();
    let probe = circuit.health_probe(10 * SECOND, || std::future::ready(true));
    tokio::spawn(probe.then_close().run());
    sleep(SECOND).await;
    let calls = admit(&circuit, 10);
    calls.into_iter().for_each(|permit| permit.record(crate::support::FAILURE));
    assert_eq!(circuit.state(), CircuitState::Open);

    sleep(11 * SECOND).await;

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert!(share(&circuit) >= 1.0);
}

#[test]
fn a_ticker_opens_a_circuit_that_throttles() {
    let (circuit, clock) = circuit(|b| b.throttle(1.0).stalled_calls(2, 5 * SECOND));
    refuse(&circuit, 2);
    let _hung = admit(&circuit, 2);
    clock.advance(6 * SECOND);

    circuit.check_stalled_calls();

    let trip = circuit.snapshot().last_trip.unwrap();
    assert_eq!((circuit.state(), trip.reason), (CircuitState::Open, ChangeReason::StalledCalls));
}

#[test]
fn a_throttled_circuit_comes_back_with_its_share_to_be_learnt_anew() {
    let (earlier, _) = circuit(|b| b.throttle(1.0));
    refuse(&earlier, 10);

    let (later, _) = circuit(|b| b.throttle(1.0).restore(earlier.export()));

    assert!(share(&later) >= 1.0);
    refuse(&later, 10);
    assert!(share(&later) < 0.1);
}

#[test]
fn other_settings_begin_the_share_anew_and_equal_ones_keep_it() {
    let (circuit, _) = circuit(|b| b.throttle(1.0));
    refuse(&circuit, 10);
    let shed = share(&circuit);

    circuit.reconfigure(circuit.config());
    assert!((share(&circuit) - shed).abs() < 1e-6);
    circuit.reconfigure(Circuit::builder("").throttle(1.5).into_config());

    assert!(share(&circuit) >= 1.0);
    refuse(&circuit, 10);
    assert!(share(&circuit) < 0.1);
    circuit.reconfigure(Circuit::builder("").consecutive_failures(99).into_config());
    assert!(share(&circuit) >= 1.0, "without it nobody is shed");
    assert_eq!(crate::seams::admitted(&circuit), 100);
}
