//! Who is compared: one file for each.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitBuilder};

use crate::figure::Missing;
use crate::inner::Inner;
use crate::subject::{Around, Calling, Subject};

pub(crate) mod breaker;
mod failsafe;
pub(crate) mod ours;
mod recloser;
mod seatbelt;
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
    pub(crate) kind: Kind,
    pub(crate) enter: Enter,
    /// How circuits of a registry are built; the peers have none.
    pub(crate) template: Option<Template>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The inner service alone.
    Bare,
    /// A layer, or what is called like one.
    Layer,
    /// Wraps futures, not services: it is measured around the future of the same inner service.
    Function,
}

impl Entry {
    fn new<S>(service: S) -> Self
    where
        Around<S>: Subject + 'static,
    {
        Self { subject: Box::new(Around(service)), note: None }
    }

    fn calling(circuit: Circuit) -> Self {
        Self { subject: Box::new(Calling(circuit)), note: None }
    }

    fn noting(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }
}

impl Contestant {
    const fn layer(name: &'static str, enter: Enter) -> Self {
        Self { name, label: "", kind: Kind::Layer, enter, template: None }
    }

    const fn function(name: &'static str, enter: Enter) -> Self {
        Self { name, label: "(function only)", kind: Kind::Function, enter, template: None }
    }

    const fn ours(label: &'static str, kind: Kind, enter: Enter, template: Template) -> Self {
        Self { name: OURS, label, kind, enter, template: Some(template) }
    }

    /// A circuit that failures trip. By which rule makes no difference to what a rejection costs.
    pub(crate) fn enter_to_trip(&self) -> Result<Entry, Missing> {
        (self.enter)(Rule::Consecutive).or_else(|_| (self.enter)(Rule::Time))
    }

    pub(crate) fn is_bare(&self) -> bool {
        self.kind == Kind::Bare
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.name == OURS
    }
}

type Enter = fn(Rule) -> Result<Entry, Missing>;
type Template = fn(CircuitBuilder) -> CircuitBuilder;

/// The inner service alone, then us, then the peers.
pub(crate) const ALL: [Contestant; 9] = [
    Contestant { name: "bare", label: "", kind: Kind::Bare, enter: bare, template: None },
    Contestant::ours("(ours)", Kind::Layer, ours::enter, ours::template),
    Contestant::ours(
        "(ours, precise clock)",
        Kind::Layer,
        ours::enter_precise,
        ours::precise_template,
    ),
    Contestant::ours("(ours, Circuit::call)", Kind::Function, ours::enter_call, ours::template),
    Contestant::layer("tower-resilience-circuitbreaker", tower_resilience::enter),
    Contestant::layer("breaker", breaker::enter),
    Contestant::layer("seatbelt", seatbelt::enter),
    Contestant::function("failsafe", failsafe::enter),
    Contestant::function(RECLOSER, recloser::enter),
];

/// The peer that the others are held against: its function is the fastest there is.
pub(crate) const RECLOSER: &str = "recloser";

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
