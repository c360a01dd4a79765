//! Completion: when a call is recorded, at its result or at the end of the response's body.
//!
//! Nearly every call is recorded [`AtResult`]. A call that has not ended with its result, such as
//! one that is answered by the head of an HTTP response, hands its [`Permit`] on with the response,
//! which records it at its end. The classifier is asked in both cases; [`Filtered`] looks at errors
//! before.

mod bypass;
mod filtered;

use std::task::Poll;

pub use self::bypass::{Bypass, BypassIf, Bypassing, PollCall, TryFuture};
#[cfg(feature = "hyper-util-01")]
pub(crate) use self::filtered::named;
pub use self::filtered::{Begin, Filter, Filtered, Ignoring, InChain, InError, NotSent};
use crate::circuit::classify::Classify;
use crate::circuit::permit::Permit;
use crate::engine::outcome::Outcome;
use crate::error::ErrorRef;

/// The decision on a call when its result has come: its outcome, or that its end decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is decided or not")]
pub enum Decision<L> {
    /// The result decides: the call counts as this outcome.
    Now(Outcome),
    /// The end of the response decides, by this value.
    AtEnd(L),
}

/// Completes calls: decides when and as what each is recorded.
///
/// Sealed: [`AtResult`] implements it, and so do the completions of the features.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot complete a call of `{Req}` with a `{T}`",
    note = "`http::layer`, `judge_body` and the layers for clients are for services from \
            `http::Request` to `http::Response`; a client with types of its own is converted \
            first: `reqwest::client(client)`, of the crate's module `reqwest`, is such a service",
    note = "or judge each call by its result alone: \
            `CircuitBreakerLayer::new(circuit).classify_by(|result: &Result<{T}, {E}>| ..)`"
)]
pub trait Complete<C, Req, T, E>: sealed::Sealed {
    /// The completion of one call.
    type Call: CompleteCall<C, T, E>;

    /// A call that bypasses the circuit; without a value where none does.
    type Bypass: Bypass;

    /// Returns a value if the call of `request` bypasses the circuit.
    fn bypass(&self, request: &Req) -> Option<Self::Bypass> {
        let _ = request;
        None
    }

    /// Begins a call.
    fn begin(&self, classify: &C, request: &Req) -> Self::Call;

    /// Returns the outcome of an error of `poll_ready`; `result` is never an `Ok`.
    fn classify_unready(&self, classify: &C, result: &Result<T, E>) -> Outcome;
}

/// Completes one call.
///
/// Sealed, as [`Complete`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot complete a call with a `Result<{T}, {E}>`",
    note = "see `Complete`, which begins the calls that the layer can complete"
)]
pub trait CompleteCall<C, T, E>: sealed::Sealed {
    /// The value that decides at the end of the response.
    type Later;
    /// The response of the guarded service.
    type Response;

    /// Returns what `result` decides. Asked once.
    fn decide(&mut self, classify: &C, result: &Result<T, E>) -> Decision<Self::Later>;

    /// Returns the outcome of an `error` about which the classifier is not to be asked.
    fn spared(error: &E) -> Option<Outcome> {
        let _ = error;
        None
    }

    /// Returns a reference to an `error` for [`last_error`](crate::CircuitBuilder::last_error), if
    /// the classifier gives one.
    fn error_ref<'e>(classify: &C, error: &'e E) -> Option<ErrorRef<'e>>;

    /// Returns the result of a call that is recorded. In its `Poll`, since moving it costs.
    fn completed<X>(polled: Poll<Result<T, X>>) -> Poll<Result<Self::Response, X>>;

    /// Returns a response that records the call, by its `permit`, when it ends.
    fn deferred(&self, response: T, permit: Permit, later: Self::Later) -> Self::Response;
}

/// A completion whose innermost one can be replaced.
///
/// Sealed, as [`Complete`].
pub trait Innermost: sealed::Sealed {
    /// The innermost completion.
    type Base;
    /// This completion around another innermost one.
    type With<N>;

    /// Replaces the innermost completion.
    fn change<N>(self, change: impl FnOnce(Self::Base) -> N) -> Self::With<N>;
}

/// Records a call in the poll that sees its result: the default.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct AtResult;

/// A type without values: of what never is.
///
/// A call recorded [`AtResult`] leaves nothing to decide later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it has no value")]
pub enum Never {}

impl<C: Classify<T, E>, Req, T, E> Complete<C, Req, T, E> for AtResult {
    type Call = Self;
    type Bypass = Never;

    #[inline]
    fn begin(&self, _classify: &C, _request: &Req) -> Self {
        Self
    }

    fn classify_unready(&self, classify: &C, result: &Result<T, E>) -> Outcome {
        classify.classify(result)
    }
}

impl<C: Classify<T, E>, T, E> CompleteCall<C, T, E> for AtResult {
    type Later = Never;
    type Response = T;

    #[inline]
    fn decide(&mut self, classify: &C, result: &Result<T, E>) -> Decision<Never> {
        Decision::Now(classify.classify(result))
    }

    fn error_ref<'e>(classify: &C, error: &'e E) -> Option<ErrorRef<'e>> {
        classify.error_ref(error)
    }

    #[inline]
    fn completed<X>(polled: Poll<Result<T, X>>) -> Poll<Result<T, X>> {
        polled
    }

    fn deferred(&self, _response: T, _permit: Permit, later: Never) -> T {
        match later {}
    }
}

impl Innermost for AtResult {
    type Base = Self;
    type With<N> = N;

    fn change<N>(self, change: impl FnOnce(Self) -> N) -> N {
        change(self)
    }
}

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}

    impl Sealed for super::AtResult {}
}
