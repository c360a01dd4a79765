//! The classifier for gRPC.

mod code;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;

pub(super) use self::code::GRPC_STATUS;
pub use self::code::GrpcCode;
use crate::classify::{Classify, ErrorsAsFailures};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::http::classify::{BODY, ClassifyEnd, ClassifyHttp};
use crate::http::hints::{Hints, pushback, retry_after};
use crate::settlement::Settlement;

/// Every gRPC status but `OK` is a failure, of the kind that [`GrpcCode::as_str`] names, and so are
/// errors, except rejections; chosen codes are successes.
///
/// Which status counts:
///
/// | `grpc-status` | the call was worth |
/// |---|---|
/// | among the headers (a "trailers-only" response), whatever the trailers say | that code, at once |
/// | among the trailers alone, HTTP status 200 | that code, at the end |
/// | nowhere, HTTP status 200 | `UNKNOWN`, at the end |
/// | not among the headers, another HTTP status | the code that gRPC has for it, at once: 400 `INTERNAL`, 401 `UNAUTHENTICATED`, 403 `PERMISSION_DENIED`, 404 `UNIMPLEMENTED`, 429, 502, 503 and 504 `UNAVAILABLE`, others `UNKNOWN` |
/// | not a number from 0 to 16, or not written as gRPC does: `00`, ` 0` | `UNKNOWN` |
///
/// A stream that breaks is a failure of kind [`BODY`]. The statuses that say "the caller was wrong"
/// ([`NotFound`](GrpcCode::NotFound), [`InvalidArgument`](GrpcCode::InvalidArgument) and the like)
/// say nothing against the upstream: choose those that your calls may meet.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::http::{GrpcCode, GrpcErrorsAsFailures, grpc_layer};
/// use tower_circuit_breaker::Circuit;
///
/// let layer = grpc_layer(Circuit::builder("greeter").build()).classify_with(
///     GrpcErrorsAsFailures::new()
///         .with_success(GrpcCode::NotFound)
///         .with_success(GrpcCode::InvalidArgument)
///         .heed_pushback(),
/// );
/// # let _ = layer;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct GrpcErrorsAsFailures {
    /// A bit for each code that is a success.
    successes: u32,
    hints: Hints,
}

/// What the trailers of a gRPC response are worth; from [`GrpcErrorsAsFailures`].
#[derive(Debug, Clone, Copy)]
pub struct GrpcEnd {
    classify: GrpcErrorsAsFailures,
}

impl GrpcErrorsAsFailures {
    /// `OK` alone is a success.
    #[must_use]
    pub const fn new() -> Self {
        Self { successes: GrpcCode::Ok.bit(), hints: Hints::Unheeded }
    }

    /// Counts `code` as a success, too.
    #[must_use]
    pub const fn with_success(self, code: GrpcCode) -> Self {
        Self { successes: self.successes | code.bit(), ..self }
    }

    /// Opens the circuit for as long as a failed call asks in `grpc-retry-pushback-ms`, beside its
    /// status, or an HTTP 429 or 503 without a `grpc-status` in `Retry-After`, at once.
    ///
    /// The longest that an upstream can ask for is the circuit's
    /// [`longest_trip_for`](crate::CircuitBuilder::longest_trip_for), 1 h by default. Zero, negative
    /// and malformed values ask for nothing. Default: not heeded.
    #[must_use]
    pub const fn heed_pushback(self) -> Self {
        Self { hints: Hints::Heeded, ..self }
    }

    fn classify_code(self, code: GrpcCode, headers: &HeaderMap) -> Outcome {
        if self.successes & code.bit() != 0 {
            return Outcome::Success;
        }
        match self.hints.heed(|| pushback(headers)) {
            Some(wait) => Outcome::TripFor(wait),
            None => Outcome::Failure(FailureKind::new(code.as_str())),
        }
    }

    fn classify_response<B>(self, response: &Response<B>) -> Settlement<GrpcEnd> {
        let (status, headers) = (response.status(), response.headers());
        if let Some(code) = GrpcCode::among(headers) {
            return Settlement::Now(self.classify_code(code, headers));
        }
        if status == StatusCode::OK {
            return Settlement::Later(GrpcEnd { classify: self });
        }
        let asks =
            status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
        let hint = self.hints.heed(|| retry_after(headers).filter(|_| asks));
        Settlement::Now(match hint {
            Some(wait) => Outcome::TripFor(wait),
            None => self.classify_code(GrpcCode::of_http(status), headers),
        })
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

    fn classify_head(&self, (): (), result: &Result<Response<B>, E>) -> Settlement<GrpcEnd> {
        match result {
            Ok(response) => self.classify_response(response),
            Err(_) => Settlement::Now(ErrorsAsFailures.classify(result)),
        }
    }

    fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
        ErrorsAsFailures.classify(error)
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
        self.classify.classify_code(code, trailers)
    }
}
