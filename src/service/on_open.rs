//! What callers meet while a circuit would reject them.

use crate::service::wait::timer::Timer;
#[cfg(feature = "tokio")]
use crate::service::wait::timer::after;

/// What callers meet while the circuit would reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnOpen {
    /// The service is ready, and calls are rejected at once.
    #[default]
    Reject,
    /// The service is not ready until the circuit would admit a call (feature `tokio`).
    ///
    /// Made for a load balancer whose endpoints have a circuit each: one that is down is then one
    /// that is not ready, and calls go to the others.
    ///
    /// `poll_ready` is `Pending` while the circuit is open or all its probes are in flight, and asks
    /// nothing of the inner service meanwhile. As soon as the inner service is ready, too, a slot for a
    /// probe is reserved for the call, if the circuit is half-open: until the call, until the service is
    /// dropped, or for the [probe timeout](crate::CircuitBuilder::probe_timeout). It is counted nowhere
    /// before the call, and the time of the probe begins with the call.
    ///
    /// When the circuit admits all calls again, all tasks that wait are woken. Before that one is woken
    /// for each slot, the one that has waited longest: when a probe gives its slot back, when the open
    /// time or the time of the first probe is over, and when an operator has changed something. If it
    /// takes the slot, is dropped, or finds its inner service busy, the next one is woken, in case a
    /// slot is free. If it finds the slot taken by a newcomer, it keeps its place in the queue. So of a
    /// thousand tasks that wait, each is polled about twice until the circuit has closed.
    ///
    /// A task that is woken but does not poll again delays those behind it: each of them asks by itself
    /// when the open time, or the time of the first probe, has been over for one second per task ahead.
    /// So a service that is kept, but no longer waited for, is better dropped.
    ///
    /// Ready is ready for now: asked again after a trip, the service is `Pending` again, and keeps
    /// its inner service ready. The circuit may also trip between `poll_ready` and `call`; that call
    /// is rejected, as with [`Reject`](Self::Reject).
    ///
    /// # When not to use it
    ///
    /// Where callers should hear at once that the upstream is down, and where others stand behind
    /// the one who waits: inside a shared `concurrency_limit` a waiting service keeps a permit, and
    /// inside a `buffer` it stops the whole queue. A `timeout` outside does not end the wait: it
    /// covers calls, not `poll_ready`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the service gives up its place in the queue and its slot. Dropping only the future that
    /// polls it, such as `ServiceExt::ready`, gives up neither.
    ///
    /// # Panics
    ///
    /// `poll_ready`, where it has to wait and there is no tokio runtime with a timer, or not the
    /// one in which it began to wait. A clock of the circuit that does not go with that timer, such
    /// as `ManualClock`, is asked again late.
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
    /// What wakes a caller that waits; `None` where none does.
    pub(crate) const fn timer(self) -> Option<Timer> {
        match self {
            Self::Reject => None,
            #[cfg(feature = "tokio")]
            Self::Wait => Some(after),
        }
    }
}
