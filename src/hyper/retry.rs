//! Retries of requests of hyper's clients (feature `tower`).

use crate::engine::outcome::Outcome;
use crate::error::ErrorChain;
use crate::http::{IdempotentRequests, ResendBody};
use crate::hyper::HyperErrors;
use crate::service::completion::Filter;
use crate::service::retry::RetryPolicy;

/// Makes an [`http::retry`](crate::http::retry) that knows the errors of hyper's clients, too.
///
/// It needs the feature `tower`, too. A call that is [not sent](Outcome::NotSent) by the caller's
/// own fault, such as a body that breaks off, is not retried. The service's error must be an
/// [`ErrorChain`].
///
/// # Panics
///
/// Panics if `attempts` is zero.
#[track_caller]
pub fn retry(attempts: u32) -> RetryPolicy<IdempotentRequests<HyperErrors>> {
    RetryPolicy::of(IdempotentRequests::new(), attempts)
}

#[diagnostic::do_not_recommend]
impl<B: Clone, E: ErrorChain> ResendBody<B, E> for HyperErrors {
    fn clone_body(body: &B) -> Option<B> {
        Some(body.clone())
    }

    fn is_final(error: &E) -> bool {
        Self::outcome(error) == Some(Outcome::NotSent)
    }
}
