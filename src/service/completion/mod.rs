//! When a call is recorded: as soon as its result is there, or later, by what the result brings.
//!
//! Nearly every call is settled [`AtResult`]. A call whose end is not in its result, such as one that
//! answers with the head of an HTTP response, hands its [`Permit`] on with the response, which
//! settles it at its end. Before either the classifier is asked; what is [`Filtered`] looks at
//! errors first.

mod filtered;

use std::task::Poll;

#[cfg(feature = "hyper-util-01")]
pub(crate) use self::filtered::named;
pub use self::filtered::{Begin, Filter, Filtered, Ignoring, InChain, InError, NotSent};
use crate::circuit::classify::Classify;
use crate::circuit::permit::Permit;
use crate::engine::outcome::Outcome;

/// What is known of a call when its result is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is decided or not")]
pub enum Decision<L> {
    /// The result decides.
    Now(Outcome),
    /// What comes after it decides, as this says.
    AtEnd(L),
}

/// How calls are settled.
///
/// Sealed: [`AtResult`] implements it, and the settlements of the features.
pub trait Complete<C, Req, T, E>: sealed::Sealed {
    /// What settles one call.
    type Call: CompleteCall<C, T, E>;

    /// Begins a call.
    fn begin(&self, classify: &C, request: &Req) -> Self::Call;

    /// What an error of `poll_ready` is worth; `result` is never an `Ok`.
    fn classify_unready(&self, classify: &C, result: &Result<T, E>) -> Outcome;
}

/// How one call is settled.
///
/// Sealed, as [`Complete`].
pub trait CompleteCall<C, T, E>: sealed::Sealed {
    /// What decides later.
    type Later;
    /// The response that the service around the circuit gives.
    type Response;

    /// What `result` decides. Asked once.
    fn decide(&mut self, classify: &C, result: &Result<T, E>) -> Decision<Self::Later>;

    /// What `error` counts as before the classifier is asked, if it says nothing of the upstream.
    fn spared(error: &E) -> Option<Outcome> {
        let _ = error;
        None
    }

    /// A result with nothing left to settle. As it was polled, since moving it costs.
    fn completed<X>(polled: Poll<Result<T, X>>) -> Poll<Result<Self::Response, X>>;

    /// A response that settles the call, which `permit` stands for.
    fn deferred(&self, response: T, permit: Permit, later: Self::Later) -> Self::Response;
}

/// What is around the innermost completion, that another may take its place.
///
/// Sealed, as [`Complete`].
pub trait Innermost: sealed::Sealed {
    /// The innermost completion.
    type Base;
    /// The same with another one.
    type With<N>;

    /// Changes the innermost completion.
    fn change<N>(self, change: impl FnOnce(Self::Base) -> N) -> Self::With<N>;
}

/// A call is recorded in the poll that saw its result: the default.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct AtResult;

/// Never comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it has no value")]
pub enum Never {}

impl<C: Classify<T, E>, Req, T, E> Complete<C, Req, T, E> for AtResult {
    type Call = Self;

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
