//! Answers that a caller may keep.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use crate::body::AdminBody;
use crate::respond::respond;

/// Bytes with a tag: others have another.
#[derive(Debug)]
pub(crate) struct Tagged {
    bytes: Bytes,
    tag: String,
}

impl Tagged {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let tag = format!("\"{:016x}\"", hasher.finish());
        Self { bytes, tag }
    }

    /// The bytes, or 304 where the caller has them already. They say nothing that changes with calls,
    /// so they may be kept; but they are asked for each time, for the next may be others.
    pub(crate) fn unless_known(
        &self,
        parts: &Parts,
        content_type: &'static str,
    ) -> Response<AdminBody> {
        let has_it = parts.headers.get_all(IF_NONE_MATCH).iter().any(|known| self.is_in(known));
        let mut response = match has_it {
            true => respond(StatusCode::NOT_MODIFIED, content_type, AdminBody::full("")),
            false => respond(StatusCode::OK, content_type, AdminBody::full(self.bytes.clone())),
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::try_from(&self.tag) {
            headers.insert(ETAG, tag);
        }
        response
    }

    /// Whether `If-None-Match` lists the tag; a proxy that compresses may have made it a weak one.
    fn is_in(&self, known: &HeaderValue) -> bool {
        let mut listed = known.to_str().unwrap_or_default().split(',').map(str::trim);
        listed.any(|one| one == "*" || one.trim_start_matches("W/") == self.tag)
    }
}
