//! Where it is kept, for how long, and that it changes nothing else.

use futures_util::FutureExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitBuilder, CircuitEvent, CircuitRegistry, CircuitState,
    LatencyHistogram, Outcome,
};

use crate::latency::{MILLI, NANO, assert_kept, kept, latency, take};
use crate::listeners::everything;
use crate::support::{SECOND, circuit, fail, ready_to_probe, succeed};

#[test]
fn a_circuit_keeps_it_only_where_it_is_asked_to() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, SECOND));

    take(&circuit, &clock, MILLI, Outcome::Success);

    assert_eq!(circuit.latency(), None);
}

#[test]
fn alone_it_makes_no_call_slow_and_trips_nothing() {
    let (circuit, clock) = circuit(|b| b.failure_rate(0.5).minimum_calls(1).latency());

    for _ in 0..100 {
        take(&circuit, &clock, 3_600 * SECOND, Outcome::Success);
    }

    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.state, snapshot.totals.slow_calls), (CircuitState::Closed, 0));
    assert_eq!((snapshot.in_flight, snapshot.slow_in_flight), (None, 0));
    assert_kept(&circuit, 100, 360_000 * SECOND);
}

#[test]
fn beside_a_rule_of_slow_calls_it_changes_nothing() {
    let slow = |b: CircuitBuilder| b.slow_call_rate(0.5, SECOND).minimum_calls(10);
    let [with, without] = [circuit(|b| slow(b).latency()), circuit(slow)];
    for (circuit, clock) in [&with, &without] {
        for number in 0..9 {
            take(circuit, clock, SECOND - (number % 2) * NANO, Outcome::Success);
        }
        assert_eq!(circuit.snapshot().totals.slow_calls, 5);
        assert_eq!(circuit.state(), CircuitState::Closed);
        take(circuit, clock, SECOND, Outcome::Success);
        assert_eq!(circuit.state(), CircuitState::Open);
    }

    assert_eq!(with.0.snapshot().totals, without.0.snapshot().totals);
    assert_eq!(latency(&with.0).count(), 10);
}

#[test]
fn it_only_grows_whatever_happens_to_the_circuit() {
    let (circuit, clock) = kept(|b| b.open_for(SECOND));
    let mut count = 0;
    let mut another = |after: &str| {
        take(&circuit, &clock, MILLI, Outcome::Success);
        count += 1;
        assert_eq!(latency(&circuit).count(), count, "after {after}");
    };
    another("nothing");
    circuit.reset();
    another("a reset");
    circuit.reconfigure(Circuit::builder("api").failure_rate(0.3).into_config());
    another("other settings");
    let handle = circuit.on_event(everything());
    another("a listener of calls came");
    handle.remove();
    another("it left");
    circuit.on_event(|_: &CircuitEvent| {});
    another("a listener of changes came");
    circuit.force_open();
    circuit.release();
    another("an override");
    circuit.observe_for(SECOND);
    another("an override with an end");
    clock.advance(SECOND);
    another("its end");
    drop(circuit.isolate());
    another("an isolation");
    ready_to_probe(&circuit, &clock);
    another("a trip");
}

#[test]
fn clones_share_it_and_a_restored_circuit_starts_anew() {
    let (circuit, clock) = kept(|b| b);
    let clone = circuit.clone();
    take(&circuit, &clock, MILLI, Outcome::Success);
    take(&clone, &clock, MILLI, Outcome::Success);
    assert_kept(&clone, 2, 2 * MILLI);

    let next = Circuit::builder("api").latency().restore(circuit.export()).build();

    assert_eq!(latency(&next), LatencyHistogram::default());
}

#[test]
fn templates_of_registries_and_keys_may_ask_for_it() {
    let registry = CircuitRegistry::with_template(CircuitBuilder::latency);
    succeed(&registry.get_or_create("a"));
    fail(&registry.get_or_create("b"));
    assert_eq!(latency(&registry.get_or_create("a")).count(), 1);
    assert_eq!(latency(&registry.get_or_create("b")).count(), 1);

    let circuits = KeyedCircuits::new(CircuitBuilder::latency);
    let layer = CircuitBreakerLayer::new(Circuit::builder("api").build());
    let layer = layer.keyed_by(|key: &&str| (*key).to_owned(), circuits);
    let inner = service_fn(|_: &str| std::future::ready(Ok::<_, ()>(())));
    assert!(layer.layer(inner).oneshot("tenant").now_or_never().unwrap().is_ok());

    let counts = |circuit: &Circuit| circuit.latency().map(|latency| latency.count());
    assert_eq!(layer.circuits().iter().map(counts).collect::<Vec<_>>(), [Some(1)]);
}
