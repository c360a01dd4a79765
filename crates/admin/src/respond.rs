//! Responses, and the headers of each.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::body::AdminBody;
use crate::encode::to_json;
use crate::problem::Problem;

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const EVENTS: &str = "text/event-stream";

/// A response that goes on, which proxies are neither to collect nor to change.
pub(crate) fn stream(body: AdminBody) -> Response<AdminBody> {
    let mut response = respond(StatusCode::OK, EVENTS, body);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// A response that no browser keeps, frames, guesses the type of or tells others of.
pub(crate) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: AdminBody,
) -> Response<AdminBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.extend(GUARDING.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

pub(crate) fn ok(content_type: &'static str, body: impl Into<bytes::Bytes>) -> Response<AdminBody> {
    respond(StatusCode::OK, content_type, AdminBody::full(body))
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<AdminBody> {
    respond(status, JSON, AdminBody::full(to_json(value)))
}

/// A problem as RFC 9457 writes it.
pub(crate) fn problem(problem: Problem) -> Response<AdminBody> {
    let Problem { status, detail, header, .. } = problem;
    let body = json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let mut response = respond(status, PROBLEM, AdminBody::full(body.to_string()));
    response.headers_mut().extend(header);
    response
}

/// By which nginx is told not to collect an answer.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

const GUARDING: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
