//! A clock that is cheap to read and a few milliseconds behind.

use std::time::Duration;

use crate::clock::Clock;

/// A monotonic clock that is cheap to read, and at most a few milliseconds behind.
///
/// A reading takes a fraction of the time that one of [`SystemClock`](crate::SystemClock) takes.
/// On Linux and Android it shows the kernel's last timer tick (`CLOCK_MONOTONIC_COARSE`): every
/// 1 ms to 10 ms, as the kernel was built. Elsewhere it is the same as `SystemClock`.
///
/// Exact enough for open times, and for windows whose buckets last 100 ms or more. A slow-call rule
/// measures a call to within one tick, too short or too long: use it where
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

    use rustix::time::{ClockId, clock_gettime};

    #[derive(Debug, Clone, Copy, Default)]
    pub(super) struct Source;

    impl Source {
        #[inline]
        #[expect(clippy::unused_self, reason = "elsewhere it has an origin")]
        pub(super) fn now(self) -> Duration {
            let time = clock_gettime(ClockId::MonotonicCoarse);
            // Neither is negative: the clock counts from when the system was started.
            let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
            Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
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
