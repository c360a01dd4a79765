//! Rejections as responses, for [`respond_with`](crate::CircuitBreakerLayer::respond_with).

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderName, Response, StatusCode};

use crate::error::Rejected;
use crate::http::grpc::{GRPC_STATUS, GrpcCode};
use crate::http::hints::PUSHBACK;

/// A 503 with `Retry-After` and an empty body; the [`Rejected`] is among its extensions.
///
/// `Retry-After` is the time left in whole seconds, rounded up, and 1 where that is not known.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::http::{layer, service_unavailable};
/// use tower_circuit_breaker::{Circuit, Rejected};
///
/// let circuit = Circuit::builder("reports").build();
/// circuit.force_open();
///
/// let response: http::Response<String> = service_unavailable(circuit.try_acquire().unwrap_err());
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["retry-after"], "1");
/// assert_eq!(response.extensions().get::<Rejected>().unwrap().circuit(), "reports");
/// # let _ = layer(circuit).respond_with(service_unavailable::<String>);
/// ```
#[must_use]
pub fn service_unavailable<B: Default>(rejected: Rejected) -> Response<B> {
    let seconds = HeaderValue::from(seconds_up(wait(&rejected)));
    let status = StatusCode::SERVICE_UNAVAILABLE;
    respond(B::default(), status, [(RETRY_AFTER, seconds)], rejected)
}

/// A 503 as [`service_unavailable`], whose body says why, as `application/problem+json`
/// ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
///
/// The members are `title`, `status`, `detail` (the rejection in words), `circuit` and `reason`: it
/// tells the caller the name of the circuit.
#[must_use]
pub fn problem_json<B: From<String>>(rejected: Rejected) -> Response<B> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let problem = serde_json::json!({
        "title": "Service Unavailable",
        "status": status.as_u16(),
        "detail": rejected.to_string(),
        "circuit": rejected.circuit(),
        "reason": rejected.reason().as_str(),
    });
    let headers = [
        (RETRY_AFTER, HeaderValue::from(seconds_up(wait(&rejected)))),
        (CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
    ];
    respond(B::from(problem.to_string()), status, headers, rejected)
}

/// A gRPC status `UNAVAILABLE` without a body ("trailers-only"), with `grpc-retry-pushback-ms`; the
/// [`Rejected`] is among its extensions.
///
/// The pushback is the time left in milliseconds, rounded up, and a second where that is not known.
#[must_use]
pub fn grpc_unavailable<B: Default>(rejected: Rejected) -> Response<B> {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
        (GRPC_STATUS, HeaderValue::from(GrpcCode::Unavailable as u16)),
        (GRPC_MESSAGE, HeaderValue::from_static("rejected by a circuit breaker")),
        (PUSHBACK, HeaderValue::from(millis_up(wait(&rejected)))),
    ];
    respond(B::default(), StatusCode::OK, headers, rejected)
}

fn respond<B, const N: usize>(
    body: B,
    status: StatusCode,
    headers: [(HeaderName, HeaderValue); N],
    rejected: Rejected,
) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response.extensions_mut().insert(rejected);
    response
}

/// When to come again; a second where nobody knows: probes under way end soon.
fn wait(rejected: &Rejected) -> Duration {
    rejected.retry_after().unwrap_or(Duration::from_secs(1))
}

fn seconds_up(wait: Duration) -> u64 {
    let rest = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(rest).max(1)
}

fn millis_up(wait: Duration) -> u64 {
    let millis = wait.as_nanos().div_ceil(1_000_000).max(1);
    // gRPC has 32 bits with a sign for it.
    u64::try_from(millis).unwrap_or(u64::MAX).min(i32::MAX.unsigned_abs().into())
}

const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
