//! What an ended call counts as, and what its end changes for others.

use std::time::Duration;

use crate::engine::change::Change;
use crate::engine::outcome::FailureKind;

/// What a call counts as, and what that changed.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) credit: Credit,
    /// The duration of the call, where it was measured.
    pub(crate) elapsed: Option<Duration>,
    pub(crate) effect: Effect,
}

/// What a call's end changes for others.
#[derive(Debug)]
pub(crate) enum Effect {
    Nothing,
    /// A probe's slot is free where none was.
    SlotFreed,
    /// The open time, or the time until a slot is free, ends sooner than announced.
    EndsSooner,
    /// The circuit changed. Boxed: it is rare, and every call returns an effect.
    Changed(Box<Change>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credit {
    Success,
    Failure(FailureKind),
    NotSent,
    /// Ignored or abandoned.
    Neutral,
    Stale,
}

impl Effect {
    pub(crate) fn changed(change: Change) -> Self {
        Self::Changed(Box::new(change))
    }
}

impl Recorded {
    #[cfg(test)]
    pub(crate) fn change(&self) -> Option<&Change> {
        match &self.effect {
            Effect::Changed(change) => Some(change),
            Effect::Nothing | Effect::SlotFreed | Effect::EndsSooner => None,
        }
    }
}
