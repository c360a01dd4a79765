//! Who is compared: one file for each.

use std::time::Duration;

use crate::figure::Missing;
use crate::inner::Inner;
use crate::subject::{Around, Subject};

pub(crate) mod breaker;
mod failsafe;
pub(crate) mod ours;
mod recloser;
pub(crate) mod tower_resilience;

/// What a circuit goes by, as near as the contestant can come to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Trips after [`RUN`] failures in a row.
    Consecutive,
    /// Trips at half of the last [`WINDOW_CALLS`] calls.
    Count,
    /// Trips at half of the calls of the last [`WINDOW_TIME`].
    Time,
    /// The same, and at half of them slower than [`SLOW`].
    TimeAndSlow,
}

/// A circuit that goes by a rule, and what is to be known of it.
pub(crate) struct Entry {
    pub(crate) subject: Box<dyn Subject>,
    /// Where it does not do quite what was asked for.
    pub(crate) note: Option<&'static str>,
}

/// One column of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contestant {
    /// The name of its crate.
    pub(crate) name: &'static str,
    /// What else its head says.
    pub(crate) label: &'static str,
    pub(crate) enter: Enter,
}

impl Entry {
    fn new<S>(service: S) -> Self
    where
        Around<S>: Subject + 'static,
    {
        Self { subject: Box::new(Around(service)), note: None }
    }

    fn noting(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }
}

impl Contestant {
    const fn layer(name: &'static str, label: &'static str, enter: Enter) -> Self {
        Self { name, label, enter }
    }

    /// One that wraps futures, not services: it is measured around the future of the same inner
    /// service.
    const fn function(name: &'static str, enter: Enter) -> Self {
        Self { name, label: "(function only)", enter }
    }
}

type Enter = fn(Rule) -> Result<Entry, Missing>;

/// The inner service alone, then us, then the peers.
pub(crate) const ALL: [Contestant; 7] = [
    Contestant::layer("bare", "", bare),
    Contestant::layer(OURS, "(ours)", ours::enter),
    Contestant::layer(OURS, "(ours, coarse clock)", ours::enter_coarse),
    Contestant::layer("tower-resilience-circuitbreaker", "", tower_resilience::enter),
    Contestant::layer("breaker", "", breaker::enter),
    Contestant::function("failsafe", failsafe::enter),
    Contestant::function("recloser", recloser::enter),
];

#[expect(clippy::unnecessary_wraps, reason = "one of the contestants")]
fn bare(_: Rule) -> Result<Entry, Missing> {
    Ok(Entry::new(Inner))
}

const OURS: &str = "tower-circuit-breaker";

const RUN: u32 = 5;
const WINDOW_CALLS: u32 = 100;
const WINDOW_TIME: Duration = Duration::from_secs(10);
const MINIMUM_CALLS: u32 = 20;
const SLOW: Duration = Duration::from_secs(1);
/// Longer than any run of this program: an open circuit stays open.
const OPEN_FOR: Duration = Duration::from_secs(86_400);
