//! Circuits that are made under an override.

use std::borrow::Cow;
use std::future::ready;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::keyed::{Key, KeyedCircuits};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitConfig, CircuitEvent, CircuitRegistry, CircuitState,
    ManualClock, Override, RejectReason,
};

use crate::support::{SECOND, circuit, fail, rejection, succeed};

#[test]
fn it_holds_from_the_first_call_until_it_is_released() {
    let (observing, _) =
        circuit(|b| b.consecutive_failures(1).initial_override(Override::Observing));
    fail(&observing);
    succeed(&observing);
    assert_eq!(observing.state(), CircuitState::Open);
    assert_eq!(observing.snapshot().overridden, Some(Override::Observing));
    assert_eq!(observing.snapshot().totals.would_have_rejected, 1);
    observing.release();
    fail(&observing);
    assert_eq!(rejection(&observing).reason(), RejectReason::Open);

    let (open, _) = circuit(|b| b.initial_override(Override::ForcedOpen));
    assert_eq!(rejection(&open).reason(), RejectReason::ForcedOpen);
    assert_eq!(rejection(&open).retry_after(), None);
    open.release();
    succeed(&open);
    assert_eq!(open.state(), CircuitState::Closed);

    let (closed, _) =
        circuit(|b| b.consecutive_failures(1).initial_override(Override::ForcedClosed));
    fail(&closed);
    fail(&closed);
    assert_eq!(closed.state(), CircuitState::Closed);
    closed.release();
    fail(&closed);
    assert_eq!(closed.state(), CircuitState::Open);
}

#[test]
fn no_event_tells_of_it() {
    let heard = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&heard);
    let (circuit, _) = circuit(|b| {
        b.initial_override(Override::Observing)
            .listener(move |_: &CircuitEvent| *counter.lock().unwrap() += 1)
    });

    assert_eq!((*heard.lock().unwrap(), circuit.recent_events().len()), (0, 0));
    circuit.release();
    assert_eq!((*heard.lock().unwrap(), circuit.recent_events().len()), (1, 1));
}

#[test]
fn text_says_it() {
    for overridden in [Override::Observing, Override::ForcedClosed, Override::ForcedOpen] {
        let text = format!("initial_override = \"{}\"", overridden.as_str());
        let config: CircuitConfig = toml::from_str(&text).unwrap();

        let circuit = Circuit::builder("api").config(config.clone()).build();

        assert_eq!(circuit.snapshot().overridden, Some(overridden));
        assert_eq!(toml::from_str(&toml::to_string(&config).unwrap()), Ok(config));
        assert!(!toml::to_string(&circuit.config()).unwrap().contains("initial_override"));
    }
}

#[test]
fn text_that_says_it_wrong_is_refused_with_what_is_allowed() {
    for wrong in ["\"open\"", "true", "1", "[]"] {
        let said = toml::from_str::<CircuitConfig>(&format!("initial_override = {wrong}"));
        let error = said.unwrap_err().to_string();
        assert!(error.contains("`initial_override`"), "{error}");
        assert!(error.contains("\"observing\", \"forced_closed\" or \"forced_open\""), "{error}");
    }
}

#[test]
fn a_running_circuit_keeps_the_override_that_it_has() {
    let (circuit, _) = circuit(|b| b);
    let config = Circuit::builder("other")
        .consecutive_failures(3)
        .initial_override(Override::ForcedOpen)
        .into_config();

    circuit.reconfigure(config);

    assert_eq!(circuit.snapshot().overridden, None);
}

#[test]
fn what_was_saved_comes_before_it() {
    let saved = |set: fn(&Circuit)| {
        let (circuit, _) = circuit(|b| b);
        set(&circuit);
        circuit.export()
    };
    let restored = |initial, saved| {
        let (circuit, _) = circuit(|b| b.initial_override(initial).restore(saved));
        (circuit.state(), circuit.snapshot().overridden)
    };
    use CircuitState::{Closed, Open};
    use Override::{ForcedClosed, ForcedOpen, Observing};
    let nothing: fn(&Circuit) = |_| {};

    assert_eq!(restored(Observing, saved(nothing)), (Closed, Some(Observing)));
    assert_eq!(restored(Observing, saved(Circuit::trip)), (Open, Some(Observing)));
    assert_eq!(restored(Observing, saved(Circuit::observe)), (Closed, Some(Observing)));
    assert_eq!(restored(Observing, saved(Circuit::force_open)), (Open, Some(ForcedOpen)));
    assert_eq!(restored(Observing, saved(Circuit::force_closed)), (Closed, Some(ForcedClosed)));
    assert_eq!(restored(ForcedOpen, saved(nothing)), (Open, Some(ForcedOpen)));
    assert_eq!(restored(ForcedOpen, saved(Circuit::observe)), (Closed, Some(Observing)));
    assert_eq!(restored(ForcedOpen, saved(Circuit::force_closed)), (Closed, Some(ForcedClosed)));
    assert_eq!(restored(ForcedClosed, saved(Circuit::trip)), (Closed, Some(ForcedClosed)));
    assert_eq!(restored(ForcedClosed, saved(Circuit::observe)), (Closed, Some(Observing)));
}

#[test]
fn circuits_of_a_registry_are_made_with_it_and_restored_too() {
    let (tripped, _) = circuit(|b| b);
    tripped.trip();
    let template = |b: tower_circuit_breaker::CircuitBuilder| {
        b.consecutive_failures(1).initial_override(Override::Observing)
    };
    let registry = CircuitRegistry::with_template(template);
    registry.restore([tripped.export()]);

    let restored = registry.get_or_create("api").snapshot();
    let made = registry.get_or_create("other").snapshot();

    assert_eq!(
        (restored.state, restored.overridden),
        (CircuitState::Open, Some(Override::Observing))
    );
    assert_eq!((made.state, made.overridden), (CircuitState::Closed, Some(Override::Observing)));
}

#[tokio::test]
async fn circuits_of_keys_that_are_made_with_it_make_room_like_others() {
    let template = KeyedCircuits::new(|b| b.initial_override(Override::Observing)).cap(2);
    let layer = CircuitBreakerLayer::new(Circuit::builder("keys").build())
        .keyed_by(|key: &u32| key.to_string(), template);
    let service = layer.layer(service_fn(|key: u32| async move { Ok::<_, ()>(key) }));
    let ask = |key| service.clone().oneshot(key);

    for key in 0..5 {
        ask(key).await.unwrap();
    }
    assert_eq!((layer.evicted(), layer.overflowed()), (3, 0));

    // What an operator has changed stays.
    layer.circuits().iter().for_each(Circuit::release);
    ask(7).await.unwrap();
    assert_eq!((layer.evicted(), layer.overflowed()), (3, 1));
}

#[derive(Clone, Copy)]
struct ByRequest;

impl Key<&'static str> for ByRequest {
    fn key<'a>(&self, request: &'a &'static str) -> Cow<'a, str> {
        Cow::Borrowed(request)
    }
}

/// The circuits that are left of two keys where there is place for one, after `meanwhile` has been
/// done to the first.
fn kept_of_two(meanwhile: impl Fn(&Circuit, &ManualClock)) -> Vec<String> {
    let clock = ManualClock::new();
    let of_keys = clock.clone();
    let circuits = KeyedCircuits::new(move |builder| {
        builder.initial_override(Override::Observing).clock(of_keys.clone())
    });
    let overflow = Circuit::builder("api").clock(clock.clone()).build();
    let layer = CircuitBreakerLayer::new(overflow).keyed(ByRequest, circuits.cap(1));
    let call = |key| {
        let service = layer.layer(service_fn(|_: &str| ready(Ok::<_, ()>(()))));
        service.oneshot(key).now_or_never().unwrap().unwrap();
    };
    call("a");
    meanwhile(&layer.circuits()[0], &clock);
    call("b");
    layer.circuits().iter().map(|circuit| circuit.name().to_owned()).collect()
}

#[test]
fn a_keyed_circuit_keeps_what_an_operator_said_though_it_began_so() {
    let left = |meanwhile: fn(&Circuit, &ManualClock)| kept_of_two(meanwhile);

    assert_eq!(left(|_, _| {}), ["api/b"], "nobody said anything");
    assert_eq!(left(|circuit, _| circuit.observe_for(3600 * SECOND)), ["api/a"]);
    assert_eq!(left(|circuit, _| circuit.release()), ["api/a"]);
    // One that is over was dropped, as by a release, whether somebody has looked or not.
    let unnoticed = left(|circuit, clock| {
        circuit.force_closed_for(SECOND);
        clock.advance(SECOND);
    });
    let noticed = left(|circuit, clock| {
        circuit.force_closed_for(SECOND);
        clock.advance(SECOND);
        assert_eq!(circuit.snapshot().overridden, None);
    });
    assert_eq!((unnoticed, noticed), (vec!["api/a".to_owned()], vec!["api/a".to_owned()]));
}
