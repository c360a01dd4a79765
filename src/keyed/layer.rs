//! The layer of one circuit for each key.

use std::fmt;

use tower_layer::Layer;

use crate::circuit::Circuit;
use crate::circuit::snapshot::Health;
use crate::circuit::template::Template;
use crate::engine::change::Change;
use crate::engine::state::CircuitState;
use crate::engine::time::Timestamp;
use crate::keyed::KeyedCircuits;
use crate::keyed::service::KeyedCircuitBreaker;
use crate::keyed::store::{Evictable, Kept, Store};
use crate::registry::CircuitRegistry;
use crate::service::layer::CircuitBreakerLayer;
use crate::service::on_open::KnownAtCall;
use crate::service::shared::Shared;
use crate::sync::Arc;

/// The layer that guards a service with one circuit for each key; see [`keyed`](crate::keyed).
///
/// From [`CircuitBreakerLayer::keyed`] and [`CircuitBreakerLayer::keyed_by`]. All services that it
/// makes share the circuits.
#[must_use]
pub struct KeyedCircuitBreakerLayer<K, C, R, M> {
    pub(crate) circuits: Arc<Circuits<K, C, R>>,
    pub(super) completion: M,
}

/// What all services of one layer share.
pub(crate) struct Circuits<K, C, R> {
    pub(super) key: K,
    overflow: Shared<C, R>,
    template: Template,
    registry: Option<CircuitRegistry>,
    store: Store<Shared<C, R>>,
}

impl<C, R, M, O> CircuitBreakerLayer<C, R, M, O> {
    /// Gives each key of the request a circuit of its own.
    ///
    /// The circuit of this layer becomes the overflow circuit, for calls whose key has none.
    /// The last step of building the layer; see [`keyed`](crate::keyed).
    ///
    /// `key` is a [`Key`](crate::keyed::Key) for the requests of the service; the compiler finds
    /// out where the service is called. For a closure use [`keyed_by`](Self::keyed_by).
    pub fn keyed<K>(self, key: K, circuits: KeyedCircuits) -> KeyedCircuitBreakerLayer<K, C, R, M>
    where
        O: KnownAtCall,
    {
        let KeyedCircuits { template, cap, registry } = circuits;
        let store = Store::new(cap);
        let (overflow, completion) = self.into_parts();
        let circuits = Arc::new(Circuits { key, overflow, template, registry, store });
        KeyedCircuitBreakerLayer { circuits, completion }
    }

    /// Gives each key of the request, which a closure returns, a circuit of its own.
    ///
    /// The same as [`keyed`](Self::keyed), which takes any type; but what a closure takes and
    /// returns is checked here, not where the service is called. It allocates the key of each
    /// call; a [`Key`](crate::keyed::Key) of your own may borrow it from the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::convert::Infallible;
    /// use tower::{Layer, ServiceExt, service_fn};
    /// use tower_circuit_breaker::keyed::KeyedCircuits;
    /// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuits = KeyedCircuits::new(|builder| builder.consecutive_failures(3));
    /// let layer = CircuitBreakerLayer::new(Circuit::builder("shards").build())
    ///     .keyed_by(|user: &u64| (user % 4).to_string(), circuits);
    /// let users = layer.layer(service_fn(|user: u64| async move { Ok::<_, Infallible>(user) }));
    ///
    /// assert_eq!(users.oneshot(7).await.unwrap(), 7);
    /// assert_eq!(layer.circuits()[0].name(), "shards/3");
    /// # }
    /// ```
    pub fn keyed_by<F, Req>(
        self,
        key: F,
        circuits: KeyedCircuits,
    ) -> KeyedCircuitBreakerLayer<F, C, R, M>
    where
        F: Fn(&Req) -> String,
        O: KnownAtCall,
    {
        self.keyed(key, circuits)
    }
}

impl<K, C, R, M> KeyedCircuitBreakerLayer<K, C, R, M> {
    /// Returns the circuits that keys have now, sorted by name.
    #[must_use]
    pub fn circuits(&self) -> Vec<Circuit> {
        let handles = self.circuits.store.values();
        let mut circuits: Vec<_> = handles.iter().map(|shared| shared.circuit().clone()).collect();
        circuits.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        circuits
    }

    /// Returns the circuits that the registry does not show, since it has another of their name.
    ///
    /// They work like all others, but no metrics and no operator see them. So do circuits of two
    /// layers whose overflow circuits have one name: give each layer's a name of its own. Empty
    /// without a [registry](KeyedCircuits::registry).
    #[must_use]
    pub fn name_collisions(&self) -> Vec<Circuit> {
        let Some(registry) = &self.circuits.registry else { return Vec::new() };
        let is_hidden = |circuit: &Circuit| {
            registry.get(circuit.name()).is_some_and(|shown| !shown.is_same(circuit))
        };
        self.circuits().into_iter().filter(is_hidden).collect()
    }

    /// Returns the overflow circuit, which calls share when the cap was reached.
    #[must_use]
    pub fn overflow(&self) -> &Circuit {
        self.circuits.overflow.circuit()
    }

    /// Returns the number of calls that shared the overflow circuit because the cap was reached.
    ///
    /// Alert on it: raise the cap, or find which callers send so many keys. Calls with a key longer
    /// than 256 bytes count, too.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.circuits.store.overflowed()
    }

    /// Returns the number of circuits that were evicted to make room for others.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.circuits.store.evicted()
    }
}

impl<K, C, R> Circuits<K, C, R> {
    /// The circuit for `key`, with what its services share.
    pub(crate) fn of(&self, key: &str) -> Shared<C, R> {
        let now = self.overflow.circuit().now();
        if let Some(shared) = self.store.get(key, now) {
            return shared;
        }
        if key.len() > LONGEST_KEY || !self.store.has_room(key, |shared| self.parting(shared)) {
            return self.overflow();
        }
        let made = self.make(key);
        // Read before the lock: a clock may be user code.
        let made_at = made.circuit().now();
        let mut change = None;
        let parting = |shared: &_| self.parting(shared);
        let changed = |new: &_, gone: Option<&_>| change = self.register(new, gone, made_at);
        let kept = self.store.keep(&Arc::from(key), &made, parting, changed, now);
        // After the lock: listeners are user code, and may ask this layer.
        if let Kept::Here(_, Some(gone)) = &kept {
            gone.circuit().tell_presence(None);
        }
        made.circuit().tell_presence(change);
        match kept {
            Kept::Here(kept, _gone) => kept,
            Kept::NoRoom => self.overflow(),
        }
    }

    fn make(&self, key: &str) -> Shared<C, R> {
        let name = format!("{}/{key}", self.overflow.circuit().name());
        self.overflow.with_circuit(self.template.make(name))
    }

    /// Updates the registry. Under the store's lock, so that the two agree; what both circuits have
    /// to tell is to be delivered after it.
    fn register(
        &self,
        new: &Shared<C, R>,
        gone: Option<&Shared<C, R>>,
        now: Timestamp,
    ) -> Option<Change> {
        let registry = self.registry.as_ref()?;
        if let Some(gone) = gone {
            registry.remove_same(gone.circuit());
        }
        // Where another circuit has the name, the registry does not show this one.
        registry.keep_untold(new.circuit(), gone.map(Shared::circuit), now).1
    }

    fn overflow(&self) -> Shared<C, R> {
        self.store.count_overflow();
        self.overflow.clone()
    }

    /// Whether there are clones of the circuit besides those of this store and the registry.
    fn is_held(&self, circuit: &Circuit) -> bool {
        let others = circuit.holders() - 1;
        // Another circuit may have its name there, or an operator may have taken it out.
        let is_seen = |registry: &CircuitRegistry| registry.has_same(circuit);
        others > 0 && others > usize::from(self.registry.as_ref().is_some_and(is_seen))
    }

    /// Whether a circuit can be evicted, and how easily: not while there are other clones of it,
    /// for it may have calls in flight.
    fn parting(&self, shared: &Shared<C, R>) -> Option<Evictable> {
        let circuit = shared.circuit();
        if !shared.is_unshared() || self.is_held(circuit) || circuit.is_overridden_anew() {
            return None;
        }
        match circuit.state() {
            CircuitState::Closed if circuit.health() == Health::Healthy => Some(Evictable::Easy),
            // It sheds calls; a new circuit for the key would not.
            CircuitState::Closed => Some(Evictable::Hard),
            // Ready for a probe, but no call comes.
            CircuitState::Open | CircuitState::HalfOpen if !circuit.would_reject() => {
                Some(Evictable::Hard)
            }
            CircuitState::Open | CircuitState::HalfOpen => None,
        }
    }
}

/// A longer key is no sensible name, and its circuit would take the memory that the cap is to
/// bound.
const LONGEST_KEY: usize = 256;

impl<S, K, C, R, M: Clone> Layer<S> for KeyedCircuitBreakerLayer<K, C, R, M> {
    type Service = KeyedCircuitBreaker<S, K, C, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedCircuitBreaker::new(inner, Arc::clone(&self.circuits), self.completion.clone())
    }
}

impl<K, C, R, M: Clone> Clone for KeyedCircuitBreakerLayer<K, C, R, M> {
    fn clone(&self) -> Self {
        Self { circuits: Arc::clone(&self.circuits), completion: self.completion.clone() }
    }
}

impl<K, C, R, M: fmt::Debug> fmt::Debug for KeyedCircuitBreakerLayer<K, C, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreakerLayer")
            .field("overflow", self.overflow())
            .field("key", &std::any::type_name::<K>())
            .field("completion", &self.completion)
            .finish_non_exhaustive()
    }
}
