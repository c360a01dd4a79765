//! Circuits of keys that come and go, while something else goes on.

use std::future::{Ready, ready};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use tower::util::{BoxCloneService, ServiceExt};
use tower::{Layer, service_fn};
use tower_circuit_breaker::keyed::{KeyedCircuitBreakerLayer, KeyedCircuits};
use tower_circuit_breaker::{
    AtResult, Circuit, CircuitBreakerLayer, CircuitBuilder, CircuitEvent, CircuitRegistry,
    CircuitState, Error, ErrorsAsFailures, ManualClock, Typed,
};

use crate::seams::{refuse, share};
use crate::support::{SECOND, succeed};

type Ask = (&'static str, Result<(), ()>);
type Layered = KeyedCircuitBreakerLayer<fn(&Ask) -> String, ErrorsAsFailures, Typed, AtResult>;

fn layer(
    cap: usize,
    registry: &CircuitRegistry,
    template: impl Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync + 'static,
) -> (Layered, ManualClock) {
    let clock = ManualClock::new();
    let of_keys = clock.clone();
    let circuits = KeyedCircuits::new(move |b| template(b).clock(of_keys.clone()));
    let overflow = Circuit::builder("api").clock(clock.clone()).build();
    let key: fn(&Ask) -> String = |(key, _)| (*key).to_owned();
    let circuits = circuits.cap(cap).registry(registry);
    (CircuitBreakerLayer::new(overflow).keyed(key, circuits), clock)
}

/// Whether a call is admitted.
fn call(layer: &Layered, ask: Ask) -> bool {
    let inner = service_fn(|(_, result): Ask| -> Ready<Result<(), ()>> { ready(result) });
    let service = BoxCloneService::new(layer.layer(inner));
    let answer = service.oneshot(ask).now_or_never().unwrap();
    !matches!(answer, Err(Error::Rejected(_)))
}

fn keys(layer: &Layered) -> Vec<String> {
    layer.circuits().iter().map(|circuit| circuit.name().to_owned()).collect()
}

#[test]
fn a_circuit_that_sheds_goes_after_those_that_do_not() {
    type Template = fn(CircuitBuilder) -> CircuitBuilder;
    type Shed = fn(&Circuit, &ManualClock);
    let ways: [(&str, Template, Shed); 2] = [
        (
            "a ramp",
            |b| b.ramp(100 * SECOND),
            |circuit, clock| {
                circuit.trip_for(SECOND);
                clock.advance(SECOND);
                succeed(circuit);
            },
        ),
        ("a throttle", |b| b.throttle(1.0), |circuit, _| refuse(circuit, 10)),
    ];
    for (way, template, shed) in ways {
        let (layer, clock) = layer(2, &CircuitRegistry::new(), template);
        call(&layer, ("sheds", Ok(())));
        shed(&layer.circuits()[0], &clock);
        assert!(share(&layer.circuits()[0]) < 1.0, "{way}");
        clock.advance(SECOND);
        call(&layer, ("idle", Ok(())));

        call(&layer, ("new", Ok(())));
        assert_eq!(keys(&layer), ["api/new", "api/sheds"], "{way}");

        // Where all shed, one of them goes: memory stays bounded.
        shed(&layer.circuits()[0], &clock);
        call(&layer, ("newer", Ok(())));
        assert_eq!(keys(&layer), ["api/new", "api/newer"], "{way}");
    }
}

#[test]
fn an_isolated_circuit_stays_until_the_isolation_ends() {
    let (layer, _) = layer(1, &CircuitRegistry::new(), |b| b);
    call(&layer, ("isolated", Ok(())));
    let isolation = layer.circuits()[0].isolate();

    assert!(call(&layer, ("new", Ok(()))));
    assert_eq!((keys(&layer), layer.overflowed()), (vec!["api/isolated".to_owned()], 1));
    assert!(!call(&layer, ("isolated", Ok(()))));

    drop(isolation);
    call(&layer, ("new", Ok(())));
    assert_eq!(keys(&layer), ["api/new"]);
}

#[tokio::test(start_paused = true)]
async fn a_ticker_ends_with_the_circuit_that_goes_and_keeps_none() {
    let (layer, clock) = layer(1, &CircuitRegistry::new(), |b| b.stalled_calls(1, 5 * SECOND));
    call(&layer, ("a", Ok(())));
    let ticker = tokio::spawn(layer.circuits()[0].stall_ticker(SECOND));
    let hung = layer.circuits()[0].try_acquire().unwrap();
    call(&layer, ("b", Ok(())));
    assert_eq!(keys(&layer), ["api/a"], "a call in flight keeps it");
    clock.advance(6 * SECOND);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(layer.circuits()[0].state(), CircuitState::Open, "the ticker has seen it");
    drop(hung);
    clock.advance(30 * SECOND);

    call(&layer, ("b", Ok(())));

    assert_eq!(keys(&layer), ["api/b"]);
    ticker.await.expect("it ends by itself");
}

#[test]
fn circuits_of_keys_come_back_as_their_keys_come() {
    let make = |registry: &CircuitRegistry| layer(2, registry, |b| b.consecutive_failures(1));
    let registry = CircuitRegistry::new();
    let (earlier, _) = make(&registry);
    call(&earlier, ("down", Err(())));
    call(&earlier, ("well", Ok(())));
    let saved: Vec<_> = registry.export().into_iter().map(|it| it.away_for(SECOND)).collect();

    let registry = CircuitRegistry::new();
    let (later, clock) = make(&registry);
    registry.restore(saved);

    assert!(call(&later, ("new", Ok(()))));
    assert!(!call(&later, ("down", Ok(()))), "open, in its first call");
    assert!(call(&later, ("well", Ok(()))), "in the place of the new one");
    assert_eq!(keys(&later), ["api/down", "api/well"]);
    clock.advance(29 * SECOND);
    assert!(call(&later, ("down", Ok(()))));
}

#[test]
fn what_no_key_has_asked_for_is_saved_again() {
    let make = |registry: &CircuitRegistry| layer(3, registry, |b| b.consecutive_failures(1));
    let mut registry = CircuitRegistry::new();
    let (earlier, _) = make(&registry);
    for (key, result) in [("down", Err(())), ("forced", Ok(())), ("well", Ok(()))] {
        call(&earlier, (key, result));
    }
    registry.get("api/forced").unwrap().force_open();

    for (away, expected) in
        [(29, &["api/down", "api/forced", "api/new"][..]), (1, &["api/forced", "api/new"])]
    {
        let saved = registry.export();
        registry = CircuitRegistry::new();
        registry.restore(saved.into_iter().map(|saved| saved.away_for(away * SECOND)));
        let (later, _) = make(&registry);
        call(&later, ("new", Ok(())));

        let names: Vec<_> = registry.export().iter().map(|it| it.name().to_owned()).collect();
        assert_eq!(names, expected);
    }
    let (last, _) = make(&registry);
    assert!(!call(&last, ("forced", Ok(()))), "as an operator said two restarts before");
    assert_eq!(registry.export().len(), 2, "and is saved once");
}

/// The listener would wait for ever for a lock that its own call holds.
#[test]
fn a_listener_that_hears_of_a_circuit_that_comes_back_may_ask_the_layer() {
    let registry = CircuitRegistry::new();
    let (earlier, _) = layer(1, &registry, |b| b.consecutive_failures(1));
    call(&earlier, ("down", Err(())));
    let saved = registry.export();
    let registry = CircuitRegistry::new();
    let (later, _) = layer(1, &registry, |b| b.consecutive_failures(1));
    registry.restore(saved);
    let (said, heard) = mpsc::channel();
    let asked = later.clone();
    registry.on_event(move |_: &CircuitEvent| said.send(keys(&asked)).unwrap());

    thread::spawn(move || call(&later, ("down", Ok(()))));

    let heard = heard.recv_timeout(Duration::from_secs(10)).expect("an answer");
    assert_eq!(heard, ["api/down"]);
}

#[test]
fn what_was_set_for_one_key_goes_with_its_circuit() {
    let (layer, _) = layer(1, &CircuitRegistry::new(), |b| b.consecutive_failures(9));
    call(&layer, ("a", Ok(())));
    let of_template = layer.circuits()[0].config();
    let other = Circuit::builder("").consecutive_failures(1).into_config();
    layer.circuits()[0].reconfigure(other.clone());
    let held = layer.circuits();
    call(&layer, ("b", Ok(())));
    assert_eq!(layer.circuits()[0].config(), other, "who holds the circuit keeps it");

    drop(held);
    call(&layer, ("b", Ok(())));
    call(&layer, ("a", Ok(())));

    assert_eq!(layer.circuits()[0].config(), of_template);
}
