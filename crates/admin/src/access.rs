//! Who a caller is, as far as that decides what it may see and do.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Extensions, HeaderMap};

use crate::attempts::{Attempts, TooMany};
use crate::host::{host, only};
use crate::problem::Problem;
use crate::refused::Refusal;
use crate::token::{Purpose, Tokens};

/// What a caller may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// Has shown no token where one is asked for: sees the page, which is empty, and the overall
    /// health.
    Stranger,
    /// Sees the circuits.
    Reader,
    /// Sees what operators did, addresses and errors, too.
    Insider,
    /// Gives commands.
    Operator,
}

/// What decides who a caller is.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) tokens: Tokens,
    /// Whether callers on this machine may give commands, where there is no token.
    pub(crate) has_open_control: bool,
    pub(crate) peer: PeerOf,
    pub(crate) attempts: Attempts,
}

/// Finds the address of the peer among what the server has noted.
pub(crate) struct PeerOf(pub(crate) Box<dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync>);

impl Access {
    /// Who asks; a token that is wrong is a problem. The right one is let in, whatever wrong ones came
    /// before it.
    pub(crate) fn caller(&self, parts: &Parts) -> Result<Caller, Problem> {
        if self.tokens.is_empty() {
            return Ok(match self.check_local(parts) {
                Ok(()) if self.has_open_control => Caller::Operator,
                Ok(()) => Caller::Insider,
                Err(_) => Caller::Reader,
            });
        }
        let purpose = match bearer(&parts.headers) {
            Bearer::Nothing => return Ok(Caller::Stranger),
            Bearer::Token(shown) => self.tokens.purpose_of(shown),
            Bearer::Several => None,
        };
        match purpose {
            Some(Purpose::Steer) => Ok(Caller::Operator),
            Some(Purpose::Read) => Ok(Caller::Reader),
            None => Err(self.wrong_token(parts)),
        }
    }

    /// Only wrong tokens are counted; after many, the answer comes late.
    fn wrong_token(&self, parts: &Parts) -> Problem {
        let problem = match self.attempts.count(self.peer(parts)) {
            None => Problem::wrong_token(),
            Some(TooMany { wait, held }) => Problem::too_many_attempts(wait).held(held),
        };
        problem.refusing(Refusal::WrongToken)
    }

    /// Whether `caller` may read.
    pub(crate) fn check_reads(caller: Caller) -> Result<(), Problem> {
        if caller >= Caller::Reader { Ok(()) } else { Err(Problem::unauthorized()) }
    }

    /// Whether `caller` may see what operators did.
    pub(crate) fn check_sees_all(caller: Caller) -> Result<(), Problem> {
        Self::check_reads(caller)?;
        if caller >= Caller::Insider {
            return Ok(());
        }
        Err(Problem::forbidden(
            "shown to those who may steer alone: send a token of `AdminBuilder::token` or, where \
             there is no token, ask from this machine, not through a proxy",
        ))
    }

    /// Whether `caller`, who has sent `parts`, may give commands.
    pub(crate) fn check_steers(&self, caller: Caller, parts: &Parts) -> Result<(), Problem> {
        let refused = match caller {
            Caller::Operator => return Ok(()),
            Caller::Stranger => Problem::unauthorized().refusing(Refusal::NoToken),
            _ if self.tokens.can_steer() => Problem::forbidden(
                "this token is one to read by: send a token of `AdminBuilder::token`",
            )
            .refusing(Refusal::ReadToken),
            _ if self.has_open_control && self.tokens.is_empty() => match self.check_local(parts) {
                Ok(()) => return Ok(()),
                Err(problem) => problem,
            },
            _ => Problem::forbidden(
                "control is off, since there is no token to steer by: set one with \
                 `AdminBuilder::token`",
            )
            .refusing(Refusal::ControlOff),
        };
        Err(refused)
    }

    /// Whether the request comes from this machine, as far as can be told: a proxy on it that says
    /// nothing of itself cannot be told from a caller on it.
    fn check_local(&self, parts: &Parts) -> Result<(), Problem> {
        let remedy = "set a token with `AdminBuilder::token`";
        match self.peer(parts) {
            Some(peer) if peer.is_loopback() => {}
            Some(_) => {
                let detail =
                    format!("without a token only callers on this machine may steer: {remedy}");
                return Err(Problem::forbidden(detail).refusing(Refusal::NotThisMachine));
            }
            None => {
                let detail = format!(
                    "the server does not tell who asks, and there is no token: {remedy}, or \
                     `AdminBuilder::peer`"
                );
                return Err(Problem::forbidden(detail).refusing(Refusal::NotThisMachine));
            }
        }
        if let Some(name) = forwarded_by(&parts.headers) {
            let detail = format!(
                "it came through a proxy, which has added `{name}`: without a token only callers \
                 on this machine itself may steer: {remedy}"
            );
            return Err(Problem::forbidden(detail).refusing(Refusal::ThroughProxy));
        }
        if host(parts).is_some_and(|host| host.is_err() || host.is_ok_and(|it| !is_here(it.host())))
        {
            let detail = format!(
                "it was sent to a name or an address that is not this machine's loopback, as by a \
                 proxy: {remedy}, or ask 127.0.0.1 or localhost"
            );
            return Err(Problem::forbidden(detail).refusing(Refusal::ThroughProxy));
        }
        Ok(())
    }

    /// The caller's address, if the server gives it.
    pub(crate) fn peer(&self, parts: &Parts) -> Option<IpAddr> {
        (self.peer.0)(&parts.extensions).map(|peer| peer.ip().to_canonical())
    }
}

/// The header by which a proxy has told of itself, if one has.
fn forwarded_by(headers: &HeaderMap) -> Option<&str> {
    let tells = |name: &&str| {
        PROXIES_SAY.contains(name) || PROXIES_BEGIN.iter().any(|begin| name.starts_with(begin))
    };
    headers.keys().map(http::HeaderName::as_str).find(tells)
}

/// Whether a host is this machine's loopback.
fn is_here(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

/// What a request shows to be let in.
enum Bearer<'a> {
    Nothing,
    Token(&'a [u8]),
    /// Of two, a proxy may have looked at the other.
    Several,
}

fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let Some(shown) = only(headers, &AUTHORIZATION) else {
        return if headers.contains_key(AUTHORIZATION) { Bearer::Several } else { Bearer::Nothing };
    };
    match shown.as_bytes().split_at_checked("Bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => {
            Bearer::Token(token.trim_ascii())
        }
        _ => Bearer::Nothing,
    }
}

impl fmt::Debug for PeerOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerOf")
    }
}

/// RFC 7239, RFC 9110, and what the usual proxies and large networks add without being asked,
/// or as their documents show.
const PROXIES_SAY: [&str; 11] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "fastly-client-ip",
    "x-proxyuser-ip",
    "cdn-loop",
    "max-forwards",
    "x_forwarded_for",
];
const PROXIES_BEGIN: [&str; 11] = [
    "x-forwarded",
    "x-envoy-",
    "x-original-",
    "x-remote-",
    "x-azure-",
    "x-appengine-",
    "x-amzn-",
    "proxy-",
    "fly-",
    "l5d-",
    "cf-",
];
