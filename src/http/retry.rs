//! Retries of HTTP requests (feature `tower`).

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use http::{Request, Response, StatusCode};

use crate::error::Rejected;
use crate::http::hints::retry_after;
use crate::service::completion::sealed;
use crate::service::retry::{RetryPolicy, Retryable};

/// Makes a [`RetryPolicy`] for HTTP of at most `attempts` for each call, the first included.
///
/// It needs the feature `tower`, too. Retries a request whose method is idempotent ([RFC 9110,
/// section 9.2.2](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2): GET, HEAD, OPTIONS, TRACE,
/// PUT and DELETE), after an error and after a response of 408, 429, 500, 502, 503 or 504. What a
/// 429 or 503 asks for in `Retry-After` is heeded up to [`max_wait`](RetryPolicy::max_wait); with
/// its default of zero such a response is returned at once. A rejection is not retried, in whatever
/// form it comes: as an error, or as a response of [`respond_with`].
///
/// [`repeat_if`](RetryPolicy::repeat_if) names other requests, [`retry_if`](RetryPolicy::retry_if)
/// other results. Bodies of requests must be `Clone`; for those of reqwest there is
/// `reqwest::retry`.
///
/// Only the head of a response is seen: a body that breaks later is the reader's to ask for again.
/// Not for gRPC, whose calls are all POST, and whose status comes at the end.
///
/// # Panics
///
/// Panics if `attempts` is zero.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use tower::ServiceBuilder;
/// use tower_circuit_breaker::{Circuit, http as breaker};
///
/// let client = ServiceBuilder::new()
///     .retry(breaker::retry(3).max_wait(Duration::from_secs(2)))
///     .layer(breaker::layer(Circuit::builder("plants").build()).boxed())
///     .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
/// # async fn check<S: tower::Service<http::Request<Full<Bytes>>>>(_: S) {}
/// # let _ = check(client);
/// ```
///
/// [`respond_with`]: crate::CircuitBreakerLayer::respond_with
#[track_caller]
pub fn retry(attempts: u32) -> RetryPolicy<IdempotentRequests> {
    RetryPolicy::of(IdempotentRequests::new(), attempts)
}

/// Retries idempotent HTTP requests after errors and transient statuses; from [`retry`].
///
/// `K` is [`AnyClient`], or `HyperErrors` of the module `hyper`, or `ReqwestErrors` of the module
/// `reqwest`.
pub struct IdempotentRequests<K = AnyClient> {
    client: PhantomData<fn() -> K>,
}

/// A client of which nothing is known: its bodies are `Clone`, and any error is retried.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct AnyClient;

/// What is known of a client whose requests have a body `B`, and whose errors are an `E`.
///
/// Sealed: [`AnyClient`] implements it, and so do `HyperErrors` and `ReqwestErrors`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send a request whose body is `{B}` again",
    note = "`http::retry` and `hyper::retry` ask for a body that is `Clone`, `reqwest::retry` for \
            `reqwest::Body`",
    note = "for other bodies implement `Retryable`, and begin with \
            `RetryPolicy::of(rules, attempts)`"
)]
pub trait ResendBody<B, E>: sealed::Sealed {
    /// Returns a copy of `body`, if it can be sent again.
    fn clone_body(body: &B) -> Option<B>;

    /// Returns whether `error` is the caller's own, and comes again. Default: no.
    fn is_final(error: &E) -> bool {
        let _ = error;
        false
    }
}

impl<K> IdempotentRequests<K> {
    pub(crate) const fn new() -> Self {
        Self { client: PhantomData }
    }
}

#[diagnostic::do_not_recommend]
impl<B: Clone, E> ResendBody<B, E> for AnyClient {
    fn clone_body(body: &B) -> Option<B> {
        Some(body.clone())
    }
}

impl sealed::Sealed for AnyClient {}

#[diagnostic::do_not_recommend]
impl<K, B, A, E> Retryable<Request<B>, Response<A>, E> for IdempotentRequests<K>
where
    K: ResendBody<B, E>,
{
    fn clone_request(&self, request: &Request<B>) -> Option<Request<B>> {
        let mut copy = Request::new(K::clone_body(request.body())?);
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        *copy.version_mut() = request.version();
        copy.headers_mut().clone_from(request.headers());
        copy.extensions_mut().clone_from(request.extensions());
        Some(copy)
    }

    fn is_repeatable(&self, request: &Request<B>) -> bool {
        request.method().is_idempotent()
    }

    fn is_worth_retry(&self, result: &Result<Response<A>, E>) -> bool {
        match result {
            Ok(response) => is_transient(response.status()),
            Err(error) => !K::is_final(error),
        }
    }

    fn retry_after(&self, result: &Result<Response<A>, E>) -> Option<Duration> {
        let response = result.as_ref().ok()?;
        let refuses = matches!(response.status().as_u16(), 429 | 503);
        refuses.then(|| retry_after(response.headers())).flatten()
    }

    fn rejected<'a>(&self, response: &'a Response<A>) -> Option<&'a Rejected> {
        response.extensions().get()
    }
}

/// Whether another attempt may get a better answer, as [Google's clients] see it.
///
/// [Google's clients]: https://cloud.google.com/storage/docs/retry-strategy#retryable
fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504)
}

impl<K> Default for IdempotentRequests<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> Clone for IdempotentRequests<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for IdempotentRequests<K> {}

impl<K> fmt::Debug for IdempotentRequests<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IdempotentRequests").field(&std::any::type_name::<K>()).finish()
    }
}
