//! What the next call will meet, and when that will be another.

use std::time::Duration;

use crate::model::circuit::Model;
use tower_circuit_breaker::{CircuitState, Override};

impl Model {
    /// Whether a call would be rejected now; changes nothing.
    pub fn would_reject(&self) -> bool {
        let live = self.live.iter().filter(|(_, ends)| *ends > self.now).count();
        match (self.state, self.overridden) {
            (CircuitState::Closed, _) | (_, Some(Override::Observing)) => false,
            (_, Some(Override::ForcedOpen)) => {
                self.override_ends.is_none_or(|ends| self.now < ends)
            }
            (CircuitState::Open, _) => self.now < self.until,
            (CircuitState::HalfOpen, _) => live >= self.settings.concurrent_probes as usize,
        }
    }

    /// How long the open time will last, where it has an end.
    pub fn open_time_left(&self) -> Option<Duration> {
        let counts_down =
            self.state == CircuitState::Open && self.overridden != Some(Override::ForcedOpen);
        counts_down.then(|| self.until.saturating_sub(self.now))
    }

    pub fn in_state_for(&self) -> Duration {
        self.now.saturating_sub(self.since)
    }

    /// Rejects a call without being asked for admission, as a service does that was only ready to.
    pub fn count_rejection(&mut self) {
        self.totals[5] += 1;
    }

    /// What is awaited in this state: the end of the open time, a probe's slot, or that the backoff
    /// starts over.
    pub fn awaited_at(&self) -> Option<Duration> {
        match self.state {
            CircuitState::Open if self.overridden == Some(Override::ForcedOpen) => {
                self.override_ends
            }
            CircuitState::Open => Some(self.until),
            CircuitState::HalfOpen => self.live.iter().map(|(_, ends)| *ends).min(),
            CircuitState::Closed => Some(self.recovered_at()),
        }
    }

    /// When a closed circuit has been so for as long as it was open, and for as long as it ramps.
    pub(super) fn recovered_at(&self) -> Duration {
        let ramp = self.settings.ramp.unwrap_or_default();
        self.since.saturating_add(self.opened_for.max(ramp)).min(LAST)
    }

    /// So long from now.
    pub fn after(&self, wait: Duration) -> Duration {
        self.now.saturating_add(wait).min(LAST)
    }
}

/// A circuit counts nanoseconds for 584 years, and every open time is over by their end.
const LAST: Duration = Duration::from_nanos(u64::MAX - 1);
