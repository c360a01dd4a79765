//! What an operator can do, and how it is asked for.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use tower_circuit_breaker::view::parse_duration;
use tower_circuit_breaker::{Circuit, OverrideOrder};

use crate::audit::AuditEntry;
use crate::problem::{Problem, quoted};

/// A command to one circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Reset,
    Trip,
    ForceOpen,
    ForceClosed,
    Observe,
    Release,
}

/// The body of a command, checked.
#[derive(Debug, Default)]
pub(crate) struct CommandBody {
    pub(crate) reason: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) lasting: Option<Duration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    reason: Option<String>,
    actor: Option<String>,
    r#for: Option<String>,
}

impl Command {
    pub(crate) const ALL: [Self; 6] =
        [Self::Reset, Self::Trip, Self::ForceOpen, Self::ForceClosed, Self::Observe, Self::Release];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.as_str() == text)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Trip => "trip",
            Self::ForceOpen => "force-open",
            Self::ForceClosed => "force-closed",
            Self::Observe => "observe",
            Self::Release => "release",
        }
    }

    /// Whether it imposes an override.
    pub(crate) const fn imposes(self) -> bool {
        matches!(self, Self::ForceOpen | Self::ForceClosed | Self::Observe)
    }

    /// Gives it, as the audit has it in `entry`.
    pub(crate) fn execute(self, circuit: &Circuit, entry: &AuditEntry) {
        match (self, entry.lasting) {
            (Self::Reset, _) => circuit.reset(),
            (Self::Trip, Some(open_for)) => circuit.trip_for(open_for),
            (Self::Trip, None) => circuit.trip(),
            (Self::ForceOpen, _) => circuit.impose(order(OverrideOrder::force_open(), entry)),
            (Self::ForceClosed, _) => circuit.impose(order(OverrideOrder::force_closed(), entry)),
            (Self::Observe, _) => circuit.impose(order(OverrideOrder::observe(), entry)),
            (Self::Release, _) => circuit.release(),
        }
    }

    /// Reads the body of this command.
    pub(crate) fn read(self, body: &[u8]) -> Result<CommandBody, Problem> {
        let body = CommandBody::read(body)?;
        if body.lasting.is_some() && !self.imposes() && self != Self::Trip {
            return Err(Problem::bad_request(format!(
                "`for` has no meaning for {}: leave it out",
                self.as_str()
            )));
        }
        Ok(body)
    }
}

/// The order, with its end and with who gives it and why.
fn order(order: OverrideOrder, entry: &AuditEntry) -> OverrideOrder {
    let order = match entry.lasting {
        Some(time) => order.lasting(time),
        None => order,
    };
    let order = match entry.actor.clone() {
        Some(actor) if entry.actor_checked => order.actor(actor),
        Some(actor) => order.said_by(actor),
        None => order,
    };
    match entry.reason.clone() {
        Some(reason) => order.reason(reason),
        None => order,
    }
}

impl CommandBody {
    /// Reads a body; an empty one says nothing, as `{}` does.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Problem> {
        let body = if body.is_empty() { b"{}" } else { body };
        let written = written(body)
            .map_err(|why| Problem::bad_request(format!("{WANTED}, but {}", one_line(&why))))?;
        Ok(Self {
            reason: plain("reason", MOST_REASON, written.reason)?,
            actor: plain("actor", MOST_ACTOR, written.actor)?,
            lasting: written.r#for.map(|text| lasting(&text)).transpose()?,
        })
    }
}

/// Reads an object; serde alone would take a list for one.
fn written(body: &[u8]) -> Result<Written, String> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err("it is no object".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

const WANTED: &str =
    r#"the body must be like {"reason": "...", "actor": "...", "for": "10m"}, each optional"#;

/// A text for people that stays on its line, wherever it is printed.
fn plain(field: &str, most: usize, text: Option<String>) -> Result<Option<String>, Problem> {
    let is_plain = |text: &String| !text.chars().any(is_odd) && text.chars().count() <= most;
    let text = text.filter(|text| !text.trim().is_empty());
    if text.as_ref().is_none_or(is_plain) {
        return Ok(text);
    }
    let allowed = format!("`{field}` must be one line of at most {most} characters");
    Err(Problem::new(StatusCode::BAD_REQUEST, allowed))
}

/// Control characters, ends of lines, and those that turn the direction of text.
fn is_odd(c: char) -> bool {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}');
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}') || turns(c)
}

fn lasting(text: &str) -> Result<Duration, Problem> {
    let found = || {
        let found = quoted(text);
        Problem::bad_request(format!("`for` is {found}: must be like \"10m\", 1s to 30days"))
    };
    parse_duration(text).filter(|time| (SHORTEST..=LONGEST).contains(time)).ok_or_else(found)
}

/// The text on one line that says what it shows, and not too long.
pub(crate) fn one_line(message: &str) -> String {
    message.chars().take(MOST_REASON).map(|c| if is_odd(c) { ' ' } else { c }).collect()
}

const SHORTEST: Duration = Duration::from_secs(1);
/// What is to last for longer is better written into the settings.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
const MOST_REASON: usize = 500;
const MOST_ACTOR: usize = 100;
