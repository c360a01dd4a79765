//! What the tests share.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tower::Service;
use tower_circuit_breaker::{
    Circuit, CircuitBuilder, CircuitState, FailureKind, ManualClock, Outcome, Rejected,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const FAILURE: Outcome = Outcome::Failure(FailureKind::OTHER);

/// A circuit on a clock that stands still.
pub(crate) fn circuit(
    set: impl FnOnce(CircuitBuilder) -> CircuitBuilder,
) -> (Circuit, ManualClock) {
    let clock = ManualClock::new();
    let circuit = set(Circuit::builder("api").clock(clock.clone())).build();
    (circuit, clock)
}

/// Lets one call through and records it.
#[track_caller]
pub(crate) fn record(circuit: &Circuit, outcome: Outcome) {
    circuit.try_acquire().expect("the call is admitted").record(outcome);
}

#[track_caller]
pub(crate) fn succeed(circuit: &Circuit) {
    record(circuit, Outcome::Success);
}

#[track_caller]
pub(crate) fn fail(circuit: &Circuit) {
    record(circuit, FAILURE);
}

#[track_caller]
pub(crate) fn fail_as(circuit: &Circuit, kind: &'static str) {
    record(circuit, Outcome::Failure(FailureKind::new(kind)));
}

/// The rejection that a call gets now.
#[track_caller]
pub(crate) fn rejection(circuit: &Circuit) -> Rejected {
    circuit.try_acquire().expect_err("the call is rejected")
}

/// Trips the circuit and lets its open time pass; the next call is a probe.
#[track_caller]
pub(crate) fn ready_to_probe(circuit: &Circuit, clock: &ManualClock) {
    circuit.trip();
    clock.advance(circuit.snapshot().retry_after.expect("open"));
    assert_eq!(circuit.state(), CircuitState::Open);
}

/// An inner service that counts, and answers what it is told to.
#[derive(Clone)]
pub(crate) struct Inner<F> {
    calls: Arc<AtomicUsize>,
    answer: F,
}

impl<F> Inner<F> {
    pub(crate) fn new(answer: F) -> Self {
        Self { calls: Arc::default(), answer }
    }

    /// The counter, to be kept when the service is moved.
    pub(crate) fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.calls)
    }
}

pub(crate) fn calls(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

impl<F, Fut, Req, T, E> Service<Req> for Inner<F>
where
    F: FnMut(Req) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Fut {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.answer)(request)
    }
}
