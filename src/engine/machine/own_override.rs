//! An override by operators, with its end.

use std::time::Duration;

use crate::engine::state::Override;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// An override by operators, of this process or of the fleet.
///
/// Its end belongs to it: whatever takes its place has an end of its own, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnOverride {
    pub(crate) overridden: Override,
    /// The number of the change that imposed it; 0 for the one that the circuit was made with.
    pub(crate) serial: u64,
    pub(crate) since: Timestamp,
    /// [`NEVER`](Timestamp::NEVER) where it lasts until it is released.
    pub(crate) ends: Timestamp,
    /// Whether the fleet has imposed it.
    pub(crate) by_fleet: bool,
}

/// Who imposed an override, and why, in their words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OverrideWords {
    pub(crate) actor: Option<Arc<str>>,
    /// Whether whoever imposed it knows the actor; else it is what somebody says.
    pub(crate) actor_checked: bool,
    pub(crate) reason: Option<Arc<str>>,
}

/// What an operator imposes.
#[derive(Debug, Clone)]
pub(crate) struct OrderedOverride {
    pub(crate) overridden: Override,
    /// `None` until it is released.
    pub(crate) lasting: Option<Duration>,
    pub(crate) words: Option<Arc<OverrideWords>>,
}

impl OwnOverride {
    /// The override that a circuit is made with at `now`.
    pub(super) const fn initial(overridden: Override, now: Timestamp) -> Self {
        Self { overridden, serial: 0, since: now, ends: Timestamp::NEVER, by_fleet: false }
    }

    /// The same for this time, counted from its beginning; `None` until it is released.
    pub(super) fn lasting(self, time: Option<Duration>) -> Self {
        Self { ends: time.map_or(Timestamp::NEVER, |time| self.since.after(time)), ..self }
    }

    /// The same, imposed by the fleet.
    pub(super) const fn of_fleet(self) -> Self {
        Self { by_fleet: true, ..self }
    }

    /// What is left of it; `None` where it has no end.
    pub(crate) fn left(self, now: Timestamp) -> Option<Duration> {
        (self.ends != Timestamp::NEVER).then(|| self.ends.since(now))
    }

    /// Whether its end has come.
    pub(super) fn is_over(self, now: Timestamp) -> bool {
        self.ends != Timestamp::NEVER && self.ends <= now
    }
}
