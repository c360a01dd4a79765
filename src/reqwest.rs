//! Classification of the errors of reqwest (feature `reqwest-013`).
//!
//! An error of a client need not be the upstream's fault: a caller may break its own upload, or ask
//! for an invalid URL. [`layer`] makes a [`CircuitBreakerLayer`] that distinguishes the two;
//! [`ClientErrors`] is the same as a classifier.
//!
//! | what happens | the call counts as |
//! |---|---|
//! | the request cannot be built: its URL, a header, its body | [not sent](Outcome::NotSent) |
//! | an error that [`hyper`], on which reqwest is built, counts as not sent | not sent |
//! | connecting fails, by the resolver or by TLS too, or takes too long | a failure of kind [`CONNECT`](http::CONNECT) |
//! | the whole request, or reading from the upstream, takes too long | a failure of kind [`TIMEOUT`](http::TIMEOUT) |
//! | the body of the response breaks off, or cannot be decoded | a failure of kind [`BODY`](http::BODY) |
//! | the upstream closes or resets the connection, too many redirects, and anything else | a failure of kind [`OTHER`](FailureKind::OTHER) |
//!
//! Without it each of these is a failure of kind `other`, except for a rejection and a response's
//! body. A pooled connection that has gone stale before anything was sent does not reach the
//! circuit: reqwest uses another one by itself. [What cannot be told
//! apart](crate::hyper#what-cannot-be-told-apart) is the same as with hyper, and two things more: a
//! request that was redirected counts here, whichever host has failed; so does one whose time ended
//! while its own upload was still to come.
//!
//! # Where it stands
//!
//! [`layer`] is for services with the types of the crate `http`, as every layer of [`http`] is, and
//! [`client()`] makes one of reqwest's client. What reqwest's own builder makes becomes such a
//! request by `try_from`, with its timeout; [`into_response`] turns the response back into one of
//! reqwest:
//!
//! ```
//! use http::Request;
//! use reqwest::Client;
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_circuit_breaker::{Circuit, reqwest as breaker};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let reqwest = Client::new();
//! # let reqwest = Client::builder().no_proxy().build()?;
//! let client = ServiceBuilder::new()
//!     .map_response(breaker::into_response)
//!     .layer(breaker::layer(Circuit::builder("plants").build()))
//!     .service(breaker::client(reqwest.clone()));
//!
//! # let app = axum::Router::new()
//! #     .route("/oak", axum::routing::get(|| async { axum::response::Redirect::to("/tree/7") }))
//! #     .route("/tree/7", axum::routing::get(|| async { "an oak" }));
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let oak = format!("http://{}/oak", listener.local_addr()?);
//! # tokio::spawn(axum::serve(listener, app).into_future());
//! let call = Request::try_from(reqwest.get(oak).build()?)?;
//! let response = client.oneshot(call).await?.error_for_status()?;
//! assert_eq!(response.url().path(), "/tree/7");
//! assert_eq!(response.text().await?, "an oak");
//! # Ok(())
//! # }
//! ```
//!
//! Without `into_response`, [`url`] reads where a response came from.
//!
//! Around the client itself, which is a tower service of reqwest's own types, the head alone can be
//! judged, and a closure says what its status counts as:
//!
//! ```
//! use reqwest::{Client, Error, Response};
//! use tower::ServiceBuilder;
//! use tower_circuit_breaker::http::STATUS;
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, FailureKind, Outcome};
//! use tower_circuit_breaker::reqwest::ClientErrors;
//!
//! # fn main() -> reqwest::Result<()> {
//! let by_status = |result: &Result<Response, Error>| match result {
//!     Ok(response) if response.status().is_server_error() => Outcome::Failure(STATUS),
//!     Ok(_) => Outcome::Success,
//!     Err(_) => Outcome::Failure(FailureKind::OTHER),
//! };
//! let circuit = Circuit::builder("plants").build();
//! let client = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(circuit).classify_with(ClientErrors::around(by_status)))
//!     .service(Client::builder().build()?);
//! # async fn check<S: tower::Service<reqwest::Request>>(_: S) {}
//! # let _ = check(client);
//! # Ok(())
//! # }
//! ```

mod client;
#[cfg(feature = "tower")]
mod retry;

use std::error::Error as StdError;

use reqwest::Error;

pub use self::client::{HttpClient, HttpClientFuture, client, into_response, url};
#[cfg(feature = "tower")]
pub use self::retry::retry;
use crate::circuit::Circuit;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::{ErrorChain, find_source};
use crate::http;
use crate::http::{AtEndOfBody, ServerErrorsAsFailures};
use crate::hyper;
use crate::service::completion::{Filter, Filtered, sealed};
use crate::service::layer::CircuitBreakerLayer;
use crate::service::rejection::Typed;

/// The filter for errors of reqwest, and of hyper, on which it is built.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct ReqwestErrors;

/// The classifier of reqwest's errors, which leaves all other results to the classifier `C`.
pub type ClientErrors<C = ServerErrorsAsFailures> = http::ClientErrors<ReqwestErrors, C>;

/// Makes an [`http::layer`] that classifies the errors of reqwest, too.
///
/// It still does so after [`failure_if`](CircuitBreakerLayer::failure_if), which adds failures, or
/// [`classify_with`](CircuitBreakerLayer::classify_with), which sets what else is a failure. The
/// service's error must be an [`ErrorChain`]: reqwest's own, or boxed by other layers in between.
pub fn layer(
    circuit: Circuit,
) -> CircuitBreakerLayer<ServerErrorsAsFailures, Typed, Filtered<ReqwestErrors, AtEndOfBody>> {
    http::layer(circuit).filtered()
}

impl<E: ErrorChain> Filter<E> for ReqwestErrors {
    fn outcome(error: &E) -> Option<Outcome> {
        let first = error.first()?;
        let is_not_sent = outermost(first).is_some_and(Error::is_builder);
        (is_not_sent || hyper::is_not_sent(first)).then_some(Outcome::NotSent)
    }

    fn kind(error: &E) -> FailureKind {
        error.first().map_or(FailureKind::OTHER, kind)
    }
}

impl sealed::Sealed for ReqwestErrors {}

/// The outermost error of reqwest: one within it may have come from the body of the request.
fn outermost<'a>(first: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    find_source(first)
}

fn kind(first: &(dyn StdError + 'static)) -> FailureKind {
    match outermost(first) {
        Some(error) if error.is_connect() => http::CONNECT,
        Some(error) if error.is_timeout() => http::TIMEOUT,
        Some(error) if error.is_body() || error.is_decode() => http::BODY,
        _ => hyper::kind(first),
    }
}
