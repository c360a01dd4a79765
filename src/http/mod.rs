//! HTTP and gRPC: outcomes at the end of the body, servers' hints, rejections as responses.
//!
//! With the feature `http`. An HTTP client returns its response when the head has come. The rest
//! may still break: a connection that is lost midway, a gRPC status in the trailers. [`layer`] and
//! [`grpc_layer`] make a [`CircuitBreakerLayer`] whose calls last until then: the permit moves into
//! the body.
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
//! So a call whose caller reads no body, such as one that looks at the status alone, counts as a
//! success. A body *owes* something while less has come than its one valid `Content-Length`
//! announced or, without one, while nothing has come (a stream of `text/event-stream` owes nothing:
//! its head may be all that comes for long). A reader *waits* from the first poll since the last
//! frame that found nothing, and has *waited in vain* when its last poll found nothing: a reader
//! that polls once and then works elsewhere counts as waiting, too.
//!
//! The head ends the wait for slow and stalled calls: a body that is read slowly, for whatever
//! reason, makes no slow call. Use a `body_deadline` for those. Under `abandoned_after`, which is
//! for callers that time out, an upload that its caller drops midway counts like any abandoned
//! call.
//!
//! Any classifier of the crate may judge the head: [`ServerErrorsAsFailures`],
//! [`StatusInRangeAsFailures`], [`GrpcErrorsAsFailures`], [`ReadBody`],
//! [`failure_if`](CircuitBreakerLayer::failure_if), closures over
//! `&Result<http::Response<B>, E>`, your own [`ClassifyHttp`] or, with the feature `tower-http-07`,
//! any `MakeClassifier` of tower-http. Without
//! [`judge_body`](CircuitBreakerLayer::judge_body) the first two judge by the head alone.
//!
//! Over hyper's client or reqwest use the layers of `hyper` and `reqwest` (features
//! `hyper-util-01` and `reqwest-013`), which classify the errors of these clients.
//!
//! A probe that was answered holds its slot until its body has ended, but for at most 1 s (or
//! [`abandoned_after`](crate::CircuitBuilder::abandoned_after), where that is set) after its head,
//! and never past its [`probe_timeout`](crate::CircuitBuilder::probe_timeout). Then it is judged as
//! if it were dropped, but of the waits above only the one for `abandoned_after` counts against it:
//! neither an endless stream of events nor a reader that does not read keeps a circuit half-open.
//! The rest of its body is not counted.
//!
//! A response that carries a [`Rejected`](crate::Rejected) among its extensions comes from a nested
//! circuit, and is [not sent](Outcome::NotSent).
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
//! A server, whose rejections are responses. The layer goes around handlers, by `route_layer` of
//! their route: [answers of the router itself](crate::guide::traps#the-routers-own-answers) say
//! nothing about what the handlers depend on.
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
#[cfg(feature = "tower")]
mod retry;
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
pub use self::completion::{AtEndOfBody, BodyCall, WaitForBody};
pub use self::grpc::{GrpcCode, GrpcEnd, GrpcErrorsAsFailures};
pub use self::hints::retry_after;
pub use self::host::ByHost;
pub use self::read_body::{ReadBody, ReadBodyEnd};
#[cfg(feature = "tonic-014")]
pub(crate) use self::respond::millis_up;
pub use self::respond::{RejectionBody, grpc_unavailable, problem_json, service_unavailable};
#[cfg(feature = "tower")]
pub use self::retry::{AnyClient, IdempotentRequests, ResendBody, retry};
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

/// Makes a layer with `circuit` for HTTP: 5xx, errors and broken bodies are failures.
///
/// The same as `CircuitBreakerLayer::new(circuit)` with [`ServerErrorsAsFailures`] and
/// [`judge_body`](CircuitBreakerLayer::judge_body).
///
/// **Not for gRPC**, whose failures are 200s with a `grpc-status` at the end: to this layer each of
/// them is a success, and the circuit [never opens](crate::guide::traps#https-layer-around-grpc).
/// Use [`grpc_layer`].
///
/// To ignore statuses that [say nothing about the
/// upstream](crate::guide::traps#statuses-that-are-no-word-of-the-upstream), use
/// [`ignoring_status`](CircuitBreakerLayer::ignoring_status).
pub fn layer(circuit: Circuit) -> CircuitBreakerLayer<ServerErrorsAsFailures, Typed, AtEndOfBody> {
    CircuitBreakerLayer::new(circuit).classify_with(ServerErrorsAsFailures::new()).judge_body()
}

/// Makes a layer with `circuit` for gRPC: server-side statuses and broken streams are failures.
///
/// Errors are failures, too. The same as [`layer`] with [`GrpcErrorsAsFailures`], which says what
/// each code counts as; pass that to `classify_with` to choose otherwise.
pub fn grpc_layer(
    circuit: Circuit,
) -> CircuitBreakerLayer<GrpcErrorsAsFailures, Typed, AtEndOfBody> {
    CircuitBreakerLayer::new(circuit).classify_with(GrpcErrorsAsFailures::new()).judge_body()
}

/// With the feature `http`.
impl<C, R, M: Innermost<Base = AtResult>, O> CircuitBreakerLayer<C, R, M, O> {
    /// Judges HTTP responses at the end of their bodies, where the head has not decided.
    ///
    /// The service's response becomes [`Response<ResponseBody<..>>`](ResponseBody); the classifier
    /// must be a [`ClassifyHttp`], which all of this crate's and closures are. See
    /// [`http`](crate::http).
    pub fn judge_body(self) -> CircuitBreakerLayer<C, R, M::With<AtEndOfBody>, O> {
        self.with(|handle, completion| {
            (handle, completion.change(|AtResult| AtEndOfBody::default()))
        })
    }
}

/// With the feature `http`.
impl<R, M, O> CircuitBreakerLayer<ServerErrorsAsFailures, R, M, O> {
    /// Ignores responses with a status in `statuses`; several calls add up.
    ///
    /// As [`ServerErrorsAsFailures::ignoring_status`] does.
    ///
    /// # Panics
    ///
    /// Panics if `statuses` is empty, or goes beyond 100 to 999.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, http as breaker};
    ///
    /// let layer = breaker::layer(Circuit::builder("plants").build())
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
impl<C, R, M: Innermost, O> CircuitBreakerLayer<C, R, M, O> {
    /// Sets the outcome of calls whose body has not ended by the time `after` its head.
    ///
    /// Whatever the body does later is not counted. [`Outcome::Success`] for streams that are
    /// endless by design, [`Outcome::Failure`] where a body that takes that long is a fault of the
    /// upstream. No timer runs: the time is checked when the body is polled or dropped, so a body
    /// that stalls for ever is judged when its reader drops it. Default: no deadline.
    pub fn body_deadline(
        self,
        after: Duration,
        outcome: Outcome,
    ) -> CircuitBreakerLayer<C, R, M::With<AtEndOfBody>, O>
    where
        M::Base: WaitForBody,
    {
        let deadline = |_| AtEndOfBody::with_deadline(after, outcome);
        self.with(|handle, completion| (handle, completion.change(deadline)))
    }
}
