//! A clock that costs little to read and is a few milliseconds behind.

use std::time::Duration;

use crate::clock::Clock;

/// A monotonic clock that costs little to read, and is a few milliseconds behind.
///
/// You seldom need it: with the feature `coarse-clock`, a circuit on
/// [`SystemClock`](crate::SystemClock), the default, asks the kernel's coarse clock where that can
/// decide, and the precise one where it cannot.
///
/// On Linux and Android a reading is the kernel's last timer tick (`CLOCK_MONOTONIC_COARSE`). Ticks
/// come every 1 ms to 10 ms, as the kernel was built. A reading is behind by one tick or more: up to
/// 7 ms were seen where ticks come every 4 ms, and the kernel promises no bound. Elsewhere it is the
/// same as `SystemClock`.
///
/// Exact enough for open times, and for windows whose buckets last 100 ms or more. A slow-call rule
/// measures a call too short or too long by as much as two readings may be behind: use it where
/// `slower_than` is many ticks.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::{Circuit, CoarseClock};
///
/// let circuit = Circuit::builder("search").failure_rate(0.5).clock(CoarseClock::new()).build();
/// # assert!(circuit.try_acquire().is_ok());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CoarseClock {
    source: source::Source,
}

impl CoarseClock {
    /// Makes a clock that starts at a point of the system's choosing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Clock for CoarseClock {
    #[inline]
    fn now(&self) -> Duration {
        self.source.now()
    }

    fn is_monotonic(&self) -> bool {
        true
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod source {
    use std::time::Duration;

    use crate::clock::kernel;

    #[derive(Debug, Clone, Copy, Default)]
    pub(super) struct Source;

    impl Source {
        #[inline]
        #[expect(clippy::unused_self, reason = "elsewhere it has an origin")]
        pub(super) fn now(self) -> Duration {
            Duration::from_nanos(kernel::coarse())
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod source {
    use std::time::Duration;

    use crate::clock::{Clock, SystemClock};

    #[derive(Debug, Clone, Copy, Default)]
    pub(super) struct Source {
        precise: SystemClock,
    }

    impl Source {
        #[inline]
        pub(super) fn now(self) -> Duration {
            self.precise.now()
        }
    }
}
