//! The classifier for gRPC.

mod code;

use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;

pub(super) use self::code::GRPC_STATUS;
pub use self::code::GrpcCode;
use crate::circuit::classify::{Classify, ErrorsAsFailures};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::ErrorRef;
use crate::http::classify::{BODY, ClassifyEnd, ClassifyHttp};
use crate::http::hints::{Hints, pushback, retry_after};
use crate::service::completion::Decision;

/// The classifier that counts server-side gRPC statuses and errors as failures.
///
/// A failure has the kind that [`GrpcCode::as_str`] names; rejections are not sent.
///
/// | code | counts as | why |
/// |---|---|---|
/// | `UNKNOWN`, `DEADLINE_EXCEEDED`, `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS` | failure | the server, or the way to it, is at fault: [Envoy] and [linkerd] count these, too |
/// | `RESOURCE_EXHAUSTED` | failure | the server has no room for more. [linkerd's breaker] has it lower the success rate; to Envoy it is a 429, and no failure. Where it is a caller's own quota, ignore it |
/// | `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `FAILED_PRECONDITION`, `ABORTED`, `OUT_OF_RANGE` | success | the server works, and refuses this request. Envoy and linkerd agree |
/// | `PERMISSION_DENIED`, `UNAUTHENTICATED`, `UNIMPLEMENTED` | success | as 403, 401 and 404 by HTTP: one caller without a right would open the circuit for all. linkerd counts the first as a failure, Envoy the last, its 501. Where something before the server says so, ignore them |
/// | `CANCELLED` | ignored | [typically by the caller][codes]: it says nothing about the server. To Envoy and linkerd, which ignore nothing, it is no failure; [Finagle] has the class `Ignored` for such ends |
/// | `OK` | success | always |
///
/// [tower-http] and [Linkerd 1], on Finagle, count every code but `OK` as a failure: with them a
/// client that asks for something that does not exist opens the circuit.
/// [`with_failure`](Self::with_failure), [`with_success`](Self::with_success) and
/// [`ignoring_code`](Self::ignoring_code) change single codes.
///
/// Which status counts:
///
/// | `grpc-status` | the call counts as |
/// |---|---|
/// | among the headers (a "trailers-only" response), whatever the trailers say | that code, at once |
/// | among the trailers alone, HTTP status 200 | that code, at the end |
/// | nowhere, HTTP status 200 | `UNKNOWN`, at the end |
/// | not among the headers, another HTTP status | the code that gRPC has for it, at once: 400 `INTERNAL`, 401 `UNAUTHENTICATED`, 403 `PERMISSION_DENIED`, 404 `UNIMPLEMENTED`, 429, 502, 503 and 504 `UNAVAILABLE`, others `UNKNOWN` |
/// | not a number from 0 to 16, or not written as gRPC does: `00`, ` 0` | `UNKNOWN` |
///
/// A stream that breaks is a failure of kind [`BODY`].
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::http::{GrpcCode, GrpcErrorsAsFailures, grpc_layer};
/// use tower_circuit_breaker::Circuit;
///
/// let layer = grpc_layer(Circuit::builder("greeter").build()).classify_with(
///     GrpcErrorsAsFailures::new()
///         .with_failure(GrpcCode::Aborted)
///         .ignoring_code(GrpcCode::Unauthenticated)
///         .heed_pushback(),
/// );
/// # let _ = layer;
/// ```
///
/// [Envoy]: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier#grpc
/// [linkerd]: https://github.com/linkerd/linkerd2-proxy/blob/main/linkerd/proxy/client-policy/src/grpc.rs
/// [linkerd's breaker]: https://github.com/linkerd/linkerd2-proxy/blob/main/linkerd/app/outbound/src/http/breaker/unified.rs
/// [codes]: https://grpc.github.io/grpc/core/md_doc_statuscodes.html
/// [Finagle]: https://twitter.github.io/finagle/docs/com/twitter/finagle/service/ResponseClassifier$.html
/// [tower-http]: https://docs.rs/tower-http/0.7/tower_http/classify/struct.GrpcErrorsAsFailures.html
/// [Linkerd 1]: https://github.com/linkerd/linkerd/issues/2183
#[derive(Debug, Clone, Copy)]
pub struct GrpcErrorsAsFailures {
    /// A bit for each code that is a failure.
    failures: u32,
    /// A bit for each code that is ignored; the others are successes.
    ignored: u32,
    hints: Hints,
}

/// The classifier of the end of one gRPC response; from [`GrpcErrorsAsFailures`].
#[derive(Debug, Clone, Copy)]
pub struct GrpcEnd {
    classify: GrpcErrorsAsFailures,
}

impl GrpcErrorsAsFailures {
    /// Makes a classifier by which server-side codes are failures and `CANCELLED` is ignored.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: 0, ignored: 0, hints: Hints::Unheeded }
            .with_failure(GrpcCode::Unknown)
            .with_failure(GrpcCode::DeadlineExceeded)
            .with_failure(GrpcCode::ResourceExhausted)
            .with_failure(GrpcCode::Internal)
            .with_failure(GrpcCode::Unavailable)
            .with_failure(GrpcCode::DataLoss)
            .ignoring_code(GrpcCode::Cancelled)
    }

    /// Counts `code` as a failure.
    ///
    /// The last setting for a code holds, here and below.
    ///
    /// # Panics
    ///
    /// Panics if `code` is `OK`: that is a success.
    #[must_use]
    #[track_caller]
    pub const fn with_failure(self, code: GrpcCode) -> Self {
        code.must_be_an_error();
        let Self { failures, ignored, hints } = self.with_success(code);
        Self { failures: failures | code.bit(), ignored, hints }
    }

    /// Counts `code` as a success: the server answers, and works.
    #[must_use]
    pub const fn with_success(self, code: GrpcCode) -> Self {
        let others = !code.bit();
        Self { failures: self.failures & others, ignored: self.ignored & others, ..self }
    }

    /// Ignores `code`: it says nothing about the server's health.
    ///
    /// # Panics
    ///
    /// Panics if `code` is `OK`: that is a success.
    #[must_use]
    #[track_caller]
    pub const fn ignoring_code(self, code: GrpcCode) -> Self {
        code.must_be_an_error();
        let Self { failures, ignored, hints } = self.with_success(code);
        Self { failures, ignored: ignored | code.bit(), hints }
    }

    /// Opens the circuit at once for as long as a failed call asks in `grpc-retry-pushback-ms`.
    ///
    /// The header or trailer beside its status. An HTTP 429 or 503 without a `grpc-status` asks in
    /// `Retry-After`.
    ///
    /// The longest that an upstream can ask for is the circuit's
    /// [`max_trip_for`](crate::CircuitBuilder::max_trip_for), 1 h by default. Zero, negative
    /// and malformed values ask for nothing. Default: not heeded.
    #[must_use]
    pub const fn heed_pushback(self) -> Self {
        Self { hints: Hints::Heeded, ..self }
    }

    /// The outcome of `code`; a failure that asks for a time opens the circuit for that time.
    fn classify_code(self, code: GrpcCode, hint: impl FnOnce() -> Option<Duration>) -> Outcome {
        if self.ignored & code.bit() != 0 {
            return Outcome::Ignored;
        }
        if self.failures & code.bit() == 0 {
            return Outcome::Success;
        }
        match self.hints.heed(hint) {
            Some(wait) => Outcome::TripFor(wait),
            None => Outcome::Failure(FailureKind::new(code.as_str())),
        }
    }

    fn classify_response<B>(self, response: &Response<B>) -> Decision<GrpcEnd> {
        let (status, headers) = (response.status(), response.headers());
        if let Some(code) = GrpcCode::among(headers) {
            return Decision::Now(self.classify_code(code, || pushback(headers)));
        }
        if status == StatusCode::OK {
            return Decision::AtEnd(GrpcEnd { classify: self });
        }
        let refuses = matches!(status.as_u16(), 429 | 503);
        let asked = || refuses.then(|| retry_after(headers)).flatten();
        let code = GrpcCode::of_http(status);
        Decision::Now(self.classify_code(code, || asked().or_else(|| pushback(headers))))
    }
}

impl Default for GrpcErrorsAsFailures {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Body, E: 'static> ClassifyHttp<B, E> for GrpcErrorsAsFailures {
    type Call = ();
    type End = GrpcEnd;

    fn begin<R>(&self, _request: &Request<R>) {}

    fn classify_head(&self, (): (), result: &Result<Response<B>, E>) -> Decision<GrpcEnd> {
        match result {
            Ok(response) => self.classify_response(response),
            Err(_) => Decision::Now(ErrorsAsFailures.classify(result)),
        }
    }

    fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
        ErrorsAsFailures.classify(error)
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        Some(ErrorRef::of(error))
    }
}

impl<E> ClassifyEnd<E> for GrpcEnd {
    fn classify_end(self, end: Result<Option<&HeaderMap>, &E>) -> Outcome {
        let Ok(trailers) = end else {
            return Outcome::Failure(BODY);
        };
        let none = HeaderMap::new();
        let trailers = trailers.unwrap_or(&none);
        let code = GrpcCode::among(trailers).unwrap_or(GrpcCode::Unknown);
        self.classify.classify_code(code, || pushback(trailers))
    }
}
