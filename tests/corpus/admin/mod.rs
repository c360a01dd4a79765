//! Any string of bytes as requests to the admin service: none panics, only what may steer changes
//! anything, errors say what to do, and every name comes back as it is.

mod answer;
mod decode;
mod guesses;
mod heads;
mod oracle;
mod paths;
mod run;
mod site;
mod told;

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Uri};
use tower_circuit_breaker::Outcome;
use tower_circuit_breaker_test::model::Settings;

/// Takes `bytes` as a service and what it is asked.
///
/// # Errors
///
/// Which step it was, and what does not hold.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let (setup, steps) = decode::decode(bytes);
    run::run(&setup, &steps)
}

/// What the service is told, and the circuits that it shows.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is switched by itself")]
struct Setup {
    has_open_control: bool,
    has_token: bool,
    has_read_token: bool,
    hosts: Hosts,
    has_prefix: bool,
    names: Vec<String>,
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hosts {
    Own,
    Named,
    Any,
}

#[derive(Debug)]
enum Step {
    Ask(Box<Ask>),
    /// Of one of the circuits.
    Call(usize, Outcome),
    /// So many wrong tokens, of those who guess.
    Guess(u32),
    Advance(Duration),
}

/// A request.
#[derive(Debug)]
struct Ask {
    aim: Aim,
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    peer: Option<IpAddr>,
    body: Vec<Frame>,
}

/// What the path means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Aim {
    /// It is none of these, or nobody knows.
    Unknown,
    Page,
    OpenApi,
    Circuits,
    Circuit(usize),
    CircuitEvents(usize),
    Events,
    Health,
    Metrics,
    Audit,
    Command(usize, &'static str),
    ResetAll,
}

/// What a body does, poll by poll; afterwards it has ended.
#[derive(Debug, Clone)]
enum Frame {
    Data(Vec<u8>),
    Trailers,
    Breaks,
    Stalls,
}

const TOKEN: &str = "correct-horse-battery";
const READ_TOKEN: &str = "a-secret-to-read-by";
const ALLOWED_HOST: &str = "ops.example";
const PREFIX: &str = "/ops";
const COMMANDS: [&str; 6] = ["reset", "trip", "force-open", "force-closed", "observe", "release"];
