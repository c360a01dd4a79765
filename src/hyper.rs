//! Classification of the errors of hyper's clients (feature `hyper-util-01`).
//!
//! An error of a client need not be the upstream's fault: a caller may break its own upload.
//! [`layer`] makes a [`CircuitBreakerLayer`] for a stack over hyper-util's legacy client that
//! distinguishes the two; [`ClientErrors`] is the same as a classifier.
//!
//! | what happens | the call counts as |
//! |---|---|
//! | the body of the request breaks off, or is shorter than its `Content-Length`, over HTTP/1 | [not sent](Outcome::NotSent) |
//! | the body of the request breaks off over HTTP/2 | not sent |
//! | a request that cannot be sent: its URI has no host, its version or method is not supported | not sent |
//! | a [`Rejected`] of a nested circuit, in a connector too | not sent |
//! | connecting fails, by the resolver or by TLS too, or takes too long | a failure of kind [`CONNECT`](http::CONNECT) |
//! | an attempt takes too long: an elapsed timeout of tower or tokio, of a socket, or hyper's own | a failure of kind [`TIMEOUT`](http::TIMEOUT) |
//! | the body of the response breaks off | a failure of kind [`BODY`](http::BODY), as without this |
//! | the upstream closes or resets the connection, and anything else | a failure of kind [`OTHER`](FailureKind::OTHER) |
//!
//! Without it each of these is a failure of kind `other`, except for the rejection and the
//! response's body, and callers that break their uploads open the circuit for all callers.
//!
//! # Stale connections
//!
//! A pooled connection that has gone stale before anything was sent does not reach the circuit: the
//! client makes the call over another connection by itself, unless
//! [`retry_canceled_requests`](https://docs.rs/hyper-util/0.1/hyper_util/client/legacy/struct.Builder.html#method.retry_canceled_requests)
//! is off. Leave it on.
//!
//! # What cannot be told apart
//!
//! In doubt the call counts as a failure, except in the last case:
//!
//! - a connection closed once the request was on its way: by an upstream that was about to close an
//!   idle connection, or by one that broke down over this call. A failure.
//! - with `retry_canceled_requests` off, a stale connection and an upstream that closes each
//!   connection as soon as it is made. A failure.
//! - over HTTP/2, a `Content-Length` that the body does not match, for which the upstream resets
//!   the stream. A failure.
//! - a URI whose scheme the connector does not know, or whose host does not exist. A failure to
//!   connect.
//! - an upload that breaks once the response's head has come, and takes the response's body with
//!   it. A failure of kind `body`.
//! - over HTTP/2, a connection that the client itself closes, with all calls that share it, once frames
//!   have come for 1,024 streams that it had reset: one for each reader who leaves a body midway. A
//!   failure of each of these calls, unless
//!   [`http2_max_local_error_reset_streams`](https://docs.rs/hyper-util/0.1/hyper_util/client/legacy/struct.Builder.html#method.http2_max_local_error_reset_streams)
//!   is `None`.
//! - a sender of an upload that stops because the upstream does not read on. **Not sent**: put a
//!   timeout inside the circuit, shorter than the one of the sender.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http_body_util::Full;
//! use hyper_util::client::legacy::Client;
//! use hyper_util::rt::TokioExecutor;
//! use tower::load_shed::error::Overloaded;
//! use tower::{BoxError, ServiceBuilder};
//! use tower_circuit_breaker::{Circuit, hyper as breaker};
//!
//! let plants = Circuit::builder("plants").build();
//! let client = ServiceBuilder::new()
//!     .layer(breaker::layer(plants).not_sent::<Overloaded>().boxed())
//!     .load_shed()
//!     .concurrency_limit(100)
//!     .timeout(Duration::from_secs(5))
//!     .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
//! # async fn check<S: tower::Service<http::Request<Full<Bytes>>, Error = BoxError>>(_: S) {}
//! # let _ = check(client);
//! ```

#[cfg(feature = "tower")]
mod retry;

use std::error::Error as StdError;
use std::io;

use hyper::Error as HyperError;
use hyper_util::client::legacy::Error as LegacyError;

#[cfg(feature = "tower")]
pub use self::retry::retry;
use crate::circuit::Circuit;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::{ErrorChain, Rejected, find_source, sources};
use crate::http;
use crate::http::{AtEndOfBody, ServerErrorsAsFailures};
use crate::service::completion::{Filter, Filtered, sealed};
use crate::service::layer::CircuitBreakerLayer;
use crate::service::rejection::Typed;

/// The filter for errors of hyper and of hyper-util's legacy client.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct HyperErrors;

/// The classifier of hyper's errors, which leaves all other results to the classifier `C`.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::http::{ServerErrorsAsFailures, layer};
/// use tower_circuit_breaker::{Circuit, hyper as breaker};
///
/// let heeding = ServerErrorsAsFailures::new().heed_retry_after();
/// let layer = layer(Circuit::builder("plants").build())
///     .classify_with(breaker::ClientErrors::around(heeding));
/// # let _ = layer;
/// ```
pub type ClientErrors<C = ServerErrorsAsFailures> = http::ClientErrors<HyperErrors, C>;

/// Makes an [`http::layer`] that classifies the errors of hyper's clients, too.
///
/// It still does so after [`failure_if`](CircuitBreakerLayer::failure_if), which adds failures, or
/// [`classify_with`](CircuitBreakerLayer::classify_with), which sets what else is a failure. The
/// service's error must be an [`ErrorChain`]: the client's own, or boxed by other layers in
/// between.
pub fn layer(
    circuit: Circuit,
) -> CircuitBreakerLayer<ServerErrorsAsFailures, Typed, Filtered<HyperErrors, AtEndOfBody>> {
    http::layer(circuit).filtered()
}

impl<E: ErrorChain> Filter<E> for HyperErrors {
    fn outcome(error: &E) -> Option<Outcome> {
        let first = error.first()?;
        is_not_sent(first).then_some(Outcome::NotSent)
    }

    fn kind(error: &E) -> FailureKind {
        error.first().map_or(FailureKind::OTHER, kind)
    }
}

impl sealed::Sealed for HyperErrors {}

/// Whether the call was not sent, or not whole, by no fault of the upstream.
pub(crate) fn is_not_sent(first: &(dyn StdError + 'static)) -> bool {
    find_source::<Rejected>(first).is_some()
        || sources(first).find_map(is_callers_fault).unwrap_or_default()
}

/// Whether `error` is the caller's fault; `None` if it does not say so, and its source may.
///
/// The outermost error of hyper decides: the errors within it may have come from the body of the
/// request, which may be the body of another client's response.
fn is_callers_fault(error: &(dyn StdError + 'static)) -> Option<bool> {
    if let Some(error) = error.downcast_ref::<LegacyError>() {
        return match error.source() {
            _ if error.is_connect() => Some(false),
            // This kind has all other errors that are not about the request itself.
            None => Some(true),
            Some(_) => None,
        };
    }
    let error = error.downcast_ref::<HyperError>()?;
    // Over HTTP/2 the reset of the stream says whose body broke.
    Some(error.is_user() || find_source(error).is_some_and(is_of_this_side))
}

/// Whether a stream was ended by its user here, neither by the other side nor by the protocol.
fn is_of_this_side(error: &h2::Error) -> bool {
    let is_of_user = !error.is_remote() && !error.is_library() && !error.is_io();
    is_of_user && (error.is_reset() || error.reason().is_none())
}

/// The kind of failure by the type of the error and of its sources.
pub(crate) fn kind(first: &(dyn StdError + 'static)) -> FailureKind {
    let is_connect = |error: &LegacyError| error.is_connect();
    if find_source(first).is_some_and(is_connect) {
        http::CONNECT
    } else if sources(first).any(is_timeout) {
        http::TIMEOUT
    } else {
        FailureKind::OTHER
    }
}

fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    error.is::<tower::timeout::error::Elapsed>()
        || error.is::<tokio::time::error::Elapsed>()
        || error.downcast_ref().is_some_and(HyperError::is_timeout)
        || error.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::TimedOut)
}
