//! Any string of bytes as settings and a script.

use crate::model::choices::Choices;
use crate::model::script::{Command, MOST_STEPS, Step};
use crate::model::settings::Settings;

/// Settings first, then steps until the bytes or the room for steps end.
pub fn decode(bytes: &[u8]) -> (Settings, Vec<Step>) {
    let mut choices = Choices::new(bytes);
    let settings = choices.settings();
    let steps = std::iter::from_fn(|| (!choices.is_over()).then(|| step(&mut choices)));
    (settings, steps.take(MOST_STEPS).collect())
}

fn step(choices: &mut Choices<'_>) -> Step {
    match choices.within(0, 59) {
        0..12 => Step::Admit,
        12..24 => Step::Finish(choices.index(), choices.outcome()),
        24..27 => Step::Drop(choices.index()),
        27 => Step::Panic,
        28..48 => Step::Call(choices.outcome()),
        48..56 => Step::Advance(choices.pause()),
        56 | 57 => Step::Command(command(choices)),
        _ => Step::Reconfigure(Box::new(choices.settings())),
    }
}

fn command(choices: &mut Choices<'_>) -> Command {
    match choices.within(0, 12) {
        0 | 1 => Command::Trip,
        2 => Command::TripFor(choices.pause()),
        3 | 4 => Command::Reset,
        5 => Command::ForceOpen,
        6 => Command::ForceClosed,
        7 => Command::Observe,
        8 => Command::ForceOpenFor(choices.pause()),
        9 => Command::ForceClosedFor(choices.pause()),
        10 => Command::ObserveFor(choices.pause()),
        _ => Command::Release,
    }
}
