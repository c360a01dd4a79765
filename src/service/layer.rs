//! The tower layer that guards a service with a circuit.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;

use tower_layer::Layer;

use crate::circuit::Circuit;
use crate::circuit::classify::{ErrorsAsFailures, FailureIf};
use crate::engine::outcome::Outcome;
use crate::error::Rejected;
use crate::service::completion::{AtResult, Filtered, Ignoring, InError, NotSent};
use crate::service::on_open::OnOpen;
use crate::service::rejection::{Boxed, Fallback, RespondWith, SameError, Typed};
use crate::service::service::CircuitBreaker;
use crate::service::shared::Shared;
use crate::sync::Arc;

/// The tower layer that guards a service with a [`Circuit`].
///
/// All services that it makes share the circuit, so it may be applied again for each connection or
/// each route. Its setters choose which results are failures (default: every `Err`), what a
/// rejected caller receives (default: a typed error), and what the service does while the circuit
/// is open.
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
pub struct CircuitBreakerLayer<C = ErrorsAsFailures, R = Typed, M = AtResult> {
    shared: Shared<C, R>,
    completion: M,
}

impl CircuitBreakerLayer {
    /// Makes a layer with `circuit`: every `Err` is a failure, rejections are typed errors.
    pub fn new(circuit: Circuit) -> Self {
        Self { shared: Shared::new(circuit, ErrorsAsFailures, Typed), completion: AtResult }
    }
}

impl<C, R, M> CircuitBreakerLayer<C, R, M> {
    /// Counts results for which `is_failure` returns `true` as failures, all others as successes.
    ///
    /// Rejections of this or a nested circuit are [not sent](crate::Outcome::NotSent), whatever it
    /// returns, where they can be found: in an error as by [`ErrorsAsFailures`], with
    /// [`not_sent::<Rejected>()`](Self::not_sent) for other types; in the extensions of a response
    /// by `judge_body` alone, else by a closure for [`classify_by`](Self::classify_by). It is not
    /// asked about errors that [`ignoring`](Self::ignoring) and [`not_sent`](Self::not_sent) name,
    /// in whichever order they are called. For more than two outcomes see
    /// [`classify_by`](Self::classify_by).
    pub fn failure_if<F, T, E>(self, is_failure: F) -> CircuitBreakerLayer<FailureIf<F>, R, M>
    where
        F: Fn(&Result<T, E>) -> bool,
    {
        self.classify_with(FailureIf::new(is_failure))
    }

    /// Sets the classifier, which decides what each result counts as.
    ///
    /// A [`Classify`](crate::Classify), or what `judge_body` asks for; the compiler finds out where
    /// the service is called. For a closure use [`classify_by`](Self::classify_by). It replaces the
    /// previous classifier, [`failure_if`](Self::failure_if) too, and is asked about rejections
    /// like about any other error. It is not asked about errors that [`ignoring`](Self::ignoring)
    /// and [`not_sent`](Self::not_sent) name, in whichever order they are called.
    #[doc(alias = "failure_classifier_type")]
    pub fn classify_with<D>(self, classify: D) -> CircuitBreakerLayer<D, R, M> {
        self.with(|shared, completion| (shared.with_classify(Arc::new(classify)), completion))
    }

    /// Sets a closure as the classifier, which decides what each result counts as.
    ///
    /// The same as [`classify_with`](Self::classify_with), which takes any type; but what a closure
    /// takes and returns is checked here, not where the service is called.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, FailureKind, Outcome};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("plants").build();
    /// let plants = CircuitBreakerLayer::new(circuit.clone())
    ///     .classify_by(|result: &Result<u16, BoxError>| match result {
    ///         Ok(404) => Outcome::Ignored,
    ///         Ok(..500) => Outcome::Success,
    ///         Ok(_) => Outcome::Failure(FailureKind::new("status")),
    ///         Err(_) => Outcome::Failure(FailureKind::OTHER),
    ///     })
    ///     .layer(service_fn(|_plant: &'static str| async { Ok::<u16, BoxError>(404) }));
    ///
    /// assert_eq!(plants.oneshot("rose").await.unwrap(), 404);
    /// assert_eq!(circuit.snapshot().totals.ignored, 1);
    /// # }
    /// ```
    #[doc(alias = "failure_classifier")]
    pub fn classify_by<F, T, E>(self, classify: F) -> CircuitBreakerLayer<F, R, M>
    where
        F: Fn(&Result<T, E>) -> Outcome,
    {
        self.classify_with(classify)
    }

    /// Ignores calls whose error is an `X`, or has one among its sources.
    ///
    /// For answers of the upstream that say nothing about its health, such as a `RowNotFound` of a
    /// database. For errors that are not even a sign that the upstream answers, such as load that
    /// was shed before it, use [`not_sent`](Self::not_sent): sixteen ignored probes in a row close
    /// the circuit. An error that is both is not sent.
    ///
    /// The service's error must be an [`ErrorChain`](crate::ErrorChain): boxed, or of your own. For
    /// an error type of another crate see [`ignoring_in`](Self::ignoring_in).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::ParseIntError;
    /// use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("numbers").build();
    /// let numbers = CircuitBreakerLayer::new(circuit.clone())
    ///     .ignoring::<ParseIntError>()
    ///     .layer(service_fn(|it: &'static str| async move { Ok::<u8, BoxError>(it.parse()?) }));
    ///
    /// assert!(numbers.oneshot("seven").await.is_err());
    /// assert_eq!(circuit.snapshot().totals.ignored, 1);
    /// # }
    /// ```
    ///
    /// A string cannot be searched:
    ///
    /// ```compile_fail,E0277
    /// # use std::num::ParseIntError;
    /// # use tower::{Layer, Service, service_fn};
    /// # use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
    /// fn serve(numbers: impl Service<u8>) {}
    ///
    /// let layer = CircuitBreakerLayer::new(Circuit::builder("numbers").build());
    /// let service = service_fn(|_: u8| async { Err::<u8, &'static str>("not a number") });
    /// serve(layer.clone().layer(service.clone())); // The default classifier takes any error.
    /// serve(layer.ignoring::<ParseIntError>().layer(service));
    /// ```
    #[doc(alias = "ignoreExceptions")]
    pub fn ignoring<X>(self) -> CircuitBreakerLayer<C, R, Filtered<Ignoring<X>, M>>
    where
        X: StdError + 'static,
    {
        self.filtered()
    }

    /// Ignores calls as [`ignoring`](Self::ignoring) does, for a service whose error is an `E`.
    ///
    /// `E` need not be an [`ErrorChain`](crate::ErrorChain).
    pub fn ignoring_in<X, E>(
        self,
    ) -> CircuitBreakerLayer<C, R, Filtered<Ignoring<X, InError<E>>, M>>
    where
        X: StdError + 'static,
        E: StdError + 'static,
    {
        self.filtered()
    }

    /// Counts calls whose error is an `X`, or has one among its sources, as not sent.
    ///
    /// [Not sent](crate::Outcome::NotSent) calls say nothing about the upstream, not even that it
    /// answers. For
    /// [`Overloaded`](https://docs.rs/tower/0.5/tower/load_shed/error/struct.Overloaded.html) of
    /// tower's `load_shed`, or a limit of your own. A half-open circuit stays half-open over any
    /// number of them.
    ///
    /// The service's error must be an [`ErrorChain`](crate::ErrorChain): boxed, or of your own. For
    /// an error type of another crate see [`not_sent_in`](Self::not_sent_in).
    ///
    /// # Examples
    ///
    /// ```
    /// use tower::load_shed::error::Overloaded;
    /// use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("reports").build();
    /// let reports = CircuitBreakerLayer::new(circuit.clone())
    ///     .not_sent::<Overloaded>()
    ///     .layer(service_fn(|()| async { Err::<(), BoxError>(Overloaded::new().into()) }));
    ///
    /// assert!(reports.oneshot(()).await.is_err());
    /// assert_eq!(circuit.snapshot().totals.not_sent, 1);
    /// # }
    /// ```
    pub fn not_sent<X>(self) -> CircuitBreakerLayer<C, R, Filtered<NotSent<X>, M>>
    where
        X: StdError + 'static,
    {
        self.filtered()
    }

    /// Counts calls as [`not_sent`](Self::not_sent) does, for a service whose error is an `E`.
    ///
    /// `E` need not be an [`ErrorChain`](crate::ErrorChain).
    pub fn not_sent_in<X, E>(self) -> CircuitBreakerLayer<C, R, Filtered<NotSent<X, InError<E>>, M>>
    where
        X: StdError + 'static,
        E: StdError + 'static,
    {
        self.filtered()
    }

    /// Turns all errors into [`BoxError`](crate::BoxError)s, rejections among them.
    pub fn boxed(self) -> CircuitBreakerLayer<C, Boxed, M> {
        self.reject_by(Boxed)
    }

    /// Turns rejections into the inner service's error type, by `From<Rejected>`.
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
    pub fn fallback<F, Req, Fut>(self, fallback: F) -> CircuitBreakerLayer<C, Fallback<F>, M>
    where
        F: Fn(Req, Rejected) -> Fut,
        Fut: Future,
    {
        self.reject_by(Fallback::new(fallback))
    }

    /// Sets what the service does while the circuit would reject. Default [`OnOpen::Reject`].
    ///
    /// See [`OnOpen`] for when to wait instead.
    pub fn on_open(self, on_open: OnOpen) -> Self {
        Self { shared: self.shared.with_timer(on_open.timer()), ..self }
    }

    /// Returns the circuit of the layer.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        self.shared.circuit()
    }

    /// The same layer with other parts.
    pub(crate) fn with<D, Q, N>(
        self,
        change: impl FnOnce(Shared<C, R>, M) -> (Shared<D, Q>, N),
    ) -> CircuitBreakerLayer<D, Q, N> {
        let (shared, completion) = change(self.shared, self.completion);
        CircuitBreakerLayer { shared, completion }
    }

    /// The same layer, which looks at errors by `K` before the classifier is asked.
    pub(crate) fn filtered<K>(self) -> CircuitBreakerLayer<C, R, Filtered<K, M>> {
        self.with(|shared, completion| (shared, Filtered::new(completion)))
    }

    pub(crate) fn into_parts(self) -> (Shared<C, R>, M) {
        (self.shared, self.completion)
    }

    fn reject_by<Q>(self, strategy: Q) -> CircuitBreakerLayer<C, Q, M> {
        self.with(|shared, completion| (shared.with_strategy(Arc::new(strategy)), completion))
    }
}

impl<S, C, R, M: Clone> Layer<S> for CircuitBreakerLayer<C, R, M> {
    type Service = CircuitBreaker<S, C, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreaker::from_handle(inner, self.shared.clone(), self.completion.clone())
    }
}

impl<C, R, M: Clone> Clone for CircuitBreakerLayer<C, R, M> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), completion: self.completion.clone() }
    }
}

impl<C, R, M: fmt::Debug> fmt::Debug for CircuitBreakerLayer<C, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CircuitBreakerLayer");
        self.shared.show(&mut shown);
        shown.field("completion", &self.completion).finish()
    }
}
