//! Paths that mean something, in many spellings, and some that mean nothing.

use std::fmt::Write as _;

use tower_circuit_breaker_test::model::Choices;

use super::decode::{byte, name};
use super::heads::host;
use super::{Aim, PREFIX, Setup};

pub(super) fn path(c: &mut Choices<'_>, setup: &Setup, aim: &Aim) -> String {
    let mut path = match *aim {
        Aim::Unknown => return any_path(c),
        Aim::Page => String::new(),
        Aim::OpenApi => "/openapi.json".to_owned(),
        Aim::Circuits => "/circuits".to_owned(),
        Aim::Circuit(at) => format!("/circuits/{}", encoded(c, &setup.names[at])),
        Aim::CircuitEvents(at) => format!("/circuits/{}/events", encoded(c, &setup.names[at])),
        Aim::Events => "/events".to_owned(),
        Aim::Health => "/health".to_owned(),
        Aim::Metrics => "/metrics".to_owned(),
        Aim::Audit => "/audit".to_owned(),
        Aim::Command(at, command) => {
            format!("/circuits/{}/{command}", encoded(c, &setup.names[at]))
        }
        Aim::ResetAll => "/circuits/reset-all".to_owned(),
    };
    if setup.has_prefix && c.flag() {
        path.insert_str(0, PREFIX);
    }
    path.push_str(["", "/", "?x=1", "/?scope=process"][c.within(0, 4) as usize]);
    if path.starts_with('/') { path } else { format!("/{path}") }
}

fn any_path(c: &mut Choices<'_>) -> String {
    const PARTS: [&str; 16] = [
        "/",
        "circuits",
        "ops",
        "reset-all",
        "trip",
        "..",
        "%2e%2e",
        "%2f",
        "%00",
        "%",
        "%zz",
        "%ff",
        "plants",
        "events",
        "*",
        "?",
    ];
    if c.flag() {
        // Of a circuit that is not there, or is.
        let name = name(c);
        let end = ["", "/events", "/trip", "/x"][c.within(0, 4) as usize];
        return format!("/circuits/{}{end}", encoded(c, &name));
    }
    let mut path = "/".to_owned();
    for _ in 0..c.within(0, 12) {
        match c.within(0, 20) {
            place @ 0..16 => path.push_str(PARTS[place as usize]),
            _ => path.push(char::from(byte(c))),
        }
    }
    path
}

/// A name as a segment: what need not be encoded may be all the same.
fn encoded(c: &mut Choices<'_>, name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let is_all = c.flag();
    name.bytes().fold(String::new(), |mut path, byte| {
        if is_plain(byte) && !is_all {
            path.push(byte.into());
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

pub(super) fn absolute_form(c: &mut Choices<'_>, path: &str) -> String {
    format!("http://{}{path}", host(c))
}
