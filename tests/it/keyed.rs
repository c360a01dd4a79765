//! One circuit for each key of the request.

use std::borrow::Cow;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::keyed::{Key, KeyedCircuitBreakerLayer, KeyedCircuits};
use tower_circuit_breaker::{
    AtResult, Circuit, CircuitBreakerLayer, CircuitRegistry, CircuitState, Error, ErrorsAsFailures,
    ManualClock, Typed,
};

use crate::support::SECOND;

pub(crate) type Layered = KeyedCircuitBreakerLayer<ByTenant, ErrorsAsFailures, Typed, AtResult>;

/// A request is its key.
#[derive(Clone, Copy)]
pub(crate) struct ByTenant;

impl Key<&'static str> for ByTenant {
    fn key<'a>(&self, request: &'a &'static str) -> Cow<'a, str> {
        Cow::Borrowed(request)
    }
}

impl Key<String> for ByTenant {
    fn key<'a>(&self, request: &'a String) -> Cow<'a, str> {
        Cow::Borrowed(request)
    }
}

fn layer(cap: usize) -> (Layered, ManualClock) {
    layer_with(cap, None)
}

/// Circuits of one failure, on a clock that stands still.
pub(crate) fn layer_with(cap: usize, registry: Option<&CircuitRegistry>) -> (Layered, ManualClock) {
    let clock = ManualClock::new();
    let of_keys = clock.clone();
    let circuits =
        KeyedCircuits::new(move |builder| builder.consecutive_failures(1).clock(of_keys.clone()))
            .cap(cap);
    let circuits = match registry {
        Some(registry) => circuits.registry(registry),
        None => circuits,
    };
    let overflow = Circuit::builder("api").consecutive_failures(1).clock(clock.clone()).build();
    (CircuitBreakerLayer::new(overflow).keyed(ByTenant, circuits), clock)
}

/// One call with `key`, which fails or not; whether it was admitted.
pub(crate) fn call<Q>(layer: &Layered, key: Q, result: Result<(), ()>) -> bool
where
    ByTenant: Key<Q>,
{
    let service = layer.layer(service_fn(move |_: Q| ready(result)));
    let answer = service.oneshot(key).now_or_never().unwrap();
    !matches!(answer, Err(Error::Rejected(_)))
}

fn succeed(layer: &Layered, key: &'static str) -> bool {
    call(layer, key, Ok(()))
}

/// The names of the circuits there are, without the prefix.
fn keys(layer: &Layered) -> Vec<String> {
    let of = |circuit: &Circuit| circuit.name().strip_prefix("api/").unwrap().to_owned();
    layer.circuits().iter().map(of).collect()
}

/// A call of `key` that is still in flight.
fn in_flight(layer: &Layered, key: &'static str) -> impl Future {
    let mut service = layer.layer(service_fn(|_: &'static str| pending::<Result<(), ()>>()));
    let mut call: Pin<Box<dyn Future<Output = _>>> = Box::pin(service.call(key));
    assert!(call.as_mut().now_or_never().is_none());
    call
}

#[test]
fn keys_have_circuits_of_their_own() {
    let (layer, _) = layer(10);

    assert!(call(&layer, "bad", Err(())));

    assert!(!succeed(&layer, "bad"), "rejected");
    assert!(succeed(&layer, "good"));
    assert_eq!(keys(&layer), ["bad", "good"]);
    assert_eq!(layer.overflow().state(), CircuitState::Closed);
}

#[test]
fn all_services_of_a_layer_share_the_circuits() {
    let (layer, _) = layer(10);
    let service = layer.layer(service_fn(|_: &'static str| ready(Err::<(), _>(()))));
    service.clone().oneshot("bad").now_or_never().unwrap().unwrap_err();

    let answer = service.clone().oneshot("bad").now_or_never().unwrap();

    assert!(answer.unwrap_err().rejected().is_some());
    assert!(!succeed(&layer.clone(), "bad"));
}

#[test]
fn past_the_cap_the_longest_idle_closed_circuit_goes() {
    let (layer, clock) = layer(3);
    for key in ["a", "b", "c", "a"] {
        succeed(&layer, key);
        clock.advance(SECOND);
    }

    succeed(&layer, "d");
    assert_eq!(keys(&layer), ["a", "c", "d"], "b was idle for longest");
    clock.advance(SECOND);
    succeed(&layer, "e");
    assert_eq!(keys(&layer), ["a", "d", "e"]);
    assert_eq!(layer.evicted(), 2);
    assert_eq!(layer.overflowed(), 0);
}

#[test]
fn of_those_used_at_the_same_time_the_first_made_goes() {
    let (layer, _) = layer(3);
    for key in ["b", "a", "c"] {
        succeed(&layer, key);
    }

    succeed(&layer, "d");

    assert_eq!(keys(&layer), ["a", "c", "d"]);
}

#[test]
fn an_open_circuit_stays_while_a_closed_one_can_go() {
    let (layer, clock) = layer(2);
    call(&layer, "bad", Err(()));
    clock.advance(60 * SECOND);
    succeed(&layer, "good");

    succeed(&layer, "new");

    assert_eq!(keys(&layer), ["bad", "new"]);
}

#[test]
fn where_none_can_go_calls_share_the_overflow_circuit() {
    let (layer, clock) = layer(2);
    call(&layer, "bad", Err(()));
    let call_in_flight = in_flight(&layer, "busy");

    assert!(succeed(&layer, "new"));
    assert!(call(&layer, "newer", Err(())));
    assert!(!succeed(&layer, "newest"), "the overflow circuit is open");

    assert_eq!(keys(&layer), ["bad", "busy"]);
    assert_eq!(layer.overflowed(), 3);
    assert_eq!(layer.overflow().snapshot().totals.failures, 1);
    drop(call_in_flight);
    clock.advance(SECOND);
    assert!(succeed(&layer, "new"), "busy has gone for it");
    assert_eq!(keys(&layer), ["bad", "new"]);
}

#[test]
fn an_open_circuit_that_is_ready_for_probes_goes_last() {
    let (layer, clock) = layer(2);
    call(&layer, "first", Err(()));
    call(&layer, "second", Err(()));
    clock.advance(29 * SECOND);
    succeed(&layer, "new");
    assert_eq!(layer.overflowed(), 1);

    clock.advance(SECOND);
    succeed(&layer, "new");

    assert_eq!(keys(&layer), ["new", "second"]);
}

#[test]
fn what_an_operator_has_forced_stays() {
    for force in [Circuit::force_open, Circuit::force_closed, Circuit::observe] {
        let (layer, _) = layer(1);
        succeed(&layer, "forced");
        force(&layer.circuits()[0]);

        succeed(&layer, "new");

        assert_eq!(keys(&layer), ["forced"]);
        assert_eq!(layer.overflowed(), 1);
    }
}

#[test]
fn what_an_operator_has_forced_for_a_time_stays_as_long() {
    let force: [fn(&Circuit, Duration); 3] =
        [Circuit::force_open_for, Circuit::force_closed_for, Circuit::observe_for];
    for force in force {
        let (layer, clock) = layer(1);
        succeed(&layer, "forced");
        force(&layer.circuits()[0], SECOND);
        succeed(&layer, "new");
        assert_eq!(keys(&layer), ["forced"]);

        clock.advance(SECOND);
        succeed(&layer, "new");

        assert_eq!(keys(&layer), ["new"]);
    }
}

#[test]
fn a_circuit_that_somebody_holds_stays() {
    let (layer, _) = layer(1);
    succeed(&layer, "held");
    let held = layer.circuits();

    succeed(&layer, "new");
    assert_eq!(keys(&layer), ["held"]);

    drop(held);
    succeed(&layer, "new");
    assert_eq!(keys(&layer), ["new"]);
}

#[test]
fn a_flood_of_keys_evicts_neither_open_nor_busy_circuits() {
    let (layer, _) = layer(4);
    call(&layer, "open", Err(()));
    let busy = in_flight(&layer, "busy");

    for number in 0..10_000 {
        assert!(call(&layer, number.to_string(), Ok(())));
    }

    assert!(!succeed(&layer, "open"), "still open");
    assert!(keys(&layer).contains(&"busy".to_owned()));
    drop(busy);
}

#[test]
fn keys_of_more_than_256_bytes_share_the_overflow_circuit() {
    let (layer, _) = layer(10);

    call(&layer, "k".repeat(256), Ok(()));
    call(&layer, "k".repeat(257), Ok(()));

    assert_eq!(layer.circuits().len(), 1);
    assert_eq!(layer.overflowed(), 1);
}

#[test]
fn a_registry_shows_the_circuits_that_are_there() {
    let registry = CircuitRegistry::new();
    let (layer, _) = layer_with(2, Some(&registry));
    for key in ["a", "b", "c"] {
        succeed(&layer, key);
    }
    let names = || registry.circuits().iter().map(|c| c.name().to_owned()).collect::<Vec<_>>();

    assert_eq!(names(), ["api/b", "api/c"]);
    registry.get("api/b").unwrap().force_open();
    assert!(!succeed(&layer, "b"), "they are the same");
}

#[test]
fn circuits_whose_names_collide_are_listed() {
    let registry = CircuitRegistry::new();
    let own = registry.get_or_create("api/a");
    let (layer, _) = layer_with(8, Some(&registry));
    for key in ["a", "b", "c"] {
        call(&layer, key, Ok(()));
    }
    let names = || {
        let collisions = layer.name_collisions();
        collisions.iter().map(|circuit| circuit.name().to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(names(), ["api/a"]);
    registry.remove("api/b");
    assert_eq!(names(), ["api/a"], "an operator took that one out");
    registry.remove(own.name());
    assert!(names().is_empty());
    assert!(layer_with(8, None).0.name_collisions().is_empty());
}

#[test]
fn a_name_that_is_taken_in_the_registry_stays_there() {
    let registry = CircuitRegistry::new();
    let elsewhere = registry.get_or_create("api/a");
    let (layer, _) = layer_with(1, Some(&registry));
    elsewhere.force_open();

    assert!(succeed(&layer, "a"));
    assert!(succeed(&layer, "b"), "a goes");

    assert_eq!(registry.get("api/a").unwrap().state(), CircuitState::Open);
}

#[test]
fn a_circuit_that_goes_unseen_stays_while_somebody_holds_it() {
    let registry = CircuitRegistry::new();
    let (layer, _) = layer_with(1, Some(&registry));
    succeed(&layer, "a");
    let held = registry.remove("api/a").unwrap();
    registry.get_or_create("api/a");

    succeed(&layer, "b");
    assert_eq!(keys(&layer), ["a"]);

    drop(held);
    succeed(&layer, "b");
    assert_eq!(keys(&layer), ["b"]);
}

#[test]
fn closures_are_keys_and_all_else_of_the_layer_is_kept() {
    let layer = CircuitBreakerLayer::new(Circuit::builder("api").build())
        .failure_if(|result: &Result<u16, ()>| *result == Ok(500))
        .respond_with(|_| 503)
        .keyed_by(
            |request: &u16| request.to_string(),
            KeyedCircuits::new(|builder| builder.consecutive_failures(1)),
        );
    let service = layer.layer(service_fn(|request: u16| ready(Ok::<_, ()>(request))));
    let ask = |request| service.clone().oneshot(request).now_or_never().unwrap();

    assert_eq!([ask(500), ask(500), ask(200), ask(200)], [Ok(500), Ok(503), Ok(200), Ok(200)]);
}

#[test]
#[should_panic(expected = "the cap on keys must be at least 1, but got 0")]
fn a_cap_of_no_keys_is_refused() {
    let _ = KeyedCircuits::new(|builder| builder).cap(0);
}

#[test]
fn many_threads_with_one_new_key_share_its_circuit() {
    let (layer, _) = layer(8);
    let start = Barrier::new(4);
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                start.wait();
                for number in 0..500 {
                    call(&layer, (number % 8).to_string(), Ok(()));
                }
            });
        }
    });

    let successes = |circuit: &Circuit| circuit.snapshot().totals.successes;
    assert_eq!(layer.circuits().iter().map(successes).sum::<u64>(), 2_000, "none was lost");
    assert_eq!((layer.circuits().len(), layer.evicted(), layer.overflowed()), (8, 0, 0));
}
