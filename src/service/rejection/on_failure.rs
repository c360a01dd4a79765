//! The fallback for rejected and for failed calls.

use std::any::type_name;
use std::fmt;
use std::future::Future;

use crate::error::Rejected;
use crate::service::rejection::{Answer, Recover};

/// Answers rejected calls, and calls that failed, with another call.
///
/// From [`fallback_on_failure`](crate::CircuitBreakerLayer::fallback_on_failure).
#[derive(Clone, Copy)]
pub struct FallbackOnFailure<F>(F);

/// Why a fallback is called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a call is admitted or not")]
pub enum FallbackCause<T, E> {
    /// The circuit rejected the call; the inner service was not called.
    Rejected(Rejected),
    /// The call was made, and counts as a failure: its error, or the response that is one.
    Failed(Result<T, E>),
}

/// A copy of the request of a call, until it has ended.
pub struct KeptRequest<Req>(Option<Req>);

impl<F> FallbackOnFailure<F> {
    pub(crate) const fn new(fallback: F) -> Self {
        Self(fallback)
    }
}

impl<F, Fut, Req, T, E> Answer<Req, T, E> for FallbackOnFailure<F>
where
    F: Fn(Req, FallbackCause<T, E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    Req: Clone,
{
    type Future = Fut;
    type Kept = KeptRequest<Req>;

    fn keep(&self, request: &Req) -> KeptRequest<Req> {
        KeptRequest(Some(request.clone()))
    }

    fn answer(&self, request: Req, rejected: Rejected) -> Fut {
        (self.0)(request, FallbackCause::Rejected(rejected))
    }
}

impl<F, Fut, Req, T, E> Recover<KeptRequest<Req>, T, E, Fut> for FallbackOnFailure<F>
where
    F: Fn(Req, FallbackCause<T, E>) -> Fut,
{
    const RECOVERS: bool = true;

    fn recover(&self, kept: &mut KeptRequest<Req>, result: Result<T, E>) -> Fut {
        let request = kept.0.take().expect("a call ends once");
        (self.0)(request, FallbackCause::Failed(result))
    }
}

impl<F> fmt::Debug for FallbackOnFailure<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FallbackOnFailure").field(&type_name::<F>()).finish()
    }
}

impl<Req> fmt::Debug for KeptRequest<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptRequest").finish_non_exhaustive()
    }
}
