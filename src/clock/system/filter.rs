//! A coarse clock in front of a precise one, which decides only what is certain.
//!
//! The coarse clock is never ahead of the precise one. As long as it is behind by less than
//! [`MARGIN`], every answer is the one that the precise clock would give. How far it is behind is
//! looked at whenever the precise clock is read; once it was further, it is not asked any more.

use std::time::Duration;

use crate::engine::time::{MARGIN, Nanos, Timestamp, nanos};
use crate::sync::{AtomicU64, Ordering};

/// The two clocks of a circuit.
pub(super) trait Clocks {
    /// Reads the clock that decides.
    fn precise(&self) -> Timestamp;

    /// Reads the clock that costs less.
    fn coarse(&self) -> Timestamp;
}

/// What is known of the coarse clock, and a number of 63 bits beside it that never changes.
#[derive(Debug)]
pub(super) struct CoarseFilter {
    /// The number, and above it whether the clock was once too far behind to be trusted.
    word: AtomicU64,
}

impl CoarseFilter {
    const OFF: u64 = 1 << 63;

    pub(super) const fn beside(number: u64) -> Self {
        Self { word: AtomicU64::new(number & !Self::OFF) }
    }

    /// The number beside it.
    #[inline]
    pub(super) fn number(&self) -> u64 {
        // Relaxed: it is so from the beginning.
        self.word.load(Ordering::Relaxed) & !Self::OFF
    }

    /// The time now, by the precise clock.
    #[inline]
    pub(super) fn now(&self, clocks: &impl Clocks) -> Timestamp {
        let now = clocks.precise();
        if self.is_on() {
            // Read after the precise one: a thread that is stopped between the two finds the coarse
            // clock closer than it is, and never turns it off without reason.
            self.note(now.since(clocks.coarse()));
        }
        now
    }

    /// The time left until `until`, at most [`MARGIN`] too long and never too short; `None` where
    /// it has come.
    #[inline]
    pub(super) fn time_left(&self, until: Timestamp, clocks: &impl Clocks) -> Option<Nanos> {
        if self.is_on() {
            let left = until.nanos_since(clocks.coarse());
            if left.get() > nanos(MARGIN) {
                return Some(left);
            }
        }
        let now = self.now(clocks);
        (now < until).then(|| until.nanos_since(now))
    }

    #[inline]
    fn is_on(&self) -> bool {
        // Relaxed: it announces nothing else.
        self.word.load(Ordering::Relaxed) & Self::OFF == 0
    }

    #[inline]
    fn note(&self, lag: Duration) {
        if lag >= MARGIN {
            // Relaxed: as in `is_on`.
            self.word.fetch_or(Self::OFF, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(breaker_loom)))]
mod tests;
