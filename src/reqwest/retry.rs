//! Retries of requests of reqwest (feature `tower`).

use bytes::Bytes;
use reqwest::Body;

use crate::engine::outcome::Outcome;
use crate::error::ErrorChain;
use crate::http::{IdempotentRequests, ResendBody};
use crate::reqwest::ReqwestErrors;
use crate::service::completion::Filter;
use crate::service::retry::RetryPolicy;

/// Makes an [`http::retry`](crate::http::retry) for requests whose body is reqwest's.
///
/// It needs the feature `tower`, too. A call that is [not sent](Outcome::NotSent) by the caller's
/// own fault, such as one with an invalid URL, is not retried, and neither is one whose body is a
/// stream, which can be read once. A body of bytes is copied for each attempt but the last. The
/// service's error must be an [`ErrorChain`].
///
/// # Panics
///
/// Panics if `attempts` is zero.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower::ServiceBuilder;
/// use tower_circuit_breaker::{Circuit, reqwest as breaker};
///
/// let client = ServiceBuilder::new()
///     .retry(breaker::retry(3).max_wait(Duration::from_secs(2)))
///     .layer(breaker::layer(Circuit::builder("plants").build()))
///     .service(breaker::client(reqwest::Client::new()));
/// # async fn check<S: tower::Service<http::Request<reqwest::Body>>>(_: S) {}
/// # let _ = check(client);
/// ```
#[track_caller]
pub fn retry(attempts: u32) -> RetryPolicy<IdempotentRequests<ReqwestErrors>> {
    RetryPolicy::of(IdempotentRequests::new(), attempts)
}

#[diagnostic::do_not_recommend]
impl<E: ErrorChain> ResendBody<Body, E> for ReqwestErrors {
    fn clone_body(body: &Body) -> Option<Body> {
        // Reqwest keeps its own way to share them to itself.
        body.as_bytes().map(|bytes| Bytes::copy_from_slice(bytes).into())
    }

    fn is_final(error: &E) -> bool {
        Self::outcome(error) == Some(Outcome::NotSent)
    }
}
