//! The host that a request was sent to, as far as nothing in it contradicts that.

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The authority that was asked; an error where it cannot be read, or there are two.
pub(crate) fn host(parts: &Parts) -> Option<Result<Authority, ()>> {
    let host = only(&parts.headers, &HOST);
    if host.is_none() && parts.headers.contains_key(HOST) {
        return Some(Err(()));
    }
    if let Some(authority) = parts.uri.authority() {
        return Some(Ok(authority.clone()));
    }
    host.map(|host| Authority::try_from(host.as_bytes()).map_err(|_| ()))
}

/// The value of a header that is there once: of two, a proxy may have looked at the other.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}
