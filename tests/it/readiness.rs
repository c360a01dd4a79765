//! Rules 19, 20 and 24: `poll_ready`.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use tower::{Layer, Service};
use tower_circuit_breaker::{
    BoxError, CircuitBreaker, CircuitBreakerLayer, CircuitState, Error, Outcome, RejectReason,
};
use tower_test::mock::{self, Handle, Mock};

use crate::support::{SECOND, circuit, ready_to_probe};

pub(crate) type Client = CircuitBreaker<Mock<u32, u32>>;

/// A spawned breaker around a mock that is not ready until told.
pub(crate) fn breaker(
    circuit: &tower_circuit_breaker::Circuit,
) -> (mock::Spawn<Client>, Handle<u32, u32>) {
    let (mut service, handle) = mock::spawn_layer(CircuitBreakerLayer::new(circuit.clone()));
    service.get_mut();
    (service, handle)
}

pub(crate) fn rejected_for(result: Result<u32, Error<BoxError>>) -> RejectReason {
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

/// Counts how often it is woken.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Asks `service` whether it is ready, for the task behind `wakes`.
pub(crate) fn ask<S: Service<()>>(
    service: &mut S,
    wakes: &Arc<Wakes>,
) -> Poll<Result<(), S::Error>> {
    let waker = Waker::from(Arc::clone(wakes));
    service.poll_ready(&mut Context::from_waker(&waker))
}

/// An inner service that does something each time it is asked, and says what comes of it.
pub(crate) struct Asked<F>(pub(crate) F);

impl<F: FnMut() -> Poll<Result<(), BoxError>>> Service<()> for Asked<F> {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        (self.0)()
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

#[test]
fn an_inner_that_failed_to_get_ready_is_not_called() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(9));
    let mut service =
        CircuitBreaker::new(Asked(|| Poll::Ready(Err("gone".into()))), circuit.clone());
    assert!(matches!(ask(&mut service, &Arc::default()), Poll::Ready(Err(_))));

    let answer = service.call(()).now_or_never().expect("rejected at once");

    assert_eq!(answer.unwrap_err().rejected().unwrap().reason(), RejectReason::NotReady);
    assert_eq!(circuit.snapshot().totals.successes, 0, "it was called");
}

#[test]
fn a_service_under_observation_asks_its_inner_and_rejects_nothing() {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    circuit.observe();
    let mut service = CircuitBreaker::new(Asked(|| Poll::Ready(Ok(()))), circuit.clone());

    let ready = ask(&mut service, &Arc::default());

    assert!(ready.is_ready());
    assert!(service.call(()).now_or_never().expect("answered at once").is_ok());
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.would_have_rejected, totals.rejected), (1, 0));
}

#[test]
fn errors_of_the_inner_poll_ready_are_classified_like_those_of_calls() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let layer = CircuitBreakerLayer::new(circuit.clone())
        .classify_with(|_: &Result<(), BoxError>| Outcome::Ignored);
    let mut service = layer.layer(Asked(|| Poll::Ready(Err("gone".into()))));

    let asked = ask(&mut service, &Arc::default());

    assert!(matches!(asked, Poll::Ready(Err(Error::Inner(_)))));
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(circuit.snapshot().totals.ignored, 1);
}

#[test]
fn an_inner_that_was_seen_ready_is_not_asked_again_before_it_is_called() {
    let (circuit, clock) = circuit(|b| b);
    let asked = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&asked);
    let inner = Asked(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    });
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    assert!(ask(&mut service, &Arc::default()).is_ready());
    circuit.trip();
    assert!(ask(&mut service, &Arc::default()).is_ready());
    assert!(service.call(()).now_or_never().expect("rejected at once").is_err());
    assert!(ask(&mut service, &Arc::default()).is_ready());
    clock.advance(30 * SECOND);

    let answer = service.call(()).now_or_never().expect("answered at once");

    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn a_service_that_was_ready_to_reject_passes_errors_of_its_inner_on() {
    let (circuit, _) = circuit(|b| b);
    let mut service =
        CircuitBreaker::new(Asked(|| Poll::Ready(Err("gone".into()))), circuit.clone());
    circuit.trip();
    assert!(matches!(ask(&mut service, &Arc::default()), Poll::Ready(Ok(()))));
    circuit.reset();

    let asked = ask(&mut service, &Arc::default());

    assert!(matches!(asked, Poll::Ready(Err(Error::Inner(_)))));
    assert_eq!(circuit.snapshot().totals.failures, 1);
}
