//! Rules 19, 20 and 24: `poll_ready`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use tower::{Layer, Service};
use tower_circuit_breaker::{
    CircuitBreaker, CircuitBreakerLayer, CircuitState, Error, RejectReason,
};
use tower_test::mock::{self, Handle, Mock};

use crate::support::{SECOND, circuit, fail, ready_to_probe};

type Client = CircuitBreaker<Mock<u32, u32>>;

/// A spawned breaker around a mock that is not ready until told.
fn breaker(circuit: &tower_circuit_breaker::Circuit) -> (mock::Spawn<Client>, Handle<u32, u32>) {
    let (mut service, handle) = mock::spawn_layer(CircuitBreakerLayer::new(circuit.clone()));
    service.get_mut();
    (service, handle)
}

fn rejected_for(result: Result<u32, Error<tower_circuit_breaker::BoxError>>) -> RejectReason {
    result.unwrap_err().rejected().expect("a rejection").reason()
}

#[tokio::test]
async fn an_open_circuit_is_ready_without_asking_the_inner() {
    let (circuit, _) = circuit(|b| b);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    circuit.trip();

    assert!(matches!(service.poll_ready(), Poll::Ready(Ok(()))));

    assert_eq!(rejected_for(service.call(1).await), RejectReason::Open);
    assert!(handle.next_request().now_or_never().is_none(), "the inner was called");
}

#[tokio::test]
async fn a_task_that_waits_for_a_busy_inner_is_woken_by_a_trip() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    assert!(!service.is_woken());

    fail(&circuit);

    assert!(service.is_woken());
    assert!(matches!(service.poll_ready(), Poll::Ready(Ok(()))));
    assert_eq!(rejected_for(service.call(1).await), RejectReason::Open);
}

#[tokio::test]
async fn a_waiting_service_that_is_dropped_leaves_no_waker_behind() {
    let (circuit, _) = circuit(|b| b);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());

    drop(service);

    circuit.trip();
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[tokio::test]
async fn an_inner_that_was_never_ready_is_never_called() {
    let (circuit, clock) = circuit(|b| b);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    circuit.trip();
    assert!(service.poll_ready().is_ready());
    clock.advance(30 * SECOND);

    let result = service.call(1).await;

    assert_eq!(rejected_for(result), RejectReason::NotReady);
    assert_eq!(circuit.state(), CircuitState::Open, "and it takes no probe slot");
    assert_eq!(circuit.snapshot().totals.rejected, 1);
    assert!(handle.next_request().now_or_never().is_none(), "the inner was called");
}

#[tokio::test]
async fn asking_again_decides_again() {
    let (circuit, clock) = circuit(|b| b);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(1);
    circuit.trip();
    assert!(service.poll_ready().is_ready());
    clock.advance(30 * SECOND);

    assert!(service.poll_ready().is_ready());
    let answer = service.call(1);

    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(request, 1);
    respond.send_response(2);
    assert_eq!(answer.await.unwrap(), 2);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test]
async fn ready_never_goes_back_to_pending() {
    let (circuit, _) = circuit(|b| b);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    circuit.trip();
    assert!(service.poll_ready().is_ready());
    circuit.reset();

    assert!(service.poll_ready().is_ready(), "although the inner service is busy");

    assert_eq!(rejected_for(service.call(1).await), RejectReason::NotReady);
    assert!(service.poll_ready().is_pending(), "after a call it is asked anew");
}

#[tokio::test]
async fn a_rejection_keeps_what_the_inner_has_reserved() {
    let (circuit, clock) = circuit(|b| b);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
    circuit.trip();
    assert_eq!(rejected_for(service.call(1).await), RejectReason::Open);
    clock.advance(30 * SECOND);

    assert!(service.poll_ready().is_ready());
    let answer = service.call(2);

    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(request, 2);
    respond.send_response(3);
    assert_eq!(answer.await.unwrap(), 3);
}

#[tokio::test]
async fn clones_forget_readiness() {
    let (circuit, _) = circuit(|b| b);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(1);
    assert!(service.poll_ready().is_ready());

    let mut clone = service.get_ref().clone();

    assert_eq!(rejected_for(clone.call(1).await), RejectReason::NotReady);
    assert_eq!(clone.circuit().name(), "api");
}

#[tokio::test]
async fn errors_of_the_inner_poll_ready_count_and_pass_unchanged() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let (mut service, mut handle) = breaker(&circuit);
    handle.send_error("the connection pool is gone");

    let Poll::Ready(Err(Error::Inner(error))) = service.poll_ready() else {
        panic!("no error");
    };

    assert_eq!(error.to_string(), "the connection pool is gone");
    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().totals.failures, 1);
}

#[tokio::test]
async fn an_error_of_the_inner_poll_ready_fails_a_probe() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let (mut service, mut handle) = breaker(&circuit);
    handle.send_error("still down");

    assert!(matches!(service.poll_ready(), Poll::Ready(Err(_))));

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(circuit.snapshot().transitions.half_open_to_open, 1);
}

#[tokio::test]
async fn a_half_open_circuit_with_busy_probes_is_ready_to_reject() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let probe = circuit.try_acquire().unwrap();
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);

    assert!(service.poll_ready().is_ready());

    assert_eq!(rejected_for(service.call(1).await), RejectReason::ProbesBusy);
    drop(probe);
    assert!(service.poll_ready().is_pending(), "a slot is free: the inner service decides");
}

#[test]
fn the_parts_of_a_breaker_can_be_reached() {
    let (circuit, _) = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit);
    let mut service = layer.layer(5_u8);

    *service.get_mut() += 1;

    assert_eq!(layer.circuit().name(), "api");
    assert_eq!(service.get_ref(), &6);
    assert_eq!(service.circuit().name(), "api");
    assert_eq!(service.into_inner(), 6);
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct PanickingWake;

impl Wake for PanickingWake {
    fn wake(self: Arc<Self>) {
        std::panic::panic_any("a waker");
    }
}

#[test]
fn a_panicking_waker_loses_no_change_and_no_other_wake_up() {
    let (circuit, _) = circuit(|b| b);
    let reasons = crate::listeners::reasons(&circuit);
    let never = tower::service_fn(|()| std::future::pending::<Result<(), ()>>());
    let busy = || {
        let limited = tower::limit::ConcurrencyLimit::with_semaphore(
            never,
            Arc::new(tokio::sync::Semaphore::new(0)),
        );
        CircuitBreaker::new(limited, circuit.clone())
    };
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    let mut wakers = vec![Waker::from(Arc::clone(&wakes)); 10];
    wakers.insert(5, Waker::from(Arc::new(PanickingWake)));
    let waiting: Vec<_> = wakers
        .iter()
        .map(|waker| {
            let mut service = busy();
            assert!(service.poll_ready(&mut Context::from_waker(waker)).is_pending());
            service
        })
        .collect();

    circuit.trip();
    circuit.reset();

    assert_eq!(wakes.0.load(Ordering::SeqCst), 10);
    assert_eq!(reasons.lock().unwrap().len(), 2);
    drop(waiting);
}

#[tokio::test]
async fn a_task_that_waits_is_woken_when_another_takes_the_last_probe() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());

    let _probe = circuit.try_acquire().unwrap();

    assert!(service.is_woken());
    assert!(service.poll_ready().is_ready());
    assert_eq!(rejected_for(service.call(1).await), RejectReason::ProbesBusy);
}
