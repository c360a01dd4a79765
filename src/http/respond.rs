//! Rejections as responses, for [`respond_with`](crate::CircuitBreakerLayer::respond_with).
//!
//! None of them is to be cached (`Cache-Control: no-store`): the next call may be admitted. None of
//! them names a time that is not known, as while the probes are in flight or an operator has forced
//! the circuit open.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderName, Response, StatusCode};

use crate::error::Rejected;
use crate::http::grpc::{GRPC_STATUS, GrpcCode};
use crate::http::hints::PUSHBACK;

/// A body that a rejection's response can have: an empty one of `()`, one with a text of `String`.
///
/// Every body that is `Default` can be empty, and every body that is `From<String>` can have a
/// text. For other bodies, such as hyper's `Incoming`, see the example.
///
/// # Examples
///
/// ```
/// use http_body_util::Empty;
/// use tower_circuit_breaker::http::{layer, service_unavailable};
/// use tower_circuit_breaker::{Circuit, Rejected};
///
/// /// Is never empty by default.
/// struct Page(Empty<&'static [u8]>);
///
/// fn unavailable(rejected: Rejected) -> http::Response<Page> {
///     service_unavailable::<()>(rejected).map(|()| Page(Empty::new()))
/// }
///
/// let layer = layer(Circuit::builder("pages").build()).respond_with(unavailable);
/// # let circuit = layer.circuit();
/// # circuit.trip();
/// # assert_eq!(unavailable(circuit.try_acquire().unwrap_err()).status(), 503);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}`, the body of a rejection, cannot be made of `{Content}`",
    note = "an empty body is made of `()` by `Default`, a text of a `String` by `From<String>`",
    note = "for another body, say how it is made: `.respond_with(|rejected: Rejected| \
            http::service_unavailable::<()>(rejected).map(|()| ..))`, or \
            `http::problem_json::<String>(rejected).map(|text| ..)`"
)]
pub trait RejectionBody<Content> {
    /// Returns a body with `content`.
    fn with(content: Content) -> Self;
}

#[diagnostic::do_not_recommend]
impl<B: Default> RejectionBody<()> for B {
    fn with((): ()) -> Self {
        Self::default()
    }
}

#[diagnostic::do_not_recommend]
impl<B: From<String>> RejectionBody<String> for B {
    fn with(content: String) -> Self {
        Self::from(content)
    }
}

/// Returns a 503 with an empty body and `Retry-After`; the [`Rejected`] is among its extensions.
///
/// `Retry-After` is [the time left](Rejected::retry_after) in whole seconds, rounded up. If that is
/// not known there is no such header. No cache may keep the response.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::http::{layer, service_unavailable};
/// use tower_circuit_breaker::{Circuit, Rejected};
///
/// let circuit = Circuit::builder("reports").build();
/// circuit.trip();
///
/// let response: http::Response<String> = service_unavailable(circuit.try_acquire().unwrap_err());
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["retry-after"], "30");
/// assert_eq!(response.extensions().get::<Rejected>().unwrap().circuit(), "reports");
/// # let _ = layer(circuit).respond_with(service_unavailable::<String>);
/// ```
#[must_use]
pub fn service_unavailable<B: RejectionBody<()>>(rejected: Rejected) -> Response<B> {
    let hint = retry_after(&rejected);
    respond(B::with(()), StatusCode::SERVICE_UNAVAILABLE, hint, rejected)
}

/// Returns a 503 as [`service_unavailable`] does, with the reason as `application/problem+json`.
///
/// The members ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) are `title`, `status`, `detail`
/// (the rejection in words), `circuit` and `reason`: the caller learns the name of the circuit.
#[must_use]
pub fn problem_json<B: RejectionBody<String>>(rejected: Rejected) -> Response<B> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let problem = serde_json::json!({
        "title": "Service Unavailable",
        "status": status.as_u16(),
        "detail": rejected.to_string(),
        "circuit": rejected.circuit(),
        "reason": rejected.reason().as_str(),
    });
    let of_problem = (CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let headers = retry_after(&rejected).into_iter().chain([of_problem]);
    respond(B::with(problem.to_string()), status, headers, rejected)
}

/// Returns a gRPC status `UNAVAILABLE` without a body ("trailers-only").
///
/// The [`Rejected`] is among its extensions, and no cache may keep it. `grpc-retry-pushback-ms` is
/// [the time left](Rejected::retry_after) in milliseconds, rounded up. If that is not known there
/// is no such header.
#[must_use]
pub fn grpc_unavailable<B: RejectionBody<()>>(rejected: Rejected) -> Response<B> {
    let pushback = rejected.retry_after().map(|left| (PUSHBACK, millis_up(left).into()));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
        (GRPC_STATUS, HeaderValue::from(GrpcCode::Unavailable as u16)),
        (GRPC_MESSAGE, HeaderValue::from_static("rejected by a circuit breaker")),
    ];
    respond(B::with(()), StatusCode::OK, headers.into_iter().chain(pushback), rejected)
}

fn respond<B>(
    body: B,
    status: StatusCode,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    rejected: Rejected,
) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(rejected);
    response
}

fn retry_after(rejected: &Rejected) -> Option<(HeaderName, HeaderValue)> {
    rejected.retry_after().map(|left| (RETRY_AFTER, seconds_up(left).into()))
}

fn seconds_up(wait: Duration) -> u64 {
    let rest = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(rest).max(1)
}

pub(crate) fn millis_up(wait: Duration) -> u64 {
    let millis = wait.as_nanos().div_ceil(1_000_000).max(1);
    // In gRPC it is a signed number of 32 bits.
    u64::try_from(millis).unwrap_or(u64::MAX).min(i32::MAX.unsigned_abs().into())
}

const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
