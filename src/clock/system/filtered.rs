//! The clock by the kernel, with its coarse clock in front.

use crate::clock::system::filter::{Clocks, CoarseFilter};
use crate::clock::{SystemClock, kernel};
use crate::engine::time::{Nanos, TimeSource, Timestamp};

/// When a clock started.
#[derive(Debug, Clone, Copy)]
pub(super) struct KernelOrigin(u64);

impl KernelOrigin {
    pub(super) fn now() -> Self {
        Self(kernel::precise())
    }

    /// The nanoseconds since then.
    #[inline]
    pub(super) fn passed(self) -> u64 {
        kernel::precise().saturating_sub(self.0)
    }

    /// The same by the coarse clock: as many, or less.
    #[inline]
    fn passed_at_least(self) -> u64 {
        kernel::coarse().saturating_sub(self.0)
    }
}

/// The clock of a circuit that was given no other.
#[derive(Debug)]
pub(crate) struct FilteredClock {
    /// Beside it when the clock started: within 292 years of the system's start.
    filter: CoarseFilter,
}

impl FilteredClock {
    pub(crate) const fn new(clock: SystemClock) -> Self {
        Self { filter: CoarseFilter::beside(clock.origin.0) }
    }

    #[inline]
    pub(crate) fn unfiltered(&self) -> SystemClock {
        SystemClock { origin: KernelOrigin(self.filter.number()) }
    }
}

impl TimeSource for FilteredClock {
    const IS_EXACT: bool = false;

    #[inline]
    fn now(&self) -> Timestamp {
        self.filter.now(&self.unfiltered())
    }

    #[inline]
    fn start(&self) -> Timestamp {
        self.unfiltered().precise()
    }

    #[inline]
    fn time_left(&self, until: Timestamp) -> Option<Nanos> {
        self.filter.time_left(until, &self.unfiltered())
    }
}

impl Clocks for SystemClock {
    #[inline]
    fn precise(&self) -> Timestamp {
        Timestamp::from_nanos(self.origin.passed())
    }

    #[inline]
    fn coarse(&self) -> Timestamp {
        Timestamp::from_nanos(self.origin.passed_at_least())
    }
}
