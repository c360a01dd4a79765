//! What rejected callers receive, and when.

use std::future::Future;

use crate::error::Rejected;
use crate::service::completion::BypassIf;
use crate::service::layer::CircuitBreakerLayer;
use crate::service::on_open::{OnOpen, OnOpenChosen};
use crate::service::rejection::{
    Boxed, Fallback, FallbackCause, FallbackOnFailure, RespondWith, SameError, Unchosen,
};
use crate::sync::Arc;

impl<C, R, M, O> CircuitBreakerLayer<C, R, M, O> {
    /// Turns all errors into [`BoxError`](crate::BoxError)s, rejections among them.
    pub fn boxed(self) -> CircuitBreakerLayer<C, Boxed, M, O>
    where
        R: Unchosen,
    {
        self.reject_by(Boxed)
    }

    /// Turns rejections into the inner service's error type, by `From<Rejected>`.
    pub fn same_error(self) -> CircuitBreakerLayer<C, SameError, M, O>
    where
        R: Unchosen,
    {
        self.reject_by(SameError)
    }

    /// Answers rejected calls with a response.
    pub fn respond_with<F, T>(self, respond: F) -> CircuitBreakerLayer<C, RespondWith<F>, M, O>
    where
        R: Unchosen,
        F: Fn(Rejected) -> T,
    {
        self.reject_by(RespondWith::new(respond))
    }

    /// Answers rejected calls with another call, which gets the untouched request.
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
    pub fn fallback<F, Req, Fut>(self, fallback: F) -> CircuitBreakerLayer<C, Fallback<F>, M, O>
    where
        R: Unchosen,
        F: Fn(Req, Rejected) -> Fut,
        Fut: Future,
    {
        self.reject_by(Fallback::new(fallback))
    }

    /// Answers rejected calls, and calls that failed, with another call.
    ///
    /// As [`fallback`](Self::fallback), and the same for each admitted call that counts as a
    /// failure: an error, or a response that the classifier takes for one. It is recorded first, so
    /// that the circuit opens as without. Other errors are passed on. A response that is judged at
    /// the end of its body is answered only if its head says that it has failed. An error of
    /// `poll_ready`, of which there is no request yet, is passed on, too.
    ///
    /// Each request is cloned, for when its call fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_circuit_breaker::rejection::FallbackCause;
    /// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("prices").build();
    /// let prices = CircuitBreakerLayer::new(circuit.clone())
    ///     .fallback_on_failure(|article: String, cause| async move {
    ///         let why = match cause {
    ///             FallbackCause::Rejected(_) => "not asked",
    ///             FallbackCause::Failed(_) => "no answer",
    ///         };
    ///         Ok(format!("last known price of {article} ({why})"))
    ///     })
    ///     .layer(service_fn(|_: String| async { Err::<String, BoxError>("down".into()) }));
    ///
    /// let answer = prices.oneshot("tea".into()).await.unwrap();
    /// assert_eq!(answer, "last known price of tea (no answer)");
    /// assert_eq!(circuit.snapshot().totals.failures, 1);
    /// # }
    /// ```
    pub fn fallback_on_failure<F, Req, T, E, Fut>(
        self,
        fallback: F,
    ) -> CircuitBreakerLayer<C, FallbackOnFailure<F>, M, O>
    where
        R: Unchosen,
        F: Fn(Req, FallbackCause<T, E>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.reject_by(FallbackOnFailure::new(fallback))
    }

    /// Sets what the service does while the circuit would reject. Default [`OnOpen::Reject`].
    ///
    /// See [`OnOpen`] for when to wait instead. A layer for which it was called cannot become
    /// [`keyed`](Self::keyed), whose key, and with it the circuit, is not known before the call.
    pub fn on_open(self, on_open: OnOpen) -> CircuitBreakerLayer<C, R, M, OnOpenChosen> {
        let (shared, completion) = self.into_parts();
        CircuitBreakerLayer::of(shared.with_timer(on_open.timer()), completion)
    }

    /// Lets calls for which `bypasses` returns `true` go past the circuit.
    ///
    /// They are never counted, and never rejected: a health check that must reach the upstream, a
    /// call that is worth a try whatever the circuit says. Several calls of this setter add up.
    ///
    /// Such a call needs the inner service to be ready. So this service is ready when the inner one
    /// is, also while the circuit is open; a busy inner service delays rejections, too. With
    /// [`OnOpen`]`::Wait`, which waits before the request is known, it still waits while the circuit
    /// is open.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::convert::Infallible;
    /// use tower::{Layer, ServiceExt, service_fn};
    /// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("plants").build();
    /// let plants = CircuitBreakerLayer::new(circuit.clone())
    ///     .bypass_if(|path: &&str| *path == "/health")
    ///     .layer(service_fn(|path: &'static str| async move { Ok::<_, Infallible>(path) }));
    ///
    /// circuit.force_open();
    /// assert!(plants.clone().oneshot("/roses").await.is_err());
    /// assert_eq!(plants.oneshot("/health").await.unwrap(), "/health");
    /// # }
    /// ```
    #[doc(alias = "exclude")]
    pub fn bypass_if<P, Req>(self, bypasses: P) -> CircuitBreakerLayer<C, R, BypassIf<P, M>, O>
    where
        P: Fn(&Req) -> bool,
    {
        let bypasses = Arc::new(bypasses);
        self.with(|shared, completion| (shared, BypassIf::new(bypasses, completion)))
    }

    pub(crate) fn reject_by<Q>(self, strategy: Q) -> CircuitBreakerLayer<C, Q, M, O> {
        self.with(|shared, completion| (shared.with_strategy(Arc::new(strategy)), completion))
    }
}
