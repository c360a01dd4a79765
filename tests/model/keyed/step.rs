//! Random steps.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tower_circuit_breaker::{FailureKind, Outcome};
use tower_circuit_breaker_test::model::Command;

/// The longest script.
const MOST_STEPS: usize = 200;

/// More than any cap here; the last one is too long to have a circuit.
pub(crate) const KEYS: usize = 9;

/// A cap, whether there is a registry, and what happens.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) cap: usize,
    pub(crate) has_registry: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A whole call of a key.
    Call(usize, Outcome),
    Begin(usize),
    /// Ends one of the calls in flight.
    Finish(usize, Outcome),
    Drop(usize),
    Advance(Duration),
    /// To the circuit of a key, if it has one.
    Command(usize, Command),
    /// Somebody keeps the circuit of a key, if it has one.
    Hold(usize),
    LetGo(usize),
    /// Somebody takes the circuit of a key out of the registry.
    Unregister(usize),
}

pub(crate) fn script() -> impl Strategy<Value = Script> {
    // A number for each step: drawing steps one by one takes longer than to run them.
    let steps = vec(any::<u32>().prop_map(Step::from), 1..=MOST_STEPS);
    (1..=4_usize, any::<bool>(), steps).prop_map(|(cap, has_registry, steps)| Script {
        cap,
        has_registry,
        steps,
    })
}

impl From<u32> for Step {
    fn from(number: u32) -> Self {
        let [what, which, how, much] = number.to_le_bytes().map(usize::from);
        let key = which % KEYS;
        match what % 32 {
            0..12 => Self::Call(key, outcome(how)),
            12..17 => Self::Begin(key),
            17..20 => Self::Finish(which, outcome(how)),
            20..22 => Self::Drop(which),
            22..26 => Self::Advance(Duration::from_secs([0, 1, 4, 9][how % 4]) + millis(much)),
            26..28 => Self::Command(key, command(how)),
            28 => Self::Hold(key),
            29 | 30 => Self::LetGo(which),
            _ => Self::Unregister(key),
        }
    }
}

fn millis(number: usize) -> Duration {
    Duration::from_millis((number % 3) as u64)
}

fn outcome(number: usize) -> Outcome {
    match number % 8 {
        0..4 => Outcome::Success,
        4..6 => Outcome::Failure(FailureKind::OTHER),
        6 => Outcome::Ignored,
        _ => Outcome::TripFor(Duration::from_secs(5)),
    }
}

fn command(number: usize) -> Command {
    match number % 8 {
        0 => Command::Trip,
        1 => Command::Reset,
        2 => Command::ForceOpen,
        3 => Command::ForceClosed,
        4 => Command::Observe,
        _ => Command::Release,
    }
}
