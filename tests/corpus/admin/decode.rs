//! Any string of bytes as a service and requests to it.

use http::{Method, Uri};
use tower_circuit_breaker_test::model::Choices;

use super::heads::{body, headers};
use super::paths::{absolute_form, path};
use super::{Aim, Ask, COMMANDS, Hosts, Setup, Step};

/// A service first, then steps until the bytes or the room for steps end.
pub(super) fn decode(bytes: &[u8]) -> (Setup, Vec<Step>) {
    let mut choices = Choices::new(bytes);
    let setup = setup(&mut choices);
    let steps = std::iter::from_fn(|| (!choices.is_over()).then(|| step(&mut choices, &setup)));
    let steps = steps.take(MOST_STEPS).collect();
    (setup, steps)
}

/// Enough for overrides on overrides.
const MOST_STEPS: usize = 40;

fn setup(c: &mut Choices<'_>) -> Setup {
    let (has_open_control, has_read_token) =
        [(true, false), (false, false), (true, true)][c.within(0, 3) as usize];
    let (has_token, has_prefix) = (c.flag(), c.flag());
    let hosts = [Hosts::Own, Hosts::Named, Hosts::Any][c.within(0, 3) as usize];
    let names = (0..c.within(1, 5)).map(|_| name(c)).collect();
    let settings = c.settings();
    Setup { has_open_control, has_token, has_read_token, hosts, has_prefix, names, settings }
}

pub(super) fn name(c: &mut Choices<'_>) -> String {
    (0..c.within(0, 5)).map(|_| part(c)).collect()
}

fn part(c: &mut Choices<'_>) -> String {
    const ODD: [&str; 17] = [
        "plants",
        "reset-all",
        "a/b",
        "%41",
        "..",
        "\"",
        "\\",
        "\n",
        "\r\n",
        "<script>",
        "\0",
        "\u{1b}[31m",
        "\u{202e}",
        "\u{2028}",
        "Größe 漢字 🦀",
        "} 1\n# EOF\n",
        "\n\nevent: x\n",
    ];
    match c.within(0, 24) {
        place @ 0..17 => ODD[place as usize].to_owned(),
        17 => "x".repeat(c.within(0, 5_001) as usize),
        18..21 => char::from_u32(c.within(0, 0x11_0000)).unwrap_or('\u{fffd}').to_string(),
        _ => char::from(byte(c)).to_string(),
    }
}

fn step(c: &mut Choices<'_>, setup: &Setup) -> Step {
    match c.within(0, 16) {
        0 => Step::Advance(c.pause()),
        1 | 2 => Step::Call(c.index() % setup.names.len(), c.outcome()),
        3 => Step::Guess(c.within(1, 13)),
        _ => Step::Ask(Box::new(ask(c, setup))),
    }
}

fn ask(c: &mut Choices<'_>, setup: &Setup) -> Ask {
    let (method, wanted) = (method(c), aim(c, setup));
    let path = path(c, setup, &wanted);
    let written = if c.within(0, 16) == 15 { absolute_form(c, &path) } else { path.clone() };
    let (aim, uri) = match written.parse::<Uri>() {
        // What should have been a host may have been a path, too.
        Ok(uri) if path.split('?').next() == Some(uri.path()) => {
            (meaning(wanted, &method, setup), uri)
        }
        Ok(uri) => (Aim::Unknown, uri),
        Err(_) => (Aim::Page, Uri::from_static("/")),
    };
    let peer = match c.within(0, 4) {
        0 | 1 => Some([127, 0, 0, 1].into()),
        2 => Some([10, 0, 0, 7].into()),
        _ => None,
    };
    Ask { aim, method, uri, headers: headers(c), peer, body: body(c) }
}

fn method(c: &mut Choices<'_>) -> Method {
    let odd = || Method::from_bytes(b"pOST").unwrap_or_default();
    match c.within(0, 16) {
        0..8 => Method::POST,
        8..12 => Method::GET,
        12 => Method::HEAD,
        13 => Method::OPTIONS,
        14 => Method::PUT,
        _ => odd(),
    }
}

fn aim(c: &mut Choices<'_>, setup: &Setup) -> Aim {
    let circuit = c.index() % setup.names.len();
    match c.within(0, 20) {
        0..8 => Aim::Command(circuit, COMMANDS[c.within(0, 6) as usize]),
        8 | 9 => Aim::ResetAll,
        10 => Aim::Circuit(circuit),
        11 => Aim::CircuitEvents(circuit),
        12 => Aim::Circuits,
        13 => Aim::Events,
        14 => Aim::Health,
        15 => Aim::Metrics,
        16 => Aim::Audit,
        17 => [Aim::Page, Aim::OpenApi][usize::from(c.flag())].clone(),
        _ => Aim::Unknown,
    }
}

/// What a path means that was made for `wanted`.
fn meaning(wanted: Aim, method: &Method, setup: &Setup) -> Aim {
    let (Aim::Circuit(at) | Aim::CircuitEvents(at) | Aim::Command(at, _)) = wanted else {
        return if wanted == Aim::ResetAll && method != Method::POST {
            Aim::Unknown
        } else {
            wanted
        };
    };
    match setup.names[at].as_str() {
        // Its path is that of the list, where a slash is left out.
        "" => Aim::Unknown,
        "reset-all" if method == Method::POST && wanted == Aim::Circuit(at) => Aim::ResetAll,
        _ => wanted,
    }
}

pub(super) fn byte(c: &mut Choices<'_>) -> u8 {
    u8::try_from(c.within(0, 256)).unwrap_or_default()
}
