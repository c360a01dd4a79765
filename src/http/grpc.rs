//! The classifier for gRPC.

use http::header::HeaderName;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;

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

/// The status codes of gRPC
/// ([list](https://grpc.github.io/grpc/core/md_doc_statuscodes.html)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these and no others")]
#[expect(missing_docs, reason = "their names say as much as gRPC does")]
pub enum GrpcCode {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
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

impl GrpcCode {
    const ALL: [(Self, &'static str); 17] = [
        (Self::Ok, "grpc_ok"),
        (Self::Cancelled, "grpc_cancelled"),
        (Self::Unknown, "grpc_unknown"),
        (Self::InvalidArgument, "grpc_invalid_argument"),
        (Self::DeadlineExceeded, "grpc_deadline_exceeded"),
        (Self::NotFound, "grpc_not_found"),
        (Self::AlreadyExists, "grpc_already_exists"),
        (Self::PermissionDenied, "grpc_permission_denied"),
        (Self::ResourceExhausted, "grpc_resource_exhausted"),
        (Self::FailedPrecondition, "grpc_failed_precondition"),
        (Self::Aborted, "grpc_aborted"),
        (Self::OutOfRange, "grpc_out_of_range"),
        (Self::Unimplemented, "grpc_unimplemented"),
        (Self::Internal, "grpc_internal"),
        (Self::Unavailable, "grpc_unavailable"),
        (Self::DataLoss, "grpc_data_loss"),
        (Self::Unauthenticated, "grpc_unauthenticated"),
    ];

    /// The code of this number, if it is one of gRPC's.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).map(|(code, _)| *code)
    }

    /// The name of the kind of failure, such as `"grpc_unavailable"`: what rules and metrics tell
    /// apart.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The `grpc-status` among `headers`; `UNKNOWN` where it is none of gRPC's.
    fn among(headers: &HeaderMap) -> Option<Self> {
        let status = headers.get(&GRPC_STATUS)?;
        let code = match status.as_bytes() {
            [ones @ b'0'..=b'9'] => Self::new(ones - b'0'),
            [b'1', ones @ b'0'..=b'6'] => Self::new(10 + ones - b'0'),
            _ => None,
        };
        Some(code.unwrap_or(Self::Unknown))
    }

    /// As gRPC's [mapping](https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md)
    /// has it, for responses without a `grpc-status`.
    const fn of_http(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::Internal,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            404 => Self::Unimplemented,
            429 | 502..=504 => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
