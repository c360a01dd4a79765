//! Open times, backoff and ramp, under the settings of the circuit.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::machine::control::Control;
use crate::engine::machine::control::open_times::OpenTime;
use crate::engine::rules::settings::Settings;
use crate::engine::state::CircuitState;
use crate::engine::time::{Timestamp, nanos};

impl Control {
    /// Goes on to the next open time of a circuit in `from`, and returns what is left of it.
    pub(super) fn next_open_time(
        &mut self,
        from: CircuitState,
        open_time: OpenTime,
        now: Timestamp,
    ) -> Duration {
        let has_recovered = from == CircuitState::Closed
            && self.time_in_state(now) >= self.open_times.last()
            && now >= self.ramp_ends;
        if has_recovered {
            self.open_times.forget();
        }
        let step = self.open_times.next_step(from);
        let (open_for, left) = match open_time {
            OpenTime::Given(open_for) => (open_for, open_for),
            OpenTime::Backoff => {
                let open_for = self.settings.open.step(step, self.jitter.roll());
                (open_for, open_for)
            }
            OpenTime::Left { of, left } => (of, left),
        };
        self.open_times.set(open_for, step);
        left
    }

    /// The open time of the rule that held, or that of the backoff.
    pub(in crate::engine::machine) fn open_time_of(&self, reason: ChangeReason) -> OpenTime {
        self.settings.own_open_time(reason).map_or(OpenTime::Backoff, OpenTime::Given)
    }

    /// The open time that the upstream asks for, as far as settings allow it.
    pub(in crate::engine::machine) fn open_time_asked(&self, open_for: Duration) -> OpenTime {
        OpenTime::Given(open_for.min(self.settings.max_trip_for))
    }

    /// The last open time and its step.
    pub(in crate::engine::machine) fn backoff(&self) -> (Duration, u32) {
        (self.open_times.last(), self.open_times.step().unwrap_or(0))
    }

    /// The backoff step of the last open epoch; `None` before the first and after a reset.
    pub(in crate::engine::machine) const fn step(&self) -> Option<u32> {
        self.open_times.step()
    }

    /// Sets the last open time and its step.
    pub(in crate::engine::machine) fn set_backoff(&mut self, (open_for, step): (Duration, u32)) {
        self.open_times.set(open_for, step);
    }

    /// When a ramp that begins now ends; zero without one.
    pub(in crate::engine::machine) fn ramp_from(&self, now: Timestamp) -> Timestamp {
        self.settings.ramp.map_or(Timestamp::ZERO, |ramp| now.after(ramp))
    }

    /// The new end of a ramp in progress under other `settings`: it keeps the share it has gained.
    pub(in crate::engine::machine) fn rescaled_ramp(
        &self,
        settings: &Settings,
        now: Timestamp,
    ) -> Timestamp {
        let left = self.ramp_ends.since(now);
        let (Some(old), Some(new)) = (self.settings.ramp, settings.ramp) else {
            return Timestamp::ZERO;
        };
        if left.is_zero() {
            return Timestamp::ZERO;
        }
        let scaled = u128::from(nanos(left)).saturating_mul(nanos(new).into());
        let left = scaled.checked_div(nanos(old).into()).unwrap_or_default();
        let left = Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
        // Zero is no ramp: the rest of one that is nearly over still is one.
        now.after(left.max(Duration::from_nanos(1)))
    }

    /// Ends the ramp: all calls are admitted again.
    pub(in crate::engine::machine) fn end_ramp(&mut self) {
        self.ramp_ends = Timestamp::ZERO;
    }

    /// How long the closed circuit has still to stay so, until its backoff starts over.
    pub(in crate::engine::machine) fn left_to_recover(&self, now: Timestamp) -> Duration {
        let left = self.open_times.last().saturating_sub(self.time_in_state(now));
        left.max(self.ramp_ends.since(now))
    }
}
