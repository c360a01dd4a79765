//! The tower service that guards an inner service with a circuit.

use std::fmt;
use std::task::{Context, Poll, ready};

use tower_layer::Layer;
use tower_service::Service;

use crate::circuit::Circuit;
use crate::circuit::classify::ErrorsAsFailures;
use crate::circuit::permit::{Admission, FailureOnPanic};
use crate::engine::ticket::Ticket;
use crate::error::Rejected;
use crate::service::completion::{AtResult, Bypass, Complete, CompleteCall};
use crate::service::future::{GuardedFuture, ResponseFuture};
use crate::service::layer::CircuitBreakerLayer;
use crate::service::rejection::{Answer, PassOn, Typed};
use crate::service::shared::Shared;
use crate::service::wait::state::{Slot, Waiting};

/// The tower service that guards an inner service with a [`Circuit`].
///
/// Each call is admitted or rejected in `call`, synchronously. A rejected call never reaches the
/// inner service, and does not wait for it: while the circuit would reject, this service is ready
/// without polling the inner one, and a task that waits for a busy inner service is woken when the
/// circuit trips.
///
/// With [`OnOpen::Wait`](crate::OnOpen) it is instead not ready while the circuit would reject.
///
/// The inner service needs no bound but `Service`, and no runtime is needed unless it waits.
/// Neither a call nor a rejection allocates, but for the first that several threads share: a service
/// that has clones, or whose layer is kept, allocates 128 bytes at its 64th call, so that it need
/// not wait for the others, and a circuit 1 kB once it is called from several threads.
pub struct CircuitBreaker<S, C = ErrorsAsFailures, R = Typed, M = AtResult> {
    inner: S,
    shared: Shared<C, R>,
    completion: M,
    readiness: Readiness,
    /// Calls so far, until it has a reference apart.
    calls: u8,
    waiting: Waiting,
}

/// After so many calls a service that shares its reference takes one apart: not one that a server
/// clones for each request.
const APART_AFTER: u8 = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    /// The inner service has not been asked since the last call.
    Unasked,
    /// This service said that it is ready, but only to reject.
    Rejecting,
    /// The inner service is ready for one call.
    Ready,
    /// The same, and a call gives something up: a probe's slot that is reserved for it, or a place
    /// among the tasks that wait for one.
    Holding,
}

impl Readiness {
    /// Whether the inner service is ready for one call.
    #[inline]
    fn is_of_inner(self) -> bool {
        matches!(self, Self::Ready | Self::Holding)
    }
}

impl<S> CircuitBreaker<S> {
    /// Guards `inner` with `circuit`; see [`CircuitBreakerLayer`] for the settings.
    pub fn new(inner: S, circuit: Circuit) -> Self {
        CircuitBreakerLayer::new(circuit).layer(inner)
    }
}

impl<S, C, R, M> CircuitBreaker<S, C, R, M> {
    pub(crate) fn from_handle(inner: S, shared: Shared<C, R>, completion: M) -> Self {
        let waiting = Waiting::new(shared.timer());
        Self { inner, shared, completion, readiness: Readiness::Unasked, calls: 0, waiting }
    }

    /// Returns a reference to the inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service; calls made through it are not counted.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Returns the circuit that guards the service.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        self.shared.circuit()
    }

    /// The inner service is ready. While waiting for admission, so is this one once a call has a
    /// slot, if it needs one.
    #[inline]
    fn poll_slot<E>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.readiness = Readiness::Ready;
        if !self.waiting.is_idle() {
            ready!(self.wait_for_slot(cx));
        }
        Poll::Ready(Ok(()))
    }

    #[cold]
    #[inline(never)]
    fn wait_for_slot(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.readiness = Readiness::Holding;
        if ready!(self.waiting.poll_slot(self.shared.circuit(), cx)) == Slot::NotNeeded {
            self.readiness = Readiness::Ready;
        }
        Poll::Ready(())
    }

    /// Counts a call, and takes a reference apart after the last that is counted.
    #[inline(never)]
    fn count_call(&mut self) {
        self.calls = self.calls.saturating_add(1);
        if self.calls == APART_AFTER && !self.shared.is_unshared() {
            self.shared = self.shared.apart();
        }
    }

    /// Becomes ready, only to reject.
    fn ready_to_reject<E>(&mut self) -> Poll<Result<(), E>> {
        self.waiting.end();
        self.readiness = Readiness::Rejecting;
        Poll::Ready(Ok(()))
    }

    /// Records an error of the inner `poll_ready` as that of a call, and returns it.
    fn record_unready<Req, T, E>(&self, error: E) -> E
    where
        M: Complete<C, Req, T, E>,
    {
        let circuit = self.shared.circuit();
        let mut result = Err(error);
        if let Ok(ticket) = circuit.admit() {
            let classify = self.shared.classify();
            let mut admission = Admission::new(circuit, ticket);
            let outcome = self.completion.classify_unready(classify, &result);
            result = admission
                .record_result(outcome, result, |_, error| M::Call::error_ref(classify, error));
        }
        match result {
            Err(error) => error,
            Ok(_) => unreachable!("made as an error a few lines above"),
        }
    }
}

impl<S, C, R, M, Req> Service<Req> for CircuitBreaker<S, C, R, M>
where
    S: Service<Req>,
    R: Answer<Req, S::Response, S::Error>,
    M: Complete<C, Req, S::Response, S::Error>,
{
    type Response = <M::Call as CompleteCall<C, S::Response, S::Error>>::Response;
    type Error = <R as PassOn<S::Error>>::Error;
    type Future = GuardedFuture<S::Future, R::Future, C, R, M::Call, M::Bypass, R::Kept>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.readiness.is_of_inner() {
            return self.poll_slot(cx);
        }
        // A call that bypasses the circuit needs the inner service, whatever the circuit says.
        let rejects_unready = !M::Bypass::IS_POSSIBLE && self.waiting.timer().is_none();
        if (rejects_unready || self.waiting.timer().is_some()) && self.circuit().would_reject() {
            let Some(timer) = self.waiting.timer() else { return self.ready_to_reject() };
            ready!(self.waiting.poll_open(timer, self.shared.circuit(), cx));
        }
        match self.inner.poll_ready(cx) {
            Poll::Ready(Ok(())) => self.poll_slot(cx),
            Poll::Ready(Err(error)) => {
                self.waiting.end();
                self.readiness = Readiness::Unasked;
                Poll::Ready(Err(R::pass_on(self.record_unready::<Req, S::Response, _>(error))))
            }
            // Reported as ready before, so it stays ready: a call is rejected as not ready.
            Poll::Pending if self.readiness == Readiness::Rejecting => Poll::Ready(Ok(())),
            // A service that does not reject need not be woken by the circuit meanwhile.
            Poll::Pending if !rejects_unready => {
                self.waiting.end();
                Poll::Pending
            }
            Poll::Pending => {
                self.waiting.begin(self.shared.circuit(), cx.waker());
                // A task that waits here is a call that comes, and perhaps the only one.
                self.circuit().check_stalled_calls();
                // Asked again after the waker is in place: a trip in between woke nobody.
                if self.circuit().would_reject() {
                    return self.ready_to_reject();
                }
                Poll::Pending
            }
        }
    }

    #[inline]
    fn call(&mut self, request: Req) -> Self::Future {
        let asked = std::mem::replace(&mut self.readiness, Readiness::Unasked);
        if self.calls < APART_AFTER {
            self.count_call();
        }
        if asked.is_of_inner() {
            if let Some(bypass) = self.completion.bypass(&request) {
                self.waiting.end();
                return ResponseFuture::bypassing(bypass.of(self.inner.call(request)));
            }
        }
        let circuit = self.shared.circuit();
        let admitted = match asked {
            Readiness::Ready => circuit.admit(),
            Readiness::Holding => self.waiting.admit(circuit),
            Readiness::Rejecting | Readiness::Unasked => Err(circuit.reject_unready()),
        };
        if admitted.is_err() && asked.is_of_inner() {
            // Not called, so still ready: what it has reserved is kept for the next call.
            self.readiness = Readiness::Ready;
        }
        enter(&mut self.inner, &self.shared, &self.completion, admitted, request)
    }
}

/// Calls `inner` if the call is admitted, else answers with the rejection strategy.
#[inline]
pub(crate) fn enter<S, C, R, M, Req>(
    inner: &mut S,
    shared: &Shared<C, R>,
    completion: &M,
    admitted: Result<Ticket, Rejected>,
    request: Req,
) -> GuardedFuture<S::Future, R::Future, C, R, M::Call, M::Bypass, R::Kept>
where
    S: Service<Req>,
    R: Answer<Req, S::Response, S::Error>,
    M: Complete<C, Req, S::Response, S::Error>,
{
    match admitted {
        Ok(ticket) => {
            let mut held = Some(Admission::new(shared.circuit(), ticket));
            let settling = completion.begin(shared.classify(), &request);
            let kept = shared.strategy().keep(&request);
            let guard = FailureOnPanic::arm(&mut held);
            let call = inner.call(request);
            guard.disarm();
            // The ticket goes to the future, which holds the circuit for itself.
            held.iter_mut().for_each(Admission::give_up);
            ResponseFuture::calling(call, Admission::new(shared.clone(), ticket), settling, kept)
        }
        Err(rejected) => ResponseFuture::rejected(shared.strategy().answer(request, rejected)),
    }
}

/// Clones share the circuit and forget readiness: what the inner service has reserved for one
/// instance must not be used by its clone.
impl<S: Clone, C, R, M: Clone> Clone for CircuitBreaker<S, C, R, M> {
    fn clone(&self) -> Self {
        Self::from_handle(self.inner.clone(), self.shared.clone(), self.completion.clone())
    }
}

impl<S: fmt::Debug, C, R, M: fmt::Debug> fmt::Debug for CircuitBreaker<S, C, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CircuitBreaker");
        shown.field("inner", &self.inner);
        self.shared.show(&mut shown);
        shown.field("completion", &self.completion).finish()
    }
}
