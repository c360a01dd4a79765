//! Which callers may ask for what.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::attempts::Attempts;
use crate::problem::{Problem, quoted};
use crate::read_body::LIMIT;
use crate::token::Token;

/// What decides which callers may read and which may give commands.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) hosts: Hosts,
    pub(crate) token: Option<Token>,
    pub(crate) control: Control,
    pub(crate) peer: PeerOf,
    pub(crate) attempts: Attempts,
}

/// Which callers may give commands, where there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Off,
    ByLoopback,
    ByAnyone,
}

/// The names that this service may be asked by.
#[derive(Debug)]
pub(crate) enum Hosts {
    Any,
    /// These in lower case, those of the loopback, and every address: only a name can be rebound.
    Named(Vec<String>),
}

/// Finds the address of the peer among what the server has noted.
pub(crate) struct PeerOf(pub(crate) Box<dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync>);

impl Guard {
    /// Refuses names that are not ours: a foreign page may have bound its own to our address.
    pub(crate) fn check_host(&self, parts: &Parts) -> Result<(), Problem> {
        let Hosts::Named(names) = &self.hosts else { return Ok(()) };
        let host = match host(parts) {
            // No browser leaves it out.
            None => return Ok(()),
            Some(host) => host.map_err(|()| Problem::bad_request("the Host cannot be read"))?,
        };
        let name = host.host().trim_end_matches('.').to_ascii_lowercase();
        if is_address(&name) || name == "localhost" || names.contains(&name) {
            return Ok(());
        }
        let detail = format!(
            "this service does not answer to {}: allow that name with `allow_host`",
            quoted(&name)
        );
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
    }

    /// Whether the request shows the token, or none is asked for.
    pub(crate) fn check_token(&self, parts: &Parts) -> Result<(), Problem> {
        let Some(token) = &self.token else { return Ok(()) };
        let Some(shown) = bearer(&parts.headers) else { return Err(Problem::unauthorized()) };
        let peer = self.peer(parts);
        if let Some(wait) = self.attempts.wait(peer) {
            return Err(Problem::too_many_attempts(wait));
        }
        if token.is(shown) {
            return Ok(());
        }
        self.attempts.count(peer);
        Err(Problem::unauthorized())
    }

    /// Whether a token is asked for and the request shows none.
    pub(crate) fn is_anonymous(&self, parts: &Parts) -> bool {
        self.token.is_some() && bearer(&parts.headers).is_none()
    }

    /// Whether the request may change something; the token is checked already.
    pub(crate) fn check_control(&self, parts: &Parts) -> Result<(), Problem> {
        self.check_right(parts)?;
        check_origin(parts)?;
        check_body(&parts.headers)
    }

    fn check_right(&self, parts: &Parts) -> Result<(), Problem> {
        match self.control {
            Control::Off => {
                Err(Problem::forbidden("control is off: switch it on with `AdminBuilder::control`"))
            }
            Control::ByLoopback if self.token.is_none() => match self.peer(parts) {
                Some(peer) if peer.is_loopback() => Ok(()),
                Some(_) => Err(Problem::forbidden(
                    "without a token only this machine may steer: set one with \
                     `AdminBuilder::token`",
                )),
                None => Err(Problem::forbidden(
                    "the server does not tell who asks, and there is no token: set \
                     `AdminBuilder::token` or `AdminBuilder::peer`",
                )),
            },
            Control::ByLoopback | Control::ByAnyone => Ok(()),
        }
    }

    /// The caller's address, if the server gives it.
    pub(crate) fn peer(&self, parts: &Parts) -> Option<IpAddr> {
        (self.peer.0)(&parts.extensions).map(|peer| peer.ip().to_canonical())
    }
}

/// Refuses what a page of another origin has sent.
fn check_origin(parts: &Parts) -> Result<(), Problem> {
    let foreign = || Problem::forbidden("sent by a page of another origin: use this service's own");
    let mut sites = parts.headers.get_all(SEC_FETCH_SITE).iter();
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    let is_own_site = |site: &HeaderValue| site == "same-origin" || site == "none";
    let is_own = sites.all(is_own_site) && origins.all(|origin| is_own_origin(origin, parts));
    if is_own { Ok(()) } else { Err(foreign()) }
}

fn is_own_origin(origin: &HeaderValue, parts: &Parts) -> bool {
    // The scheme may differ from ours behind a proxy that ends TLS.
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    match (origin, host(parts)) {
        (Some((_, origin)), Some(Ok(host))) => host.as_str().eq_ignore_ascii_case(origin),
        _ => false,
    }
}

/// Refuses what a form could send, and what is too large before any of it is read.
fn check_body(headers: &HeaderMap) -> Result<(), Problem> {
    if !only(headers, &CONTENT_TYPE).is_some_and(is_json) {
        let detail = "send a JSON body, with `Content-Type: application/json`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.map(str::parse::<usize>) {
        Some(Ok(length)) if length <= LIMIT => Ok(()),
        Some(_) => Err(Problem::too_large()),
        None => Ok(()),
    }
}

fn is_json(content_type: &HeaderValue) -> bool {
    let essence = content_type.to_str().ok().and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The authority that was asked; an error where it cannot be read, or there are two.
fn host(parts: &Parts) -> Option<Result<Authority, ()>> {
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
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn is_address(name: &str) -> bool {
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.parse::<IpAddr>().is_ok()
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let shown = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = shown.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

impl fmt::Debug for PeerOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerOf")
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
