//! The future of a call through a circuit.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::circuit::permit::{Admission, FailureOnPanic};
use crate::service::completion::{AtResult, Bypass, CompleteCall, Decision, Never, PollCall};
use crate::service::rejection::{PassOn, Recover};
use crate::service::shared::Shared;

pin_project! {
    /// The future of a call through a [`CircuitBreaker`](crate::CircuitBreaker).
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the inner call, gives a probe's slot back and counts the call as
    /// abandoned. For a call to a closed circuit that is neutral, unless
    /// [`abandoned_after`](crate::CircuitBuilder::abandoned_after) is set. A probe counts as
    /// unanswered: sixteen of those in a row, over at least a minute, reopen the circuit. Under a
    /// rule for slow or stalled calls a probe that had waited for that long has failed.
    ///
    /// # Panics
    ///
    /// Panics when polled after completion.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, G, C, R, M = AtResult, B = Never, K = ()> {
        #[pin]
        phase: Phase<F, G, C, R, M, B, K>,
    }
}

pin_project! {
    #[project = PhaseProjection]
    enum Phase<F, G, C, R, M, B, K> {
        Calling {
            #[pin]
            call: F,
            admission: Option<Admission<Shared<C, R>>>,
            call_completion: M,
            kept: K,
        },
        Answering {
            #[pin]
            answer: G,
        },
        // Without a value, and so without cost, unless there are calls that go past the circuit.
        Bypassing {
            #[pin]
            call: B,
        },
    }
}

/// The future of a call of `F` that may bypass the circuit, as `L` says.
pub(crate) type GuardedFuture<F, G, C, R, M, L, K> =
    ResponseFuture<F, G, C, R, M, <L as Bypass>::Of<F>, K>;

impl<F, G, C, R, M, B, K> ResponseFuture<F, G, C, R, M, B, K> {
    #[inline]
    pub(crate) const fn calling(
        call: F,
        admission: Admission<Shared<C, R>>,
        call_completion: M,
        kept: K,
    ) -> Self {
        let admission = Some(admission);
        Self { phase: Phase::Calling { call, admission, call_completion, kept } }
    }

    pub(crate) const fn rejected(answer: G) -> Self {
        Self { phase: Phase::Answering { answer } }
    }

    pub(crate) const fn bypassing(call: B) -> Self {
        Self { phase: Phase::Bypassing { call } }
    }
}

impl<F, G, C, R, M, B, K, T, E> Future for ResponseFuture<F, G, C, R, M, B, K>
where
    F: Future<Output = Result<T, E>>,
    M: CompleteCall<C, T, E>,
    R: PassOn<E> + Recover<K, T, E, G>,
    B: PollCall<T, E>,
    G: Future<Output = Result<T, R::Error>>,
{
    type Output = Result<M::Response, R::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match self.as_mut().project().phase.project() {
            PhaseProjection::Calling { call, admission, call_completion, kept } => {
                let guard = FailureOnPanic::arm(admission);
                let polled = call.poll(cx);
                guard.disarm();
                let result = ready!(polled);
                let held = admission.as_mut().expect("polled after completion");
                held.judge();
                match call_completion.decide(held.holder().classify(), &result) {
                    Decision::Now(outcome) if R::RECOVERS && outcome.failure_kind().is_some() => {
                        let result = held.record_result(outcome, result, |shared, error| {
                            M::error_ref(shared.classify(), error)
                        });
                        let answer = held.holder().strategy().recover(kept, result);
                        *admission = None;
                        answer
                    }
                    Decision::Now(outcome) => {
                        // In place: moving the admission out first costs more than recording.
                        let result = held.record_result(outcome, result, |shared, error| {
                            M::error_ref(shared.classify(), error)
                        });
                        *admission = None;
                        return M::completed(Poll::Ready(result.map_err(R::pass_on)));
                    }
                    Decision::AtEnd(later) => {
                        let permit = held.hand_on();
                        *admission = None;
                        let response = result.map(|it| call_completion.deferred(it, permit, later));
                        return Poll::Ready(response.map_err(R::pass_on));
                    }
                }
            }
            PhaseProjection::Answering { answer } => return M::completed(answer.poll(cx)),
            PhaseProjection::Bypassing { call } => {
                return M::completed(call.poll_call(cx).map_err(R::pass_on));
            }
        };
        self.as_mut().project().phase.set(Phase::Answering { answer });
        self.poll(cx)
    }
}

impl<F, G, C, R, M, B, K> fmt::Debug for ResponseFuture<F, G, C, R, M, B, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Calling { .. } => "Calling",
            Phase::Answering { .. } => "Answering",
            Phase::Bypassing { .. } => "Bypassing",
        };
        f.debug_struct("ResponseFuture").field("phase", &phase).finish_non_exhaustive()
    }
}
