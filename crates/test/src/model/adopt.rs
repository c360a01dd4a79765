//! What nobody can foretell, taken over from the circuit once it was seen: what jitter, ramp and
//! throttle drew, and what somebody else than calls and commands did.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::model::change::Change;
use crate::model::circuit::Model;
use tower_circuit_breaker::{CircuitState, Override};

/// Open times are at their longest by then, whatever the settings.
const MOST_STEPS: u32 = 94;

impl Model {
    /// How long the open time that has just begun may be.
    pub fn open_times(&self) -> RangeInclusive<Duration> {
        let longest = self.opened_for;
        let shortest = if self.is_drawn { longest / 2 } else { longest };
        shortest..=longest
    }

    /// The open time that has just begun is this.
    pub fn adopt_open_time(&mut self, open_for: Duration) {
        self.opened_for = open_for;
        self.is_drawn = false;
        self.until = self.after(open_for);
    }

    /// The open time that has just begun is what a restart has left of a longer one, which is the
    /// first of the backoff's that is not shorter.
    pub fn adopt_rest_of_open_time(&mut self) {
        let mut steps = (0..MOST_STEPS).map(|step| (step, self.settings.backoff(step)));
        if let Some((step, whole)) = steps.find(|(_, whole)| *whole >= self.opened_for) {
            (self.step, self.opened_for) = (Some(step), whole);
        }
    }

    /// Whether calls may be shed now: always by a throttle, and by a ramp after a recovery.
    pub fn may_shed(&self) -> bool {
        let has_recovered = self.step.is_some();
        let ramps = |ramp| has_recovered && self.in_state_for() < ramp;
        let sheds = self.settings.throttle.is_some() || self.settings.ramp.is_some_and(ramps);
        let is_forced = self.overridden == Some(Override::ForcedClosed);
        self.state == CircuitState::Closed && sheds && !is_forced
    }

    /// The call that was just admitted was shed.
    pub fn adopt_shed_call(&mut self) {
        self.in_flight.pop();
        self.count_rejection();
    }

    /// So many calls would have been rejected by now, some of which only chance would have shed.
    pub fn adopt_would_have_rejected(&mut self, calls: u64) {
        if self.overridden == Some(Override::Observing) && self.may_shed() {
            self.totals[6] = self.totals[6].max(calls);
        }
    }

    /// Makes a change from outside.
    pub fn adopt_change(&mut self, change: Change) {
        match change.open_for {
            Some(open_for) => self.open(change.reason, Some(open_for)),
            None => self.enter(change.to, change.reason),
        }
    }
}
