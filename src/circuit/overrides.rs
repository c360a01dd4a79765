//! Overrides of operators: how they are seen, and how they end.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::machine::own_override::OwnOverride;
use crate::engine::state::Override;
use crate::engine::time::Timestamp;

/// The operators' override of a circuit at the moment of a snapshot.
///
/// An isolation that lies over it does not stop its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OverrideSnapshot {
    /// What was imposed.
    pub overridden: Override,
    /// The number that tells this override from earlier and later ones of the circuit.
    ///
    /// It grows with each override. 0 for the
    /// [`initial_override`](crate::CircuitBuilder::initial_override).
    pub serial: u64,
    /// How long ago it was imposed, in this process.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub imposed_ago: Duration,
    /// How long it still lasts; `None` where it lasts until it is released.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::events::serialize::optional_seconds")
    )]
    pub ends_in: Option<Duration>,
    /// Whether it was a command to the whole fleet.
    pub by_fleet: bool,
}

impl OverrideSnapshot {
    pub(super) fn seen(own: Option<OwnOverride>, now: Timestamp) -> Option<Self> {
        own.map(|own| Self {
            overridden: own.overridden,
            serial: own.serial,
            imposed_ago: now.since(own.since),
            ends_in: own.left(now),
            by_fleet: own.by_fleet,
        })
    }
}

/// Ends of overrides. They are noticed as the end of an open time is, by whatever asks next: calls,
/// commands, snapshots.
impl Circuit {
    /// Returns the operators' override, with its end; also while an isolation lies over it.
    ///
    /// As in a [`snapshot`](Self::snapshot), and at less cost. One whose time is over ends here, as
    /// it does at the next call: a task that asks in time has listeners told in time though nobody
    /// calls.
    #[must_use]
    pub fn operators_override(&self) -> Option<OverrideSnapshot> {
        let now = self.end_override();
        OverrideSnapshot::seen(self.core.machine.own_override(), now)
    }

    /// Ends the override whose time is over, and returns the time.
    pub(crate) fn end_override(&self) -> Timestamp {
        let now = self.now();
        self.tell_if(self.core.machine.end_override(now));
        now
    }

    /// The same at `now`, for a call: it takes a lock only where the time is over.
    pub(super) fn end_override_for_call(&self, now: Timestamp) {
        if self.core.machine.is_override_over(now) {
            self.tell_if(self.core.machine.end_override(now));
        }
    }
}
