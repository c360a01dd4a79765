//! Calls of a closed circuit that have not ended: which of them are stalled.

use std::time::Duration;

use crate::model::circuit::Model;
use tower_circuit_breaker::{ChangeReason, Override};

impl Model {
    /// A call comes: it is asked, once in a tick, whether those in flight are stalled.
    pub(super) fn look(&mut self) {
        let (slow, stalled) = (self.settings.slow, self.settings.stalled);
        let slower_than = slow.map(|(_, than)| than);
        let slows = if self.looks(0, slower_than) { self.stalled(slower_than) } else { 0 };
        let older_than = stalled.map(|(_, than)| than);
        let looks = self.looks(1, older_than);
        if self.overridden == Some(Override::ForcedClosed) {
            return;
        }
        if slows > 0 && self.is_too_slow() {
            self.open(ChangeReason::SlowCallRate, None)
        } else if looks
            && stalled.is_some_and(|(calls, _)| self.stalled(older_than) >= calls.into())
        {
            self.open(ChangeReason::StalledCalls, None)
        }
    }

    fn looks(&mut self, which: usize, age: Option<Duration>) -> bool {
        let Some(age) = age else { return false };
        let tick = tick(self.now, age);
        std::mem::replace(&mut self.looked[which], tick) != tick
    }

    /// How many calls in flight count as slow already.
    pub fn slow_in_flight(&self) -> u64 {
        self.stalled(self.settings.slow.map(|(_, than)| than))
    }

    /// How many calls in flight are stalled.
    pub fn stalled_calls(&self) -> u64 {
        self.stalled(self.settings.stalled.map(|(_, than)| than))
    }

    /// How many calls in flight have lasted so long, counted in ticks.
    pub(super) fn stalled(&self, age: Option<Duration>) -> u64 {
        let Some(age) = age else { return 0 };
        let hangs = |at: &&Duration| tick(self.now, age).saturating_sub(tick(**at, age)) >= TICKS;
        self.in_flight.iter().filter(hangs).count() as u64
    }
}

/// A call is stalled from so many ticks on.
const TICKS: u128 = 16;

/// The tick of `at`, where fifteen make an age: an age is cut up by a product, as the circuit does
/// it, since they are to agree to the nanosecond.
pub(super) fn tick(at: Duration, age: Duration) -> u128 {
    let tick = age.as_nanos().div_ceil(TICKS - 1).min(LONGEST_TICK);
    (at.as_nanos() * (u128::from(u64::MAX) / tick)) >> 64
}

/// So that an age is over before the 584 years are that a circuit counts.
const LONGEST_TICK: u128 = u64::MAX as u128 / (TICKS + 1);
