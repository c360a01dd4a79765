//! What results count as: the classifier of a layer, and the errors that it is not asked about.

use std::error::Error as StdError;

use crate::circuit::classify::AddFailureIf;
use crate::engine::outcome::Outcome;
use crate::service::completion::{Filtered, Ignoring, InError, NotSent};
use crate::service::layer::CircuitBreakerLayer;
use crate::sync::Arc;

impl<C, R, M, O> CircuitBreakerLayer<C, R, M, O> {
    /// Counts results for which `is_failure` returns `true` as failures.
    ///
    /// On a layer whose classifier was not chosen, such as that of
    /// [`CircuitBreakerLayer::new`](Self::new), it alone decides: all other results are successes,
    /// errors too. Where a classifier was chosen, by `http::layer`, another `failure_if` or
    /// [`classify_with`](Self::classify_with), it **adds** to that: it is asked about the results
    /// that count as successes there. So `http::layer(circuit).failure_if(..)` still counts 5xx and
    /// errors as failures. Neither a closure for [`classify_by`](Self::classify_by) nor a
    /// classifier of your own takes an addition: say it there. A later `classify_with` or
    /// `classify_by` replaces it.
    ///
    /// Rejections of this or a nested circuit are [not sent](crate::Outcome::NotSent), whatever it
    /// returns, where they can be found: in an error as by [`ErrorsAsFailures`], with
    /// [`not_sent::<Rejected>()`](Self::not_sent) for other types; in the extensions of a response
    /// by `judge_body` alone, else by a closure for [`classify_by`](Self::classify_by). It is not
    /// asked about errors that [`ignoring`](Self::ignoring) and [`not_sent`](Self::not_sent) name,
    /// in whichever order they are called. For more than two outcomes see
    /// [`classify_by`](Self::classify_by).
    ///
    /// [`ErrorsAsFailures`]: crate::ErrorsAsFailures
    pub fn failure_if<F, T, E, D>(self, is_failure: F) -> CircuitBreakerLayer<D, R, M, O>
    where
        C: AddFailureIf<F, With = D>,
        F: Fn(&Result<T, E>) -> bool,
    {
        self.with(|shared, completion| {
            let classify = C::add_failure_if(shared.classify_shared(), is_failure);
            (shared.with_classify(Arc::new(classify)), completion)
        })
    }

    /// Sets the classifier, which decides what each result counts as.
    ///
    /// A [`Classify`](crate::Classify), or what `judge_body` asks for; the compiler finds out where
    /// the service is called. For a closure use [`classify_by`](Self::classify_by). It replaces the
    /// previous classifier, [`failure_if`](Self::failure_if) too, and is asked about rejections
    /// like about any other error. It is not asked about errors that [`ignoring`](Self::ignoring)
    /// and [`not_sent`](Self::not_sent) name, in whichever order they are called.
    #[doc(alias = "failure_classifier_type")]
    pub fn classify_with<D>(self, classify: D) -> CircuitBreakerLayer<D, R, M, O> {
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
    pub fn classify_by<F, T, E>(self, classify: F) -> CircuitBreakerLayer<F, R, M, O>
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
    pub fn ignoring<X>(self) -> CircuitBreakerLayer<C, R, Filtered<Ignoring<X>, M>, O>
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
    ) -> CircuitBreakerLayer<C, R, Filtered<Ignoring<X, InError<E>>, M>, O>
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
    pub fn not_sent<X>(self) -> CircuitBreakerLayer<C, R, Filtered<NotSent<X>, M>, O>
    where
        X: StdError + 'static,
    {
        self.filtered()
    }

    /// Counts calls as [`not_sent`](Self::not_sent) does, for a service whose error is an `E`.
    ///
    /// `E` need not be an [`ErrorChain`](crate::ErrorChain).
    pub fn not_sent_in<X, E>(
        self,
    ) -> CircuitBreakerLayer<C, R, Filtered<NotSent<X, InError<E>>, M>, O>
    where
        X: StdError + 'static,
        E: StdError + 'static,
    {
        self.filtered()
    }
}
