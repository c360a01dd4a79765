//! Answers that a caller may keep.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use crate::body::AdminBody;
use crate::respond::respond;

/// `text`, or 304 where the caller has it already. It says nothing that changes with calls, so it may
/// be kept; but it is asked for each time, for the next may be another.
pub(crate) fn unless_known(
    parts: &Parts,
    content_type: &'static str,
    text: impl Into<Bytes>,
) -> Response<AdminBody> {
    let text = text.into();
    let tag = tag(&text);
    let has_it = parts.headers.get_all(IF_NONE_MATCH).iter().any(|known| lists(known, &tag));
    let mut response = match has_it {
        true => respond(StatusCode::NOT_MODIFIED, content_type, AdminBody::full("")),
        false => respond(StatusCode::OK, content_type, AdminBody::full(text)),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// The tag of `text`: another text has another.
fn tag(text: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether `If-None-Match` lists `tag`; a proxy that compresses may have made it a weak one.
fn lists(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
