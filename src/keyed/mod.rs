//! One circuit for each key of the request: host, tenant, route.
//!
//! A client that calls many upstreams through one stack needs a circuit for each, but not for every
//! key that a stranger sends. [`CircuitBreakerLayer::keyed`], or [`keyed_by`] with a closure, makes
//! circuits as keys come, up to a cap (1,024 by default). When full, the least recently used
//! circuit that is closed and has no call in flight is evicted. A circuit that sheds calls
//! ([`ramp`], [`throttle`]), and an open one whose open time has ended, are evicted only when no
//! other can be; one that is overridden or isolated stays. With an evicted circuit go its counts,
//! its backoff and settings of its own ([`reconfigure`](crate::Circuit::reconfigure)); hold a clone
//! of a circuit that is to stay. If no circuit can be evicted, and for keys longer than 256 bytes,
//! calls share the circuit that the layer was made with, the *overflow*, and
//! [`overflowed`](KeyedCircuitBreakerLayer::overflowed) counts them. So memory is bounded by the
//! cap, whatever keys come.
//!
//! The key is known only when the service is called. So this service is ready when the inner one
//! is, also for calls that will be rejected: put limits around the client of one key, or outside.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_circuit_breaker::keyed::KeyedCircuits;
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! struct Ask {
//!     tenant: String,
//! }
//!
//! let layer = CircuitBreakerLayer::new(Circuit::builder("tenants").build()).keyed_by(
//!     |ask: &Ask| ask.tenant.clone(),
//!     KeyedCircuits::new(|builder| builder.consecutive_failures(1)).cap(100),
//! );
//! let service = layer.layer(service_fn(|ask: Ask| async move {
//!     if ask.tenant == "bad" { Err("out of quota") } else { Ok(()) }
//! }));
//!
//! let ask = |tenant: &str| service.clone().oneshot(Ask { tenant: tenant.into() });
//! assert!(ask("bad").await.is_err());
//! assert!(ask("bad").await.unwrap_err().rejected().is_some());
//! assert!(ask("good").await.is_ok());
//! assert_eq!(layer.circuits()[0].name(), "tenants/bad");
//! # }
//! ```
//!
//! [`CircuitBreakerLayer::keyed`]: crate::CircuitBreakerLayer::keyed
//! [`keyed_by`]: crate::CircuitBreakerLayer::keyed_by
//! [`ramp`]: crate::CircuitBuilder::ramp
//! [`throttle`]: crate::CircuitBuilder::throttle

mod layer;
mod service;
mod store;

use std::borrow::Cow;
use std::fmt;

pub use self::layer::KeyedCircuitBreakerLayer;
pub use self::service::KeyedCircuitBreaker;
use crate::circuit::builder::CircuitBuilder;
use crate::circuit::template::Template;
use crate::registry::CircuitRegistry;

/// Returns the key of a request, which selects its circuit.
///
/// Closures `Fn(&Req) -> String` are keys, for
/// [`keyed_by`](crate::CircuitBreakerLayer::keyed_by).
#[diagnostic::on_unimplemented(
    message = "`{Self}` returns no key for a request of type `{Req}`",
    note = "a closure returns a `String`, and is checked where it is given to `keyed_by`: \
            `.keyed_by(|request: &{Req}| -> String {{ .. }}, circuits)`",
    note = "a type of your own implements `Key<{Req}>`, and may borrow the key from the request",
    note = "`http::ByHost` is a key of `http::Request<B>`"
)]
pub trait Key<Req> {
    /// Returns the key of `request`.
    fn key<'a>(&self, request: &'a Req) -> Cow<'a, str>;
}

#[diagnostic::do_not_recommend]
impl<F, Req> Key<Req> for F
where
    F: Fn(&Req) -> String,
{
    fn key<'a>(&self, request: &'a Req) -> Cow<'a, str> {
        Cow::Owned(self(request))
    }
}

/// The settings of keyed circuits: how they are made, and how many there may be.
pub struct KeyedCircuits {
    template: Template,
    cap: usize,
    registry: Option<CircuitRegistry>,
}

impl KeyedCircuits {
    /// Makes circuits by `template`, up to 1,024.
    ///
    /// The template is given a builder whose name is that of the overflow circuit, a slash and the
    /// key. It runs outside every lock; if several calls bring a new key at once it may run more
    /// than once, but one circuit is kept.
    #[must_use]
    pub fn new<F>(template: F) -> Self
    where
        F: Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync + 'static,
    {
        Self { template: Template::new(template), cap: 1_024, registry: None }
    }

    /// Sets how many keys may have a circuit of their own. Default 1,024.
    ///
    /// # Panics
    ///
    /// Panics if `cap` is 0: every call would share the overflow circuit.
    #[must_use]
    #[track_caller]
    pub fn cap(self, cap: usize) -> Self {
        assert!(cap > 0, "the cap on keys must be at least 1, but got 0");
        Self { cap, ..self }
    }

    /// Adds the circuits to `registry` when they are made, and removes them when they are evicted.
    ///
    /// If another circuit has the name already, that one stays, and the registry does not show the
    /// circuit of the key.
    #[must_use]
    pub fn registry(self, registry: &CircuitRegistry) -> Self {
        Self { registry: Some(registry.clone()), ..self }
    }
}

impl fmt::Debug for KeyedCircuits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuits").field("cap", &self.cap).finish_non_exhaustive()
    }
}
