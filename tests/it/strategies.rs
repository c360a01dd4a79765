//! What a rejected caller gets.

use std::convert::Infallible;
use std::future::ready;

use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::{CircuitBreakerLayer, Error, RejectReason, Rejected};

use crate::support::{Inner, calls, circuit};

#[derive(Debug, PartialEq)]
enum AppError {
    Unavailable(String),
    Upstream(u16),
}

impl From<Rejected> for AppError {
    fn from(rejected: Rejected) -> Self {
        Self::Unavailable(rejected.circuit().to_owned())
    }
}

#[tokio::test]
async fn typed_errors_tell_rejections_apart() {
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .layer(service_fn(|()| ready(Err::<(), _>(AppError::Upstream(500)))));

    let inner = service.clone().oneshot(()).await;
    circuit.trip();
    let rejected = service.oneshot(()).await;

    assert_eq!(inner, Err(Error::Inner(AppError::Upstream(500))));
    assert!(matches!(rejected, Err(Error::Rejected(r)) if r.reason() == RejectReason::Open));
}

#[tokio::test]
async fn boxed_errors_are_those_of_tower() {
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .boxed()
        .layer(service_fn(|()| ready(Err::<(), BoxError>("down".into()))));

    let inner = service.clone().oneshot(()).await.unwrap_err();
    circuit.trip();
    let rejected = service.oneshot(()).await.unwrap_err();

    assert_eq!(inner.to_string(), "down", "passed on as it was");
    assert_eq!(Rejected::find(&*rejected).map(Rejected::circuit), Some("api"));
    assert!(Rejected::find(&*inner).is_none());
}

#[tokio::test]
async fn same_error_keeps_the_applications_type() {
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .same_error()
        .layer(service_fn(|()| ready(Err::<(), _>(AppError::Upstream(500)))));

    assert_eq!(service.clone().oneshot(()).await, Err(AppError::Upstream(500)));
    circuit.trip();

    assert_eq!(service.oneshot(()).await, Err(AppError::Unavailable("api".into())));
}

#[tokio::test]
async fn respond_with_makes_rejections_responses() {
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .respond_with(|rejected| {
            format!("{} is {}", rejected.circuit(), rejected.reason().as_str())
        })
        .layer(service_fn(|()| ready(Ok::<_, Infallible>("fine".to_owned()))));

    assert_eq!(service.clone().oneshot(()).await, Ok("fine".to_owned()));
    circuit.trip();

    assert_eq!(service.oneshot(()).await, Ok("api is open".to_owned()));
}

#[tokio::test]
async fn fallback_gets_the_untouched_request() {
    struct NotClone(u32);
    let (circuit, _) = circuit(|b| b);
    let inner = Inner::new(|request: NotClone| ready(Ok::<_, Infallible>(request.0)));
    let counter = inner.counter();
    let service = CircuitBreakerLayer::new(circuit.clone())
        .fallback(|request: NotClone, rejected: Rejected| async move {
            tokio::task::yield_now().await;
            assert_eq!(rejected.reason(), RejectReason::Open);
            Ok(request.0 + 1000)
        })
        .layer(inner);

    assert_eq!(service.clone().oneshot(NotClone(1)).await, Ok(1));
    circuit.trip();

    assert_eq!(service.oneshot(NotClone(2)).await, Ok(1002));
    assert_eq!(calls(&counter), 1);
}

#[tokio::test]
async fn a_fallback_counts_nothing() {
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .fallback(|(), _| ready(Err::<(), _>("the fallback failed, too")))
        .layer(service_fn(|()| ready(Ok(()))));
    circuit.trip();

    let result = service.oneshot(()).await;

    assert_eq!(result, Err("the fallback failed, too"));
    assert_eq!(circuit.snapshot().totals.failures, 0);
    assert_eq!(circuit.snapshot().totals.rejected, 1);
}

#[tokio::test]
async fn strategies_and_classifiers_combine_in_any_order() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let is_failure = |result: &Result<u16, Infallible>| matches!(result, Ok(500..));
    let one =
        CircuitBreakerLayer::new(circuit.clone()).failure_if(is_failure).respond_with(|_| 503);
    let other =
        CircuitBreakerLayer::new(circuit.clone()).respond_with(|_| 503).failure_if(is_failure);
    let inner = service_fn(|status: u16| ready(Ok(status)));

    assert_eq!(one.layer(inner).oneshot(500).await, Ok(500));
    assert_eq!(other.layer(inner).oneshot(200).await, Ok(503));
    circuit.reset();
    assert_eq!(other.layer(inner).oneshot(500).await, Ok(500));
    assert_eq!(one.layer(inner).oneshot(200).await, Ok(503));
}
