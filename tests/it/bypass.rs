//! Calls that go past the circuit.

use futures_util::FutureExt;
use http::{Request, Response};
use tower::limit::ConcurrencyLimit;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::http::layer as http_layer;
use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::{CircuitBreakerLayer, CircuitState, OnOpen, RejectReason, Totals};

use crate::support::circuit;

async fn answers(number: u32) -> Result<u32, BoxError> {
    if number == 0 { Err("down".into()) } else { Ok(number) }
}

/// Numbers from 100 on go past the circuit.
fn bypasses(number: &u32) -> bool {
    *number >= 100
}

#[tokio::test]
async fn they_are_neither_counted_nor_rejected() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .boxed()
        .bypass_if(bypasses)
        .layer(service_fn(answers));

    assert_eq!(service.clone().oneshot(100).await.unwrap(), 100);
    assert_eq!(circuit.snapshot().totals, Totals::default());
    assert_eq!(service.clone().oneshot(0).await.unwrap_err().to_string(), "down");
    assert_eq!(circuit.state(), CircuitState::Open);

    assert!(service.clone().oneshot(1).await.is_err());
    assert_eq!(service.clone().oneshot(101).await.unwrap(), 101);
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.rejected), (0, 1, 1));
}

#[tokio::test]
async fn their_failures_open_nothing() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .bypass_if(|number: &u32| *number == 0)
        .bypass_if(|number: &u32| *number == 1)
        .layer(service_fn(answers));

    for number in [0, 1, 0, 1] {
        let _ = service.clone().oneshot(number).await;
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().totals, Totals::default());
}

#[tokio::test]
async fn they_reach_an_inner_service_that_is_ready_for_them() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let inner = ConcurrencyLimit::new(service_fn(answers), 1);
    let mut service = CircuitBreakerLayer::new(circuit.clone()).bypass_if(bypasses).layer(inner);

    for _ in 0..3 {
        assert_eq!(service.ready().await.unwrap().call(100).await.unwrap(), 100);
        let rejected = service.ready().await.unwrap().call(1).await.unwrap_err();
        let reason = rejected.rejected().map(tower_circuit_breaker::Rejected::reason);
        assert_eq!(reason, Some(RejectReason::ForcedOpen));
    }
}

#[tokio::test]
async fn a_busy_inner_service_is_waited_for() {
    let (circuit, _) = circuit(|b| b);
    let limited = ConcurrencyLimit::new(service_fn(answers), 1);
    let mut busy = limited.clone();
    let service = CircuitBreakerLayer::new(circuit.clone()).bypass_if(bypasses).layer(limited);
    busy.ready().await.unwrap();
    circuit.force_open();

    let mut call = Box::pin(service.oneshot(100));
    assert!(call.as_mut().now_or_never().is_none(), "the only permit is taken");
    drop(busy);

    assert_eq!(call.await.unwrap(), 100);
}

#[tokio::test]
async fn a_service_that_waits_goes_on_waiting_and_gives_its_slot_back() {
    let (circuit, clock) = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit.clone()).bypass_if(bypasses).on_open(OnOpen::Wait);
    let mut service = layer.layer(service_fn(answers));
    circuit.trip();
    assert!(service.ready().now_or_never().is_none(), "open");
    clock.advance(circuit.snapshot().retry_after.unwrap());

    // It holds a probe's slot, which the call does not use.
    assert_eq!(service.ready().await.unwrap().call(100).await.unwrap(), 100);

    assert_eq!(service.ready().await.unwrap().call(1).await.unwrap(), 1);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test]
async fn the_body_of_such_a_response_counts_nothing() {
    let (circuit, _) = circuit(|b| b);
    let service = http_layer(circuit.clone())
        .bypass_if(|request: &Request<()>| request.uri().path() == "/health")
        .layer(service_fn(|_| async {
            Ok::<_, BoxError>(Response::builder().status(503).body("down".to_owned())?)
        }));
    let ask = |path| service.clone().oneshot(Request::get(path).body(()).unwrap());

    let response = ask("/health").await.unwrap();
    drop(response);
    assert_eq!(circuit.snapshot().totals, Totals::default());

    drop(ask("/roses").await.unwrap());
    assert_eq!(circuit.snapshot().totals.failures, 1);
}

#[tokio::test]
async fn they_take_no_circuit_of_a_key() {
    let (circuit, _) = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit)
        .bypass_if(bypasses)
        .keyed_by(|number: &u32| number.to_string(), KeyedCircuits::new(|b| b));
    let service = layer.layer(service_fn(answers));

    service.clone().oneshot(100).await.unwrap();
    assert!(layer.circuits().is_empty());
    service.oneshot(7).await.unwrap();
    assert_eq!(layer.circuits().len(), 1);
}

#[tokio::test]
async fn a_service_that_was_not_polled_ready_rejects_them_too() {
    let (circuit, _) = circuit(|b| b);
    let mut service =
        CircuitBreakerLayer::new(circuit).bypass_if(bypasses).layer(service_fn(answers));

    let rejected = service.call(100).await.unwrap_err();

    let reason = rejected.rejected().map(tower_circuit_breaker::Rejected::reason);
    assert_eq!(reason, Some(RejectReason::NotReady));
}
