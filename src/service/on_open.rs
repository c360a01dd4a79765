//! The choice between rejecting and waiting while a circuit is open.

use crate::service::wait::timer::Timer;
#[cfg(feature = "tokio")]
use crate::service::wait::timer::after;

/// What a service does while its circuit would reject: reject at once, or wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnOpen {
    /// The service is ready, and calls are rejected at once. The default.
    #[default]
    Reject,
    /// The service is not ready until the circuit would admit a call (feature `tokio`).
    ///
    /// Made for a load balancer whose endpoints have a circuit each: an endpoint that is down is
    /// then not ready, and calls go to the others.
    ///
    /// `poll_ready` is `Pending` while the circuit is open or all its probes are in flight, and
    /// does not poll the inner service meanwhile. Once the inner service is ready, too, a half-open
    /// circuit reserves a probe's slot for the call: until the call, until the service is dropped,
    /// or for the [probe timeout](crate::CircuitBuilder::probe_timeout). The reservation counts as
    /// nothing before the call, and the time of the probe begins with the call.
    ///
    /// When the circuit admits all calls again, all waiting tasks are woken. Before that one task
    /// is woken for each slot, the one that has waited longest: when a probe gives its slot back,
    /// when the open time or the time of the first probe ends, and when an operator has changed
    /// something. If it takes the slot, is dropped, or finds its inner service busy, the next one
    /// is woken, in case a slot is free. If it finds the slot taken by a newcomer, it keeps its
    /// place in the queue. So of a thousand waiting tasks, each is polled about twice until the
    /// circuit has closed.
    ///
    /// A task that is woken but does not poll again delays the tasks behind it: each of them asks
    /// by itself one second per task ahead after the open time, or the time of the first probe, has
    /// ended. So drop a service for which no task waits any longer.
    ///
    /// A service that is ready does not stay so: polled again after a trip, it is `Pending` again,
    /// and keeps its inner service ready. The circuit may also trip between `poll_ready` and
    /// `call`; that call is rejected, as with [`Reject`](Self::Reject).
    ///
    /// # When not to use it
    ///
    /// Where callers should learn at once that the upstream is down, and where other calls queue
    /// behind a waiting one: inside a shared `concurrency_limit` a waiting service keeps a permit,
    /// and inside a `buffer` it stops the whole queue. A `timeout` outside does not end the wait:
    /// it covers calls, not `poll_ready`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the service gives up its place in the queue and its slot. Dropping only the future
    /// that polls it, such as `ServiceExt::ready`, gives up neither.
    ///
    /// # Panics
    ///
    /// `poll_ready` panics if it has to wait and there is no tokio runtime with a timer, or not the
    /// one in which it began to wait. With a circuit's clock that differs from that timer, such as
    /// `ManualClock`, the circuit is asked again late.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower::balance::p2c::Balance;
    /// use tower::discover::ServiceList;
    /// use tower::load::{CompleteOnResponse, PendingRequests};
    /// use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
    /// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, OnOpen};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let circuits = ["10.0.0.1", "10.0.0.2"].map(|address| Circuit::builder(address).build());
    /// let endpoints = circuits.clone().map(|circuit| {
    ///     let address = circuit.name().to_owned();
    ///     let client = service_fn(move |_: ()| {
    ///         let answer = format!("from {address}");
    ///         async move { Ok::<_, BoxError>(answer) }
    ///     });
    ///     CircuitBreakerLayer::new(circuit)
    ///         .on_open(OnOpen::Wait)
    ///         .boxed()
    ///         .layer(PendingRequests::new(client, CompleteOnResponse::default()))
    /// });
    /// let mut upstream = Balance::new(ServiceList::new(endpoints));
    ///
    /// circuits[0].trip();
    /// for _ in 0..10 {
    ///     assert_eq!(upstream.ready().await?.call(()).await?, "from 10.0.0.2");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tokio")]
    Wait,
}

impl OnOpen {
    /// The timer that wakes a waiting caller; `None` where calls are rejected.
    pub(crate) const fn timer(self) -> Option<Timer> {
        match self {
            Self::Reject => None,
            #[cfg(feature = "tokio")]
            Self::Wait => Some(after),
        }
    }
}

/// Marks a layer whose [`on_open`](crate::CircuitBreakerLayer::on_open) was not called.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "it has no value")]
pub enum OnOpenUnset {}

/// Marks a layer whose [`on_open`](crate::CircuitBreakerLayer::on_open) was called.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "it has no value")]
pub enum OnOpenChosen {}

/// A layer that may become [`keyed`](crate::CircuitBreakerLayer::keyed). Sealed.
#[diagnostic::on_unimplemented(
    message = "a layer for which `on_open(..)` was called cannot be keyed",
    note = "the key, and with it the circuit, is known only when the service is called: too late \
            to wait in `poll_ready`. Leave out `on_open(..)`: calls are rejected at once",
    note = "to wait, give each upstream a layer and a circuit of its own, as in `OnOpen::Wait`"
)]
pub trait KnownAtCall: sealed::Sealed {}

impl KnownAtCall for OnOpenUnset {}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}

    impl Sealed for super::OnOpenUnset {}
}
