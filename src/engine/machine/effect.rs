//! What an ended call counts as, and what its end changes for others.

use std::time::Duration;

use crate::engine::change::Change;
use crate::engine::outcome::{FailureKind, Outcome};

/// A call that the machine has recorded: what it counts as, and what that changed.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) counted: CountedAs,
    /// The duration of the call, where it was measured; of a stale call only if it was answered.
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

impl Effect {
    pub(crate) fn changed(change: Change) -> Self {
        Self::Changed(Box::new(change))
    }
}

/// What an ended call counts as in the totals: each counts as one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountedAs {
    Success,
    Failure(FailureKind),
    Ignored,
    NotSent,
    Abandoned,
    Stale,
}

impl CountedAs {
    /// Whether it is what the upstream gave, in so far as nobody says otherwise.
    pub(crate) fn is_answered(self) -> bool {
        match self {
            Self::Success | Self::Ignored | Self::Stale => true,
            Self::Failure(kind) => kind != FailureKind::ABANDONED,
            Self::NotSent | Self::Abandoned => false,
        }
    }
}

impl From<Option<Outcome>> for CountedAs {
    #[inline]
    fn from(outcome: Option<Outcome>) -> Self {
        match outcome {
            Some(Outcome::Success) => Self::Success,
            Some(Outcome::Failure(kind)) => Self::Failure(kind),
            Some(Outcome::TripFor(_)) => Self::Failure(FailureKind::OTHER),
            Some(Outcome::Ignored) => Self::Ignored,
            Some(Outcome::NotSent) => Self::NotSent,
            None => Self::Abandoned,
        }
    }
}

#[cfg(test)]
impl Judged {
    pub(crate) fn is_stale(&self) -> bool {
        self.counted == CountedAs::Stale
    }

    pub(crate) fn change(&self) -> Option<&Change> {
        match &self.effect {
            Effect::Changed(change) => Some(change),
            Effect::Nothing | Effect::SlotFreed | Effect::EndsSooner => None,
        }
    }
}
