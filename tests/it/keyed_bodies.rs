//! Rule 17a behind keys: a body is judged by the circuit of its key, and keeps it until then.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{AtEndOfBody, ResponseBody, ServerErrorsAsFailures, layer};
use tower_circuit_breaker::keyed::{KeyedCircuitBreakerLayer, KeyedCircuits};
use tower_circuit_breaker::{Circuit, CircuitBuilder, CircuitState, ManualClock, Typed};

use crate::left_bodies::announced;
use crate::script::{FAILURE, NOTHING, SUCCESS, Script, Step, counted, read, response};
use crate::support::SECOND;

type Layered = KeyedCircuitBreakerLayer<
    fn(&Request<()>) -> String,
    ServerErrorsAsFailures,
    Typed,
    AtEndOfBody,
>;

/// Room for the circuit of one key, which is the path of the request.
fn of_one_key(
    set: impl Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync + 'static,
) -> (Layered, ManualClock) {
    let clock = ManualClock::new();
    let of_keys = clock.clone();
    let circuits = KeyedCircuits::new(move |b| set(b).clock(of_keys.clone())).cap(1);
    let overflow = Circuit::builder("api").clock(clock.clone()).build();
    let path: fn(&Request<()>) -> String = |request| request.uri().path()[1..].to_owned();
    (layer(overflow).keyed(path, circuits), clock)
}

/// The body of the answer to a call of `key`; `None` where the call is rejected.
fn ask(layer: &Layered, key: &str, answer: Response<Script>) -> Option<ResponseBody<Script>> {
    let mut answer = Some(answer);
    let service = layer.layer(service_fn(move |_: Request<()>| {
        ready(Ok::<_, Infallible>(answer.take().expect("one call")))
    }));
    let request = Request::get(format!("/{key}")).body(()).unwrap();
    let answered = service.oneshot(request).now_or_never().expect("answered at once");
    answered.ok().map(Response::into_body)
}

/// A call of `key` that is answered, and whose body is read to its end.
#[track_caller]
fn ask_and_read(layer: &Layered, key: &str) {
    let whole = response(200, Script::new([Step::Data("rose")]));
    read(&mut ask(layer, key, whole).expect("admitted"));
}

/// The only circuit that a key has.
#[track_caller]
fn only(layer: &Layered) -> Circuit {
    let mut circuits = layer.circuits();
    assert_eq!(circuits.len(), 1, "{circuits:?}");
    circuits.remove(0)
}

#[test]
fn a_body_that_is_kept_keeps_its_circuit_from_eviction() {
    let (layer, _) = of_one_key(|b| b);
    let kept = ask(&layer, "kept", announced("4", [])).expect("admitted");

    ask_and_read(&layer, "new");

    assert_eq!((layer.evicted(), layer.overflowed()), (0, 1));
    assert_eq!((only(&layer).name(), counted(&only(&layer))), ("api/kept", NOTHING));
    assert_eq!(counted(layer.overflow()), SUCCESS);

    drop(kept);
    assert_eq!(counted(&only(&layer)), SUCCESS, "on its own circuit");
    ask_and_read(&layer, "new");

    assert_eq!((layer.evicted(), layer.overflowed()), (1, 1));
    assert_eq!((only(&layer).name(), counted(&only(&layer))), ("api/new", SUCCESS));
    assert_eq!(counted(layer.overflow()), SUCCESS, "and no other");
}

#[test]
fn a_probe_that_is_held_is_judged_by_the_next_call_of_its_key() {
    let (layer, clock) = of_one_key(|b| b);
    ask_and_read(&layer, "plants");
    only(&layer).trip();
    clock.advance(30 * SECOND);
    let kept = ask(&layer, "plants", announced("4", [])).expect("a probe");
    clock.advance(SECOND - Duration::from_nanos(1));
    assert!(ask(&layer, "plants", announced("4", [])).is_none(), "its slot is taken");
    assert_eq!(only(&layer).state(), CircuitState::HalfOpen);
    clock.advance(Duration::from_nanos(1));

    let next = ask(&layer, "plants", announced("4", []));

    assert!(next.is_some());
    assert_eq!(only(&layer).state(), CircuitState::Closed);
    assert_eq!(counted(&only(&layer)), [2, 0, 0, 0], "the first call, and the probe");
    drop((kept, next));
    assert_eq!(counted(&only(&layer)), [3, 0, 0, 0], "the probe was counted once");
    assert_eq!((layer.overflowed(), counted(layer.overflow())), (0, NOTHING));
}

#[test]
fn a_body_dropped_midway_counts_on_its_own_circuit() {
    let waits = [(Duration::ZERO, SUCCESS), (2 * SECOND, FAILURE)];
    for (wait, expected) in waits {
        let (layer, clock) = of_one_key(|b| b.abandoned_after(2 * SECOND));
        let half = announced("4", [Step::Data("ro")]);
        let mut body = ask(&layer, "own", half).expect("admitted");
        assert!(body.frame().now_or_never().is_some(), "{wait:?}: half of it");
        assert!(body.frame().now_or_never().is_none(), "{wait:?}: and no more");
        let other = ask(&layer, "other", announced("4", []));
        clock.advance(wait);

        drop(body);

        assert_eq!(counted(&only(&layer)), expected, "after {wait:?}");
        assert_eq!(only(&layer).name(), "api/own", "after {wait:?}");
        assert_eq!(counted(layer.overflow()), NOTHING, "after {wait:?}");
        drop(other);
    }
}
