//! The verdict at the end of the body, hints of the server, and rejections as responses (feature
//! `http`).
//!
//! The response of an HTTP client is there when its head is. What comes after may still break: a
//! connection that is lost midway, a gRPC status in the trailers. [`layer`] and [`grpc_layer`] make
//! a [`CircuitBreakerLayer`] whose calls go on until then: the permit moves into the body.
//!
//! # What a body counts as
//!
//! | what happens | the call counts as |
//! |---|---|
//! | the head is a failure by its status, or ignored, or the service returns an error | that, at once |
//! | `HEAD`, `CONNECT`, 1xx, 204, 304 without a failing status | a success at once: there is no body, or no longer HTTP |
//! | the body ends: trailers, `None`, `is_end_stream()` after a frame or from the start or, over HTTP/1, the last byte of its `Content-Length` | what the end says: a success, but for a gRPC status |
//! | the body gives an error | a failure of kind [`BODY`] |
//! | the body is dropped before its end | a success, as its head said ([`ClassifyEnd::classify_left`]), but for the next two rows |
//! | … after its reader had waited in vain for 1 s or more, for what the body owes | nothing (abandoned); as a probe, ignored |
//! | … after its reader had waited in vain for [`abandoned_after`](crate::CircuitBuilder::abandoned_after) or more, whatever the body owes | a failure of kind [`FailureKind::ABANDONED`](crate::FailureKind::ABANDONED) |
//! | the body is still read or held after its [`body_deadline`](CircuitBreakerLayer::body_deadline) | what was set there |
//!
//! So callers that read no body, such as those that look at the status alone, say that the upstream
//! is well. A body *owes* something while less has come than its one valid `Content-Length` announced
//! or, without one, while nothing has come (a stream of `text/event-stream` owes nothing: its head may
//! be all for long). A reader *waits* from the first poll since the last frame that found nothing,
//! and has *waited in vain* when its last poll found nothing: a reader who polls once and then works
//! elsewhere counts as waiting, too.
//!
//! The head ends the wait for slow and stalled calls: a body that is read slowly, by whoever's
//! fault, makes no slow call. A `body_deadline` is for those. Under `abandoned_after`, which is for
//! callers that time out, an upload that its caller gives up midway counts like any call that was
//! given up.
//!
//! Any classifier of the crate may judge the head: [`ServerErrorsAsFailures`],
//! [`StatusInRangeAsFailures`], [`GrpcErrorsAsFailures`], [`ReadBody`],
//! [`failure_if`](CircuitBreakerLayer::failure_if), closures over
//! `&Result<http::Response<B>, E>`, your own [`ClassifyHttp`] or, with the feature `tower-http`,
//! any `MakeClassifier` of that crate. Without
//! [`judge_body`](CircuitBreakerLayer::judge_body) the first two judge by the head alone.
//!
//! Over hyper's client or reqwest take the layers of `hyper` and `reqwest` (features
//! `hyper-util-01` and `reqwest-013`), which know what the errors of these clients mean.
//!
//! A probe that was answered holds its slot until its body has ended, but for at most 1 s (or
//! [`abandoned_after`](crate::CircuitBuilder::abandoned_after), where that is set) after its head, and
//! never past its [`probe_timeout`](crate::CircuitBuilder::probe_timeout). Then it is judged as if it
//! were dropped, where of the waits above only that for `abandoned_after` counts against it: neither an
//! endless stream of events nor a reader that does not read keeps a circuit half-open. What its body
//! does later is not counted.
//!
//! A response that carries a [`Rejected`](crate::Rejected) among its extensions comes from a
//! circuit further in, and is [not sent](Outcome::NotSent).
//!
//! # Examples
//!
//! A client, whose rejections are errors:
//!
//! ```
//! use http::{Request, Response, StatusCode};
//! use http_body_util::{BodyExt, Full};
//! use hyper::body::Bytes;
//! use tower::{BoxError, Layer, ServiceExt, service_fn};
//! use tower_circuit_breaker::http::{ServerErrorsAsFailures, layer};
//! use tower_circuit_breaker::{Circuit, CircuitState};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let circuit = Circuit::builder("plants").consecutive_failures(1).build();
//! let client = layer(circuit.clone())
//!     .classify_with(ServerErrorsAsFailures::new().heed_retry_after())
//!     .boxed()
//!     .layer(service_fn(|_: Request<()>| async {
//!         let body = Full::new(Bytes::from_static(b"rose"));
//!         Ok::<_, BoxError>(Response::new(body))
//!     }));
//!
//! let response = client.oneshot(Request::new(())).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(circuit.snapshot().totals.successes, 0, "not yet");
//!
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "rose");
//! assert_eq!(circuit.snapshot().totals.successes, 1);
//! # Ok(())
//! # }
//! ```
//!
//! A server, whose rejections are responses. The layer goes around handlers, by `route_layer` of their
//! route: [answers of the router itself](crate::guide::traps#the-routers-own-answers) are no word of
//! what the handlers depend on.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_circuit_breaker::Circuit;
//! use tower_circuit_breaker::http::{layer, service_unavailable};
//!
//! let breaker = layer(Circuit::builder("reports").build()).respond_with(service_unavailable);
//! let app: Router =
//!     Router::new().route("/report", get(|| async { "fine" }).route_layer(breaker));
//! # let _ = app;
//! ```

mod body;
mod classify;
#[cfg(feature = "hyper-util-01")]
mod client;
mod completion;
mod grpc;
mod hints;
mod host;
mod judging;
mod read_body;
mod respond;
mod slices;
mod status;
#[cfg(feature = "tower-http-07")]
mod tower_http;
mod watch;

use std::ops::RangeBounds;
use std::time::Duration;

pub use self::body::ResponseBody;
pub use self::classify::{
    BODY, BodyErrorsAsFailures, CONNECT, ClassifyEnd, ClassifyHttp, Left, TIMEOUT,
};
#[cfg(feature = "hyper-util-01")]
pub use self::client::ClientErrors;
pub use self::completion::{AtEndOfBody, BodyCall};
pub use self::grpc::{GrpcCode, GrpcEnd, GrpcErrorsAsFailures};
pub use self::hints::retry_after;
pub use self::host::ByHost;
pub use self::read_body::{ReadBody, ReadBodyEnd};
pub use self::respond::{grpc_unavailable, problem_json, service_unavailable};
use self::status::status_codes;
pub use self::status::{STATUS, ServerErrorsAsFailures, StatusInRangeAsFailures};
#[cfg(feature = "tower-http-07")]
pub use self::tower_http::{TowerHttp, TowerHttpEnd};
use crate::circuit::Circuit;
use crate::engine::outcome::Outcome;
use crate::service::completion::{AtResult, Innermost};
use crate::service::layer::CircuitBreakerLayer;
use crate::service::rejection::Typed;
use crate::sync::Arc;

/// A layer around `circuit` for HTTP: 5xx, errors and broken bodies are failures.
///
/// The same as `CircuitBreakerLayer::new(circuit)` with [`ServerErrorsAsFailures`] and
/// [`judge_body`](CircuitBreakerLayer::judge_body).
///
/// **Not for gRPC**, whose failures are 200s with a `grpc-status` at the end: to this layer each of
/// them is a success, and the circuit [never opens](crate::guide::traps#https-layer-around-grpc). Use
/// [`grpc_layer`].
///
/// Statuses that are [no word of the
/// upstream](crate::guide::traps#statuses-that-are-no-word-of-the-upstream) can be left out by
/// [`ignoring_status`](CircuitBreakerLayer::ignoring_status).
pub fn layer(circuit: Circuit) -> CircuitBreakerLayer<ServerErrorsAsFailures, Typed, AtEndOfBody> {
    CircuitBreakerLayer::new(circuit).classify_with(ServerErrorsAsFailures::new()).judge_body()
}

/// A layer around `circuit` for gRPC: statuses that blame the server, errors and broken streams are
/// failures.
///
/// The same as [`layer`] with [`GrpcErrorsAsFailures`], which says what each code counts as; give
/// that to `classify_with` to choose otherwise.
pub fn grpc_layer(
    circuit: Circuit,
) -> CircuitBreakerLayer<GrpcErrorsAsFailures, Typed, AtEndOfBody> {
    CircuitBreakerLayer::new(circuit).classify_with(GrpcErrorsAsFailures::new()).judge_body()
}

/// With the feature `http`.
impl<C, R, M: Innermost<Base = AtResult>> CircuitBreakerLayer<C, R, M> {
    /// Judges HTTP responses at the end of their bodies, where the head has not decided.
    ///
    /// The service's response becomes [`Response<ResponseBody<..>>`](ResponseBody); the classifier
    /// must be a [`ClassifyHttp`], which all of this crate's and closures are. See
    /// [`http`](crate::http).
    pub fn judge_body(self) -> CircuitBreakerLayer<C, R, M::With<AtEndOfBody>> {
        self.with(|handle, completion| {
            (handle, completion.change(|AtResult| AtEndOfBody::default()))
        })
    }
}

/// With the feature `http`.
impl<R, M> CircuitBreakerLayer<ServerErrorsAsFailures, R, M> {
    /// Ignores responses with a status in `statuses`, as
    /// [`ServerErrorsAsFailures::ignoring_status`] does. Several calls add up.
    ///
    /// # Panics
    ///
    /// When `statuses` is empty, or goes beyond 100 to 999.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, http};
    ///
    /// let layer = http::layer(Circuit::builder("plants").build())
    ///     .ignoring_status(401..=403)
    ///     .ignoring_status(404..=404);
    /// # let _ = layer;
    /// ```
    #[track_caller]
    pub fn ignoring_status(self, statuses: impl RangeBounds<u16>) -> Self {
        let statuses = status_codes(&statuses);
        self.with(|handle, completion| {
            let classify = handle.classify().clone().ignoring_status(statuses);
            (handle.with_classify(Arc::new(classify)), completion)
        })
    }
}

/// With the feature `http`.
impl<C, R, M: Innermost<Base = AtEndOfBody>> CircuitBreakerLayer<C, R, M> {
    /// Judges a body that has not ended `after` its head came as `outcome`, whatever follows.
    ///
    /// [`Outcome::Success`] for streams that are endless by design,
    /// [`Outcome::Failure`] where a body that takes so long is a fault of the upstream. No timer
    /// runs: the time is looked at when the body is polled or dropped, so a body that stalls for
    /// ever is judged when its reader gives up. Default: none.
    pub fn body_deadline(
        self,
        after: Duration,
        outcome: Outcome,
    ) -> CircuitBreakerLayer<C, R, M::With<AtEndOfBody>> {
        let deadline = |_| AtEndOfBody::with_deadline(after, outcome);
        self.with(|handle, completion| (handle, completion.change(deadline)))
    }
}
