//! The tower layer that guards a service with a circuit.

mod outcomes;
mod rejections;

use std::fmt;
use std::marker::PhantomData;

use tower_layer::Layer;

use crate::circuit::Circuit;
use crate::circuit::classify::ErrorsAsFailures;
use crate::service::completion::{AtResult, Filtered};
use crate::service::on_open::OnOpenUnset;
use crate::service::rejection::Typed;
use crate::service::service::CircuitBreaker;
use crate::service::shared::Shared;

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
pub struct CircuitBreakerLayer<C = ErrorsAsFailures, R = Typed, M = AtResult, O = OnOpenUnset> {
    shared: Shared<C, R>,
    completion: M,
    /// Whether `on_open` was called.
    on_open: PhantomData<fn() -> O>,
}

impl CircuitBreakerLayer {
    /// Makes a layer with `circuit`: every `Err` is a failure, rejections are typed errors.
    pub fn new(circuit: Circuit) -> Self {
        Self::of(Shared::new(circuit, ErrorsAsFailures, Typed), AtResult)
    }
}

impl<C, R, M, O> CircuitBreakerLayer<C, R, M, O> {
    /// Returns the circuit of the layer.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        self.shared.circuit()
    }

    /// The same layer with other parts.
    pub(crate) fn with<D, Q, N>(
        self,
        change: impl FnOnce(Shared<C, R>, M) -> (Shared<D, Q>, N),
    ) -> CircuitBreakerLayer<D, Q, N, O> {
        let (shared, completion) = change(self.shared, self.completion);
        CircuitBreakerLayer::of(shared, completion)
    }

    const fn of(shared: Shared<C, R>, completion: M) -> Self {
        Self { shared, completion, on_open: PhantomData }
    }

    /// The same layer, which looks at errors by `K` before the classifier is asked.
    pub(crate) fn filtered<K>(self) -> CircuitBreakerLayer<C, R, Filtered<K, M>, O> {
        self.with(|shared, completion| (shared, Filtered::new(completion)))
    }

    pub(crate) fn into_parts(self) -> (Shared<C, R>, M) {
        (self.shared, self.completion)
    }
}

impl<S, C, R, M: Clone, O> Layer<S> for CircuitBreakerLayer<C, R, M, O> {
    type Service = CircuitBreaker<S, C, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreaker::from_handle(inner, self.shared.clone(), self.completion.clone())
    }
}

impl<C, R, M: Clone, O> Clone for CircuitBreakerLayer<C, R, M, O> {
    fn clone(&self) -> Self {
        Self::of(self.shared.clone(), self.completion.clone())
    }
}

impl<C, R, M: fmt::Debug, O> fmt::Debug for CircuitBreakerLayer<C, R, M, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CircuitBreakerLayer");
        self.shared.show(&mut shown);
        shown.field("completion", &self.completion).finish()
    }
}
