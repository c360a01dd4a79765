//! What has to become of a request, by the documentation alone.

use std::net::IpAddr;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderName, Method};
use serde_json::Value;

use super::guesses::{Guesses, Shown};
use super::{ALLOWED_HOST, Aim, Ask, Frame, Hosts, Setup};

/// The statuses that refuse a request.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// One of these has to; where there is none, the request is to be answered.
    pub(super) must: Vec<u16>,
    /// Any of these may: where a text is odd in a way that the documentation says nothing of.
    pub(super) may: Vec<u16>,
}

pub(super) fn judge(setup: &Setup, ask: &Ask, guesses: &Guesses) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.add(421, has_own_host(setup, ask));
    if !verdict.must.is_empty() && ask.uri.authority().is_none() {
        // A foreign name may be none at all.
        verdict.may.push(400);
    }
    verdict.add(400, Some(setup.hosts == Hosts::Any || ask.all(&HOST).len() < 2));
    verdict.add(400, if setup.hosts == Hosts::Any { Some(true) } else { ask.has_one_host() });
    if ask.aim == Aim::Unknown {
        verdict.may.extend([400, 404, 405]);
    }
    let is_command = matches!(ask.aim, Aim::Command(..) | Aim::ResetAll);
    let takes: &[Method] = if is_command { &[Method::POST] } else { &[Method::GET, Method::HEAD] };
    verdict.add(405, (ask.aim != Aim::Unknown).then(|| takes.contains(&ask.method)));
    let takes_any = matches!(ask.aim, Aim::Unknown | Aim::Page | Aim::Health);
    verdict.add(400, (!takes_any).then(|| has_known_query(ask, is_command)).or(Some(true)));
    let has_tokens = setup.has_token || setup.has_read_token;
    if has_tokens {
        judge_token(setup, ask, guesses, &mut verdict);
    } else if ask.aim == Aim::Audit {
        verdict.add(403, is_local(ask));
    }
    if ask.method == Method::POST {
        match (has_tokens, setup.has_open_control) {
            (true, _) => {}
            (false, true) => verdict.add(403, is_local(ask)),
            (false, false) => verdict.must.push(403),
        }
        verdict.add(403, is_of_own_origin(ask));
        verdict.add(400, (ask.aim != Aim::Unknown).then_some(true));
        let is_without = ask.all(&CONTENT_TYPE).is_empty() && !is_of_browser(ask);
        verdict.add(415, Some(is_without || is_json(ask)));
        judge_body(ask, is_without, &mut verdict);
    }
    verdict
}

impl Verdict {
    /// `None`: nobody can tell whether it is right.
    fn add(&mut self, status: u16, is_right: Option<bool>) {
        match is_right {
            Some(true) => {}
            Some(false) => self.must.push(status),
            None => self.may.extend([status, 400]),
        }
    }

    /// Whether a request may be answered with `status`.
    pub(super) fn allows(&self, status: u16, success: &[u16]) -> bool {
        let is_taken = self.must.is_empty() && success.contains(&status);
        is_taken || self.must.contains(&status) || self.may.contains(&status)
    }
}

impl Ask {
    pub(super) fn all(&self, name: &HeaderName) -> Vec<&[u8]> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_bytes()).collect()
    }

    /// Whether its target and its `Host` say the same; where they are alike but for their letters'
    /// case or a port, that is for the documentation to say.
    fn has_one_host(&self) -> Option<bool> {
        let (Some(target), [host]) = (self.uri.authority(), &self.all(&HOST)[..]) else {
            return Some(true);
        };
        let (target, host) = (target.as_str().to_lowercase(), String::from_utf8_lossy(host));
        let host = host.to_lowercase();
        let name = |text: &str| text.split(':').next().map(str::to_owned);
        if target == host {
            return Some(true);
        }
        (name(&target) != name(&host) && !target.contains('@')).then_some(false)
    }

    /// What it is addressed to.
    fn host(&self) -> Option<String> {
        let written = self.uri.authority().map(|authority| authority.as_str().to_owned());
        let host =
            || self.all(&HOST).first().map(|host| String::from_utf8_lossy(host).into_owned());
        written.or_else(host)
    }
}

fn has_own_host(setup: &Setup, ask: &Ask) -> Option<bool> {
    if setup.hosts == Hosts::Any {
        return Some(true);
    }
    let Some(host) = ask.host() else { return Some(true) };
    let host = host.to_ascii_lowercase();
    let mut own = vec!["localhost"];
    own.extend((setup.hosts == Hosts::Named).then_some(ALLOWED_HOST));
    let (name, port) = host.rsplit_once(':').unwrap_or((&host, "1"));
    let is_address = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if is_plain && (own.contains(&name.trim_end_matches('.')) || is_address(name)) {
        return Some(true);
    }
    let looks_own = own.iter().any(|own| host.contains(own)) || is_address(&host);
    let is_foreign = host.contains("evil") || !(looks_own || host.contains(['[', ':', '.']));
    is_foreign.then_some(false)
}

fn judge_token(setup: &Setup, ask: &Ask, guesses: &Guesses, verdict: &mut Verdict) {
    let is_command = matches!(ask.aim, Aim::Command(..) | Aim::ResetAll);
    match (&ask.aim, ask.shown(setup)) {
        // Health tells those who show nothing a little.
        (Aim::Page | Aim::OpenApi, _) | (Aim::Health, Shown::Nothing) => {}
        (Aim::Unknown, _) => verdict.may.extend([401, 403, 429]),
        (_, Shown::Nothing) => verdict.must.push(401),
        (_, Shown::Wrong) => verdict.must.push(if guesses.are_many(ask) { 429 } else { 401 }),
        (aim, Shown::Reads) => {
            verdict.must.extend((is_command || *aim == Aim::Audit).then_some(403));
        }
        (_, Shown::Right) => {}
    }
}

/// Whether it comes from this machine, and through no proxy that says so.
fn is_local(ask: &Ask) -> Option<bool> {
    let told = ["via", "forwarded", "x-forwarded-for", "x-real-ip"];
    if ask.has_one_host() == Some(false) {
        return Some(false);
    }
    let is_told = told.iter().any(|name| !ask.all(&HeaderName::from_static(name)).is_empty());
    if is_told || !ask.peer.is_some_and(|peer| peer.is_loopback()) {
        return Some(false);
    }
    let Some(host) = ask.host() else { return Some(true) };
    let host = host.to_ascii_lowercase();
    let (name, port) = host.rsplit_once(':').unwrap_or((&host, "1"));
    let is_plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let is_here = ["localhost", "localhost.", "127.0.0.1", "[::1]"].contains(&name);
    (is_plain && is_here).then_some(true)
}

/// What every browser adds to what it sends for a page.
fn is_of_browser(ask: &Ask) -> bool {
    let theirs = ["origin", "referer", "cookie", "sec-fetch-site"];
    theirs.iter().any(|name| !ask.all(&HeaderName::from_static(name)).is_empty())
}

/// A query that is not known is refused; it could be meant for other circuits.
fn has_known_query(ask: &Ask, is_command: bool) -> bool {
    ask.uri.query().is_none_or(|query| is_command && query == "scope=process")
}

fn is_of_own_origin(ask: &Ask) -> Option<bool> {
    if ask.all(&HOST).len() > 1 {
        return None;
    }
    let sites = ask.all(&HeaderName::from_static("sec-fetch-site"));
    let is_own_site = sites.iter().all(|site| [&b"same-origin"[..], b"none"].contains(site));
    let host = ask.host().unwrap_or_default().to_ascii_lowercase();
    let is_own = |origin: &&[u8]| {
        let origin = String::from_utf8_lossy(origin).to_ascii_lowercase();
        let of = origin.split_once("://").map(|(_, of)| of);
        of.is_some_and(|of| of.is_ascii() && !of.is_empty() && of == host)
    };
    Some(is_own_site && ask.all(&ORIGIN).iter().all(is_own))
}

fn is_json(ask: &Ask) -> bool {
    let types = ask.all(&CONTENT_TYPE);
    let is_json = |kind: &&[u8]| {
        let kind = String::from_utf8_lossy(kind).to_ascii_lowercase();
        kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
            && kind.is_ascii()
    };
    types.len() == 1 && types.iter().all(is_json)
}

fn judge_body(ask: &Ask, is_to_be_empty: bool, verdict: &mut Verdict) {
    for length in ask.all(&CONTENT_LENGTH) {
        let length = String::from_utf8_lossy(length).into_owned();
        match length.parse::<u64>() {
            Ok(_) if length.starts_with('+') => verdict.may.push(413),
            Ok(length) if length <= LIMIT => {}
            _ => verdict.must.push(413),
        }
    }
    let mut body = Vec::new();
    for frame in &ask.body {
        match frame {
            Frame::Data(data) => body.extend_from_slice(data),
            Frame::Trailers => {}
            Frame::Breaks => return verdict.must.push(400),
            Frame::Stalls => return verdict.must.push(408),
        }
        if body.len() as u64 > LIMIT {
            return verdict.must.push(413);
        }
    }
    if is_to_be_empty && !body.is_empty() {
        return verdict.must.push(415);
    }
    judge_form(ask, &body, verdict);
}

fn judge_form(ask: &Ask, body: &[u8], verdict: &mut Verdict) {
    let body = if body.is_empty() { b"{}" } else { body };
    let form = serde_json::from_slice(body).unwrap_or(Value::Null);
    let Value::Object(form) = form else { return verdict.must.push(400) };
    // Written twice is wrong, and no longer to be seen here.
    let text = String::from_utf8_lossy(body);
    let is_twice = ["for", "reason", "actor"].iter().any(|name| text.matches(name).count() > 1);
    verdict.may.extend((is_twice || text.contains("\\u")).then_some(400));
    for (name, value) in &form {
        let takes_time = !matches!(ask.aim, Aim::Command(_, "reset" | "release") | Aim::ResetAll);
        let is_right = match (name.as_str(), value) {
            ("reason" | "actor" | "for", Value::Null) => Some(true),
            ("reason" | "actor", Value::String(text)) if text.trim().is_empty() => Some(true),
            ("reason" | "actor", Value::String(text)) => Some(!text.chars().any(is_odd)),
            ("for", Value::String(time)) if time == "10m" || time == "1s" => Some(takes_time),
            ("for", Value::String(_)) => None,
            _ => Some(false),
        };
        verdict.add(400, is_right);
    }
}

/// What could end a line, steer a terminal or turn text around.
pub(super) fn is_odd(c: char) -> bool {
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}'];
    c.is_control()
        || turns.contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

const LIMIT: u64 = 64 * 1024;
