//! The exported state of a circuit, between two processes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::engine::machine::own_override::OverrideWords;
use crate::engine::machine::saved::SavedState;
use crate::engine::state::{CircuitState, Override};
use crate::sync::Arc;

#[cfg(feature = "serde")]
mod text;

/// The exported state of a circuit, to be restored after a restart.
///
/// It holds name, state, override, the rest of the open time, the backoff, and the time of day. It
/// does not hold the window: a window of calls by another process, before a restart that may have
/// repaired what failed, says little about calls to come. Nor does it hold totals and changes,
/// which dashboards expect to start over with a process.
///
/// From [`Circuit::export`](crate::Circuit::export), for
/// [`CircuitBuilder::restore`](crate::CircuitBuilder::restore).
///
/// # As text
///
/// With the feature `serde`, in any format that has maps. Durations and the time of day, since
/// 1970, are numbers of seconds. A text of another version, or with an invalid value, gives an
/// error that names the field, the value and what is allowed.
///
/// ```json
/// {
///   "version": 1,
///   "name": "plants",
///   "state": "open",
///   "time_left": 12.5,
///   "open_for": 30.0,
///   "backoff_step": 0,
///   "saved_at": 1795271477.125
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(try_from = "text::SavedText", into = "text::SavedText"))]
pub struct SavedCircuit {
    name: Arc<str>,
    memory: SavedState,
    /// Who imposed the override, and why.
    words: Option<Arc<OverrideWords>>,
    /// `None` after [`away_for`](Self::away_for).
    saved_at: Option<SystemTime>,
}

impl SavedCircuit {
    /// Saves a circuit now.
    pub(crate) fn now(
        name: Arc<str>,
        memory: SavedState,
        words: Option<Arc<OverrideWords>>,
    ) -> Self {
        Self { name, memory, words, saved_at: Some(to_millis(time_of_day())) }
    }

    /// Returns the name of the circuit.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the state of the circuit; half-open is restored as open and ready to probe.
    #[must_use]
    pub const fn state(&self) -> CircuitState {
        self.memory.state
    }

    /// Returns the override by an operator of its process, if there was one.
    #[must_use]
    pub const fn overridden(&self) -> Option<Override> {
        self.memory.overridden
    }

    /// Returns what was left of that override's time; `None` where it has no end.
    #[must_use]
    pub const fn override_left(&self) -> Option<Duration> {
        self.memory.override_left
    }

    /// Removes the override, as [`Circuit::release`](crate::Circuit::release) does.
    #[must_use]
    pub fn without_override(self) -> Self {
        Self { memory: self.memory.released(), words: None, ..self }
    }

    /// Sets how long the process was away, instead of asking the wall clock.
    ///
    /// For tests and simulations, and where that time is known better.
    #[must_use]
    pub fn away_for(self, time: Duration) -> Self {
        Self { memory: self.memory.after(time), saved_at: None, ..self }
    }

    /// Whether restoring it now makes a circuit that differs from a new one, by more than a backoff
    /// that is over.
    pub(crate) fn says_anything(&self) -> bool {
        let memory = self.memory();
        memory.overridden.is_some() || !memory.left.is_zero()
    }

    /// What was said of the override.
    pub(crate) fn words(&self) -> Option<Arc<OverrideWords>> {
        self.words.clone()
    }

    /// The state to restore now.
    ///
    /// The wall clock is used only for how long the process was away, which no monotonic clock can
    /// tell. Where it has gone back since, or the time is still to come, no time has passed.
    pub(crate) fn memory(&self) -> SavedState {
        let away = self.saved_at.and_then(|at| time_of_day().duration_since(at).ok());
        self.memory.after(away.unwrap_or_default())
    }
}

#[expect(clippy::disallowed_methods, reason = "no other clock goes on between two processes")]
fn time_of_day() -> SystemTime {
    SystemTime::now()
}

/// `time` in whole milliseconds, which come back from a number of seconds in text.
fn to_millis(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let below = Duration::from_nanos(u64::from(since.subsec_nanos() % 1_000_000));
    UNIX_EPOCH.checked_add(since.saturating_sub(below)).unwrap_or(UNIX_EPOCH)
}
