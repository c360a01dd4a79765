//! What is served as it is: the page, and the description of the paths.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use crate::body::AdminBody;
use crate::respond::{HTML, JSON, respond};

/// The page: one file, which asks nobody else for anything.
pub(crate) fn page(parts: &Parts) -> Response<AdminBody> {
    let mut page = unless_known(parts, HTML, PAGE);
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    page
}

/// The description of the paths.
pub(crate) fn openapi(parts: &Parts) -> Response<AdminBody> {
    unless_known(parts, JSON, OPENAPI)
}

/// `text`, or 304 where the caller has it already. It says nothing of the circuits, so it may be
/// kept; but it is asked for each time, for another release may serve another.
fn unless_known(
    parts: &Parts,
    content_type: &'static str,
    text: &'static str,
) -> Response<AdminBody> {
    let tag = tag(text);
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
fn tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether `If-None-Match` lists `tag`; a proxy that compresses may have made it a weak one.
fn lists(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

const OPENAPI: &str = include_str!("openapi.json");

const PAGE: &str = include_str!("page.html");

/// The page's own script and style by their hashes, and nothing else from anywhere. A test of the
/// page says which hashes belong here when it has changed.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     script-src 'sha256-1f1ZvVUKPxFjs5J7/WdRDKZjDksK/Y+XqIfIF+bFXSM='; \
     style-src 'sha256-wdalQFwkRnR6LJTQpOi4JIe6IepbpFb0GMficn+LI2M='";
