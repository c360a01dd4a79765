//! Which requests are looked at: those to our own names, and no commands of other pages.

use std::net::IpAddr;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::access::Access;
use crate::host::{host, only};
use crate::problem::{Problem, quoted};
use crate::read_body::LIMIT;
use crate::refused::Refusal;

/// What decides which requests are answered, and who asks.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) hosts: Hosts,
    pub(crate) access: Access,
}

/// What the body of a command has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyRule {
    Json,
    /// Nothing at all: no browser sends a command so, unasked.
    Empty,
}

/// The names that this service may be asked by.
#[derive(Debug)]
pub(crate) enum Hosts {
    Any,
    /// These in lower case, those of the loopback, and every address: only a name can be rebound.
    Named(Vec<String>),
}

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
        let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, detail);
        Err(problem.refusing(Refusal::ForeignHost))
    }

    /// Refuses a command that a page of another origin, or a form, may have sent; says what its body
    /// has to be.
    pub(crate) fn check_sender(parts: &Parts) -> Result<BodyRule, Problem> {
        check_origin(parts)?;
        check_body(&parts.headers)
    }
}

/// Refuses what a page of another origin has sent.
fn check_origin(parts: &Parts) -> Result<(), Problem> {
    let foreign = || {
        let asked = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let asked = asked.unwrap_or_default();
        let detail = format!(
            "sent by a page of another origin than {}: use this service's own; a proxy has to pass the \
             host on with its port, as nginx does with `proxy_set_header Host $http_host`",
            quoted(asked)
        );
        Problem::forbidden(detail).refusing(Refusal::ForeignOrigin)
    };
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
fn check_body(headers: &HeaderMap) -> Result<BodyRule, Problem> {
    let rule = match only(headers, &CONTENT_TYPE) {
        Some(content_type) if is_json(content_type) => BodyRule::Json,
        None if !headers.contains_key(CONTENT_TYPE) && !is_of_browser(headers) => BodyRule::Empty,
        _ => return Err(Problem::not_json()),
    };
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.map(str::parse::<usize>) {
        Some(Ok(length)) if length <= LIMIT => Ok(rule),
        Some(_) => Err(Problem::too_large()),
        None => Ok(rule),
    }
}

/// Whether a browser has sent it, of which each adds one of these to what it sends for a page, or for a
/// user who is known.
fn is_of_browser(headers: &HeaderMap) -> bool {
    let names = headers.keys().map(HeaderName::as_str);
    let is_theirs = |name| ["origin", "referer", "cookie"].contains(&name);
    names.into_iter().any(|name| is_theirs(name) || name.starts_with("sec-fetch-"))
}

fn is_json(content_type: &HeaderValue) -> bool {
    let essence = content_type.to_str().ok().and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn is_address(name: &str) -> bool {
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.parse::<IpAddr>().is_ok()
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
