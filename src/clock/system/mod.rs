//! The operating system's monotonic clock.

use std::time::Duration;

#[cfg(all(feature = "coarse-clock", any(target_os = "linux", target_os = "android")))]
pub(crate) use self::filtered::FilteredClock as DefaultClock;
#[cfg(all(feature = "coarse-clock", any(target_os = "linux", target_os = "android")))]
use self::filtered::KernelOrigin as Origin;
#[cfg(not(all(feature = "coarse-clock", any(target_os = "linux", target_os = "android"))))]
use self::precise::InstantOrigin as Origin;
#[cfg(not(all(feature = "coarse-clock", any(target_os = "linux", target_os = "android"))))]
pub(crate) use self::precise::PreciseClock as DefaultClock;
use crate::clock::Clock;

#[cfg(all(feature = "coarse-clock", any(target_os = "linux", target_os = "android")))]
mod filter;
#[cfg(all(feature = "coarse-clock", any(target_os = "linux", target_os = "android")))]
mod filtered;
#[cfg(not(all(feature = "coarse-clock", any(target_os = "linux", target_os = "android"))))]
mod precise;

/// The monotonic clock of the operating system: the default.
///
/// With the feature `coarse-clock` (on Linux and Android), a circuit on this clock asks the kernel's
/// coarse clock first, and reads the precise one, which takes several times as long, only where the
/// coarse one cannot tell: within 20 ms before the end of an open time, of a window's bucket or of a
/// limit for slow calls. So it decides what it would decide without the feature. Only what
/// [`retry_after`](crate::Rejected::retry_after) says may be up to 20 ms too long.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Origin,
}

impl SystemClock {
    /// Makes a clock that starts at zero now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Origin::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Duration {
        Duration::from_nanos(self.origin.passed())
    }

    fn is_monotonic(&self) -> bool {
        true
    }
}
