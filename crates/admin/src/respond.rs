//! The headers of every response.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::body::AdminBody;

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json";
pub(crate) const PROBLEM: &str = "application/problem+json";
pub(crate) const EVENTS: &str = "text/event-stream";

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

/// `value` as JSON; its types have names for members and nothing else that could fail.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

const GUARDING: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
