//! What results make of a circuit.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::Outcome;
use crate::engine::state::{CircuitState, Override};
use crate::engine::time::Timestamp;
use crate::test_util::conformance::books::{Books, Due};
use crate::test_util::conformance::results::Held;

impl Books {
    pub(super) fn count(&mut self, outcome: Outcome, is_slow: bool) {
        let counter = match outcome {
            Outcome::Success => &mut self.totals.successes,
            Outcome::Ignored => &mut self.totals.ignored,
            Outcome::NotSent => &mut self.totals.not_sent,
            Outcome::Failure(_) | Outcome::TripFor(_) => &mut self.totals.failures,
        };
        *counter += 1;
        self.totals.slow_calls += u64::from(is_slow);
    }

    pub(super) fn judge_call(
        &mut self,
        outcome: Outcome,
        is_slow: bool,
        now: Timestamp,
    ) -> Option<Due> {
        if matches!(outcome, Outcome::Ignored | Outcome::NotSent) {
            return None;
        }
        let held = self.results.take(&self.settings, outcome, is_slow, now);
        if self.overridden == Some(Override::ForcedClosed) {
            return None;
        }
        let to = CircuitState::Open;
        if let Outcome::TripFor(time) = outcome {
            return Some(self.asked(time));
        }
        held.map(|Held { reason, open_for }| Due { to, reason, open_for })
    }

    pub(super) fn judge_probe(&mut self, outcome: Outcome, is_slow: bool) -> Option<Due> {
        match outcome {
            Outcome::NotSent => return None,
            Outcome::TripFor(time) => return Some(self.asked(time)),
            Outcome::Ignored => self.ignored_in_a_row += 1,
            Outcome::Success if !is_slow => self.passed += 1,
            Outcome::Success | Outcome::Failure(_) => self.failed += 1,
        }
        if outcome != Outcome::Ignored {
            self.ignored_in_a_row = 0;
        }
        let (to, reason) = if self.failed > self.settings.failed_probes_allowed {
            (CircuitState::Open, ChangeReason::ProbesFailed)
        } else if self.passed >= self.settings.probes {
            (CircuitState::Closed, ChangeReason::ProbesSucceeded)
        } else if self.ignored_in_a_row >= IGNORED_PROBES_THAT_CLOSE {
            (CircuitState::Closed, ChangeReason::ProbesIgnored)
        } else {
            return None;
        };
        Some(Due { to, reason, open_for: None })
    }

    fn asked(&self, time: Duration) -> Due {
        let (to, reason) = (CircuitState::Open, ChangeReason::UpstreamAsked);
        Due { to, reason, open_for: Some(time.min(self.settings.longest_trip_for)) }
    }
}

/// As `Outcome::Ignored` promises.
const IGNORED_PROBES_THAT_CLOSE: u32 = 16;
