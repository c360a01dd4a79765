//! Open times: how the next one follows from the last.

use std::time::Duration;

use crate::engine::state::CircuitState;

/// How the next open time follows from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenTime {
    /// This time, whatever the backoff says.
    Given(Duration),
    /// The time of the backoff.
    Backoff,
    /// The rest, `left`, of a time `of`.
    Left { of: Duration, left: Duration },
}

/// The last open time, and the backoff step that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OpenTimes {
    /// Zero before the first and after a reset.
    last: Duration,
    /// The backoff step of the last open epoch; `None` before the first and after a reset.
    step: Option<u32>,
}

impl OpenTimes {
    /// The backoff step of the next open time of a circuit in `from`.
    pub(super) fn next_step(&self, from: CircuitState) -> u32 {
        match self.step {
            None => 0,
            Some(step) if from == CircuitState::Open => step,
            Some(step) => step.saturating_add(1),
        }
    }

    /// Sets the last open time and its step.
    pub(super) fn set(&mut self, last: Duration, step: u32) {
        *self = Self { last, step: Some(step) };
    }

    /// Starts over.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) const fn last(&self) -> Duration {
        self.last
    }

    pub(super) const fn step(&self) -> Option<u32> {
        self.step
    }
}
