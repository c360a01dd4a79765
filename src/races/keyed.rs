//! Race models of circuits by key.

use crate::circuit::Circuit;
use crate::circuit::classify::ErrorsAsFailures;
use crate::engine::explore::{Depth, explore, race};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::state::CircuitState;
use crate::keyed::{KeyedCircuitBreakerLayer, KeyedCircuits};
use crate::races::{Stopped, circuit};
use crate::service::completion::AtResult;
use crate::service::layer::CircuitBreakerLayer;
use crate::service::rejection::Typed;
use crate::service::shared::Shared;

type Layered<K> = KeyedCircuitBreakerLayer<K, ErrorsAsFailures, Typed, AtResult>;
type SharedByKey = Shared<ErrorsAsFailures, Typed>;

/// Room for one key, whose circuit trips at one failure.
fn layer() -> Layered<()> {
    let circuits =
        KeyedCircuits::new(|builder| builder.clock(Stopped).consecutive_failures(1)).cap(1);
    CircuitBreakerLayer::new(circuit().build()).keyed((), circuits)
}

impl Layered<()> {
    /// What a call of `key` holds.
    fn of(&self, key: &str) -> SharedByKey {
        self.circuits.of(key)
    }

    fn is_here(&self, circuit: &Circuit) -> bool {
        self.circuits().iter().any(|here| here.is_same(circuit))
    }
}

/// Fails a call of `key`; gives the circuit that heard of it, of which nothing else is held.
fn fail(layer: &Layered<()>, key: &str) -> String {
    let held = layer.of(key);
    let permit = held.circuit().try_acquire().unwrap();
    permit.record(Outcome::Failure(FailureKind::OTHER));
    held.circuit().name().to_owned()
}

/// L11: a call that brings a new key gets the circuit that all others get.
#[test]
fn two_calls_of_one_new_key() {
    explore(Depth::Every, 5, &["kept-twice"], || {
        let layer = layer();
        let (a, b) = (layer.clone(), layer.clone());
        let (first, second) = race(move || a.of("a"), move || b.of("a"));
        assert!(first.circuit().is_same(second.circuit()));
        assert!(layer.is_here(first.circuit()));
    });
}

/// L11: a circuit does not go for another key while a call of its own begins.
#[test]
fn a_new_key_against_a_call_that_begins() {
    explore(Depth::Every, 20, &["used-again"], || {
        let layer = layer();
        drop(layer.of("a"));
        let (a, b) = (layer.clone(), layer.clone());
        let (first, second) = race(move || a.of("a"), move || b.of("b"));
        for held in [&first, &second] {
            let circuit = held.circuit();
            assert!(circuit.is_same(layer.overflow()) || layer.is_here(circuit));
        }
        assert_eq!(layer.overflowed(), 1, "there is room for one");
    });
}

/// L11: nor while the call goes on, held by its body.
#[test]
fn a_new_key_against_a_call_that_is_handed_on() {
    explore(Depth::Every, 20, &["unordered"], || {
        let layer = layer();
        let held = layer.of("a");
        let b = layer.clone();
        let (permit, _) = race(move || held.circuit().try_acquire().unwrap(), move || b.of("b"));
        assert!(layer.is_here(permit.circuit()));
        assert_eq!(layer.overflowed(), 1);
    });
}

/// L11: nor when that call has tripped it.
#[test]
fn a_new_key_against_a_trip() {
    explore(Depth::Every, 20, &["used-again", "unordered"], || {
        let layer = layer();
        drop(layer.of("a"));
        let (a, b) = (layer.clone(), layer.clone());
        let (failed, other) = race(move || fail(&a, "a"), move || b.of("b"));
        let tripped: Vec<_> =
            layer.circuits().into_iter().chain([layer.overflow().clone()]).collect();
        let tripped = tripped.iter().find(|circuit| circuit.name() == failed);
        assert_eq!(tripped.map(Circuit::state), Some(CircuitState::Open), "{failed} was lost");
        drop(other);
    });
}
