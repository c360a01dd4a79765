//! A registry's link to its fleet, over any store.
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_circuit_breaker::{CircuitRegistry, CircuitState};
//! use tower_circuit_breaker_fleet::identity::Identity;
//! use tower_circuit_breaker_fleet::link::{Link, Settings};
//! use tower_circuit_breaker_fleet::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = MemoryStore::new();
//! let registries = [CircuitRegistry::new(), CircuitRegistry::new()];
//! let mut links = Vec::new();
//! for (number, registry) in (0..).zip(&registries) {
//!     let who = Identity::named(format!("part-{number}"), number);
//!     links.push(Link::share(store.clone(), registry, Settings::new(who).quorum(1)));
//! }
//! let [one, other] = registries.each_ref().map(|registry| registry.get_or_create("payments"));
//! for link in &links {
//!     link.ready().await;
//! }
//!
//! one.trip();
//!
//! // A trip by an operator of one process is that process's own; one by calls is the fleet's.
//! assert_eq!(other.state(), CircuitState::Closed);
//! # }
//! ```

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker::fleet::{Fleet, FleetOrder, FleetUnreachable};

use crate::identity::Identity;
use crate::link::driver::Driver;
use crate::order::{Operators, Order, give, ready};
use crate::outbox::{Outbox, OutboxListener};
use crate::store::Store;

mod clock;
mod driver;
mod round;
mod settings;
#[cfg(test)]
mod tests;

pub use crate::link::settings::Settings;

/// Shares the circuits of a registry with those of other registries and processes on one store.
///
/// It ends when the last clone is dropped; circuits go on by themselves then.
#[derive(Clone)]
#[must_use = "the link ends when it is dropped"]
pub struct Link {
    orders: mpsc::Sender<Order<FleetUnreachable>>,
    identity: Arc<Identity>,
}

/// How many orders of handles wait for the task.
const ORDERS: usize = 64;

impl Link {
    /// Shares the circuits of `registry` from now on, those that are there and those to come.
    ///
    /// Spawns one task on the present tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn share<S>(store: S, registry: &CircuitRegistry, settings: Settings) -> Self
    where
        S: Store + 'static,
    {
        let (orders, ordered) = mpsc::channel(ORDERS);
        let outbox = Arc::new(Outbox::default());
        registry.on_event(OutboxListener(Arc::clone(&outbox)));
        registry.join(Arc::new(Operators::new(&orders, stopped, ())));
        let identity = Arc::new(settings.terms().identity.clone());
        tokio::spawn(Driver::new(store, registry.clone(), outbox, ordered, settings).run());
        Self { orders, identity }
    }

    /// Returns the identity of this process in the fleet.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the way for a registry's operators to give commands.
    ///
    /// It does not keep the link.
    #[must_use]
    pub fn operators(&self) -> Arc<dyn Fleet> {
        Arc::new(Operators::new(&self.orders, stopped, ()))
    }

    /// Waits until everything has been read from the store.
    ///
    /// From then on circuits that are open in the fleet are open here. Returns also when the link
    /// has stopped.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub async fn ready(&self) {
        ready(&self.orders).await;
    }

    /// Gives a command to all that share the circuit, with who gives it and why.
    ///
    /// # Errors
    ///
    /// [`FleetUnreachable`] when the store did not answer, or refused it.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll it may or may not be carried out.
    pub async fn order(&self, circuit: &str, order: FleetOrder) -> Result<(), FleetUnreachable> {
        give(self.orders.clone(), circuit.into(), order, stopped).await
    }
}

fn stopped() -> FleetUnreachable {
    FleetUnreachable::new("the link has stopped")
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("identity", &self.identity).finish_non_exhaustive()
    }
}
