//! The host of a request as a key.

use std::borrow::Cow;

use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, Uri};

use crate::keyed::Key;

/// Gives each host and port a circuit of its own, for [`keyed`](crate::keyed).
///
/// From the URI or else the `Host` header, in a normal form for each upstream: in lower case,
/// without the dot at the end of a host, without the user, and without the port that the scheme
/// implies (80, and 443 for `https`). Requests without a readable host share the key `"-"`.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::http::ByHost;
/// use tower_circuit_breaker::keyed::Key;
///
/// let request = http::Request::get("https://API.example.com.:443/plants").body(()).unwrap();
/// assert_eq!(ByHost.key(&request), "api.example.com");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a name for a rule, without settings")]
pub struct ByHost;

impl<B> Key<Request<B>> for ByHost {
    fn key<'a>(&self, request: &'a Request<B>) -> Cow<'a, str> {
        let uri = request.uri();
        if let Some(authority) = uri.authority() {
            return normal(authority.host(), port(uri, authority));
        }
        let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        match header.and_then(|host| host.parse::<Authority>().ok()) {
            Some(authority) => {
                Cow::Owned(normal(authority.host(), port(uri, &authority)).into_owned())
            }
            None => Cow::Borrowed(NO_HOST),
        }
    }
}

const NO_HOST: &str = "-";

/// The port, unless it is the one that the scheme implies.
fn port(uri: &Uri, authority: &Authority) -> Option<u16> {
    let implied = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    authority.port_u16().filter(|port| *port != implied)
}

fn normal(host: &str, port: Option<u16>) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_lower = !host.bytes().any(|byte| byte.is_ascii_uppercase());
    match port {
        _ if host.is_empty() => Cow::Borrowed(NO_HOST),
        None if is_lower => Cow::Borrowed(host),
        None => Cow::Owned(host.to_ascii_lowercase()),
        Some(port) => Cow::Owned(format!("{}:{port}", host.to_ascii_lowercase())),
    }
}
