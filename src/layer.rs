//! The layer that puts a circuit around a service.

use std::fmt;
use std::future::Future;

use tower_layer::Layer;

use crate::circuit::Circuit;
use crate::classify::{ErrorsAsFailures, FailureIf, Ignoring};
use crate::error::Rejected;
use crate::handle::Handle;
use crate::on_open::OnOpen;
use crate::rejection::{Boxed, Fallback, RespondWith, SameError, Typed};
use crate::service::CircuitBreaker;
use crate::settlement::AtOnce;
use crate::sync::Arc;

/// Puts a [`Circuit`] around a service.
///
/// All services that it makes share the circuit, so it may be applied again for each connection or
/// each route. It says three things besides: which results are failures (default: every `Err`),
/// what a rejected call gets (default: a typed error), and what to do while open.
///
/// # Examples
///
/// ```
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let circuit = Circuit::builder("weather").consecutive_failures(2).build();
/// let client = ServiceBuilder::new()
///     .layer(CircuitBreakerLayer::new(circuit.clone()).failure_if(
///         |result: &Result<u16, BoxError>| !matches!(result, Ok(status) if *status < 500),
///     ))
///     .service(service_fn(|_city: &'static str| async { Ok::<_, BoxError>(503) }));
///
/// for _ in 0..2 {
///     assert_eq!(client.clone().oneshot("Bern").await.unwrap(), 503);
/// }
/// assert_eq!(circuit.state(), CircuitState::Open);
/// # }
/// ```
#[must_use]
pub struct CircuitBreakerLayer<C = ErrorsAsFailures, R = Typed, M = AtOnce> {
    handle: Handle<C, R>,
    settlement: M,
}

impl CircuitBreakerLayer {
    /// A layer around `circuit`: every `Err` is a failure, rejections are typed errors.
    pub fn new(circuit: Circuit) -> Self {
        Self { handle: Handle::new(circuit, ErrorsAsFailures, Typed), settlement: AtOnce }
    }
}

impl<C, R, M> CircuitBreakerLayer<C, R, M> {
    /// Counts as failures what `is_failure` holds for, and all else as successes.
    ///
    /// Rejections of this or a nested circuit are [not sent](crate::Outcome::NotSent), whatever it says,
    /// where [`ErrorsAsFailures`] finds them. For more than two outcomes see [`classify_with`](Self::classify_with).
    pub fn failure_if<F, T, E>(self, is_failure: F) -> CircuitBreakerLayer<FailureIf<F>, R, M>
    where
        F: Fn(&Result<T, E>) -> bool,
    {
        self.classify_with(FailureIf::new(is_failure))
    }

    /// Has `classify` say what each result is worth: a [`Classify`](crate::Classify), or a closure
    /// `|result: &Result<T, E>| -> Outcome`.
    pub fn classify_with<D>(self, classify: D) -> CircuitBreakerLayer<D, R, M> {
        self.with(|handle, settlement| (handle.with_classify(Arc::new(classify)), settlement))
    }

    /// Ignores results whose error is an `X`, or has one among its sources.
    ///
    /// The service's error must be an [`ErrorChain`](crate::ErrorChain).
    ///
    /// For errors that say nothing about the upstream, such as
    /// [`Overloaded`](https://docs.rs/tower/0.5/tower/load_shed/error/struct.Overloaded.html) of
    /// tower's `load_shed`.
    #[doc(alias = "ignoreExceptions")]
    pub fn ignoring<X>(self) -> CircuitBreakerLayer<Ignoring<X, C>, R, M>
    where
        X: std::error::Error + 'static,
    {
        let classify = Ignoring::new(self.handle.shared_classify());
        self.classify_with(classify)
    }

    /// Makes all errors [`BoxError`](crate::BoxError)s, rejections among them.
    pub fn boxed(self) -> CircuitBreakerLayer<C, Boxed, M> {
        self.reject_by(Boxed)
    }

    /// Makes rejections the inner service's own error, by `From<Rejected>`.
    pub fn same_error(self) -> CircuitBreakerLayer<C, SameError, M> {
        self.reject_by(SameError)
    }

    /// Answers rejected calls with a response.
    pub fn respond_with<F, T>(self, respond: F) -> CircuitBreakerLayer<C, RespondWith<F>, M>
    where
        F: Fn(Rejected) -> T,
    {
        self.reject_by(RespondWith::new(respond))
    }

    /// Answers rejected calls by another call, which gets the untouched request.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::convert::Infallible;
    /// use tower::{Layer, ServiceExt, service_fn};
    /// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Rejected};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("prices").build();
    /// let prices = CircuitBreakerLayer::new(circuit.clone())
    ///     .fallback(|article: String, _: Rejected| async move {
    ///         Ok::<_, Infallible>(format!("last known price of {article}"))
    ///     })
    ///     .layer(service_fn(|article: String| async move { Ok(format!("price of {article}")) }));
    ///
    /// circuit.trip();
    /// assert_eq!(prices.oneshot("tea".into()).await.unwrap(), "last known price of tea");
    /// # }
    /// ```
    pub fn fallback<F, Req, Fut>(self, fallback: F) -> CircuitBreakerLayer<C, Fallback<F>, M>
    where
        F: Fn(Req, Rejected) -> Fut,
        Fut: Future,
    {
        self.reject_by(Fallback::new(fallback))
    }

    /// Sets what callers meet while the circuit would reject. Default [`OnOpen::Reject`]; see
    /// [`OnOpen`] for when to wait instead.
    pub fn on_open(self, on_open: OnOpen) -> Self {
        Self { handle: self.handle.with_arm(on_open.arm()), ..self }
    }

    /// The circuit.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        self.handle.circuit()
    }

    /// The same layer of other parts.
    pub(crate) fn with<D, Q, N>(
        self,
        change: impl FnOnce(Handle<C, R>, M) -> (Handle<D, Q>, N),
    ) -> CircuitBreakerLayer<D, Q, N> {
        let (handle, settlement) = change(self.handle, self.settlement);
        CircuitBreakerLayer { handle, settlement }
    }

    pub(crate) fn into_parts(self) -> (Handle<C, R>, M) {
        (self.handle, self.settlement)
    }

    fn reject_by<Q>(self, strategy: Q) -> CircuitBreakerLayer<C, Q, M> {
        self.with(|handle, settlement| (handle.with_strategy(Arc::new(strategy)), settlement))
    }
}

impl<S, C, R, M: Clone> Layer<S> for CircuitBreakerLayer<C, R, M> {
    type Service = CircuitBreaker<S, C, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreaker::from_handle(inner, self.handle.clone(), self.settlement.clone())
    }
}

impl<C, R, M: Clone> Clone for CircuitBreakerLayer<C, R, M> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), settlement: self.settlement.clone() }
    }
}

impl<C, R, M: fmt::Debug> fmt::Debug for CircuitBreakerLayer<C, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CircuitBreakerLayer");
        self.handle.show(&mut shown);
        shown.field("settlement", &self.settlement).finish()
    }
}
