//! The clock by the standard library, read whenever a circuit asks for the time.

use std::time::Instant;

use crate::clock::SystemClock;
use crate::engine::time::{TimeSource, Timestamp, nanos};

/// When a clock started.
#[derive(Debug, Clone, Copy)]
pub(super) struct InstantOrigin(Instant);

impl InstantOrigin {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    /// The nanoseconds since then.
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(super) fn passed(self) -> u64 {
        nanos(Instant::now().saturating_duration_since(self.0))
    }
}

/// The clock of a circuit that was given no other.
#[derive(Debug)]
pub(crate) struct PreciseClock(SystemClock);

impl PreciseClock {
    pub(crate) const fn new(clock: SystemClock) -> Self {
        Self(clock)
    }

    pub(crate) const fn unfiltered(&self) -> SystemClock {
        self.0
    }
}

impl TimeSource for PreciseClock {
    #[inline]
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.origin.passed())
    }
}
