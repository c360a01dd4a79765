//! Bypass: calls that go past the circuit.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::engine::outcome::Outcome;
use crate::service::completion::{AtResult, Complete, Innermost, Never, sealed};
use crate::sync::Arc;

/// A completion that lets the calls that match the predicate `P` go past the circuit.
///
/// From [`bypass_if`](crate::CircuitBreakerLayer::bypass_if). `M` completes all other calls; it may
/// be another `BypassIf`.
pub struct BypassIf<P, M = AtResult> {
    bypasses: Arc<P>,
    completion: M,
}

/// Whether there are calls that bypass the circuit: [`Bypassing`], or [`Never`]. Sealed.
pub trait Bypass: sealed::Sealed {
    /// Whether there are such calls.
    const IS_POSSIBLE: bool;

    /// The future `F` of such a call.
    type Of<F: TryFuture>: PollCall<F::Ok, F::Error>;

    /// Returns the call, which bypasses the circuit.
    fn of<F: TryFuture>(self, call: F) -> Self::Of<F>;
}

/// A future of a `Result`: every one is.
pub trait TryFuture: Future<Output = Result<Self::Ok, Self::Error>> {
    /// What it returns when the call succeeds.
    type Ok;
    /// What it returns when the call fails.
    type Error;
}

impl<F: Future<Output = Result<T, E>>, T, E> TryFuture for F {
    type Ok = T;
    type Error = E;
}

/// A call that bypasses the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is given or not")]
pub struct Bypassing;

/// Polls a call that goes past the circuit: a future, or [`Never`].
pub trait PollCall<T, E> {
    /// Polls the call.
    fn poll_call(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>>;
}

impl Bypass for Bypassing {
    const IS_POSSIBLE: bool = true;

    type Of<F: TryFuture> = F;

    fn of<F: TryFuture>(self, call: F) -> F {
        call
    }
}

impl Bypass for Never {
    const IS_POSSIBLE: bool = false;

    type Of<F: TryFuture> = Self;

    fn of<F: TryFuture>(self, _call: F) -> Self {
        self
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> PollCall<T, E> for F {
    fn poll_call(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        self.poll(cx)
    }
}

impl<T, E> PollCall<T, E> for Never {
    fn poll_call(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        match *self {}
    }
}

impl<P, M> BypassIf<P, M> {
    pub(crate) const fn new(bypasses: Arc<P>, completion: M) -> Self {
        Self { bypasses, completion }
    }
}

impl<P, M, C, Req, T, E> Complete<C, Req, T, E> for BypassIf<P, M>
where
    P: Fn(&Req) -> bool,
    M: Complete<C, Req, T, E>,
{
    type Call = M::Call;
    type Bypass = Bypassing;

    fn bypass(&self, request: &Req) -> Option<Bypassing> {
        let bypasses = (self.bypasses)(request) || self.completion.bypass(request).is_some();
        bypasses.then_some(Bypassing)
    }

    fn begin(&self, classify: &C, request: &Req) -> Self::Call {
        self.completion.begin(classify, request)
    }

    fn classify_unready(&self, classify: &C, result: &Result<T, E>) -> Outcome {
        self.completion.classify_unready(classify, result)
    }
}

impl<P, M: Innermost> Innermost for BypassIf<P, M> {
    type Base = M::Base;
    type With<N> = BypassIf<P, M::With<N>>;

    fn change<N>(self, change: impl FnOnce(M::Base) -> N) -> Self::With<N> {
        BypassIf::new(self.bypasses, self.completion.change(change))
    }
}

impl<P, M> sealed::Sealed for BypassIf<P, M> {}
impl sealed::Sealed for Bypassing {}
impl sealed::Sealed for Never {}

impl<P, M: Clone> Clone for BypassIf<P, M> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.bypasses), self.completion.clone())
    }
}

impl<P, M: fmt::Debug> fmt::Debug for BypassIf<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BypassIf")
            .field("bypasses", &type_name::<P>())
            .field("completion", &self.completion)
            .finish()
    }
}
