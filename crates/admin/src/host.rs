//! The host that a request was sent to, as far as nothing in it contradicts that, and the network it
//! came from.

use std::net::IpAddr;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The authority that was asked; an error where it cannot be read, or there are two: of those, a
/// proxy may have looked at the other.
pub(crate) fn host(parts: &Parts) -> Option<Result<Authority, ()>> {
    let sent = match only(&parts.headers, &HOST) {
        None if parts.headers.contains_key(HOST) => Some(Err(())),
        sent => sent.map(|host| Authority::try_from(host.as_bytes()).map_err(|_| ())),
    };
    let Some(target) = parts.uri.authority() else { return sent };
    match sent {
        None => Some(Ok(target.clone())),
        Some(Ok(sent)) if is_same(target, &sent) => Some(Ok(target.clone())),
        Some(_) => Some(Err(())),
    }
}

/// Whether both are one host and port; the port of http or https may be left out.
fn is_same(one: &Authority, other: &Authority) -> bool {
    let ports = [one.port_u16(), other.port_u16()];
    let is_same_port =
        ports[0] == ports[1] || matches!(ports, [None, Some(80 | 443)] | [Some(80 | 443), None]);
    is_same_port && one.host().eq_ignore_ascii_case(other.host())
}

/// The value of a header that is there once: of two, a proxy may have looked at the other.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// What counts as one peer: who has one address of IPv6 has its /64.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}
