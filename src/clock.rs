//! Where circuits get the time from.

use std::fmt;
use std::time::{Duration, Instant};

use crate::engine::time::nanos;
use crate::sync::{AtomicU64, Ordering};

#[cfg(feature = "test-util")]
pub(crate) mod manual;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;

/// A monotonic clock.
///
/// A circuit asks for the time when it may change its state, when it keeps a window of time, and
/// for each call when a slow-call rule or `abandoned_after` is set. It may be asked from many
/// threads at once, and must neither block nor panic. If it ever goes back, the circuit takes that
/// as no time having passed.
pub trait Clock: Send + Sync + 'static {
    /// The time since a fixed point of the clock's choosing.
    fn now(&self) -> Duration;
}

/// The monotonic clock of the operating system: the default.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that starts at zero now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.origin)
    }
}

/// The clock of one circuit, without a virtual call for the default.
pub(crate) enum ClockSource {
    System(SystemClock),
    /// A user's clock, and the latest that it has shown, in nanoseconds.
    Custom(Box<dyn Clock>, AtomicU64),
}

impl ClockSource {
    #[inline]
    pub(crate) fn now(&self) -> Duration {
        match self {
            Self::System(clock) => clock.now(),
            Self::Custom(clock, latest) => {
                let now = nanos(clock.now());
                // AcqRel: whoever was told a time sees to it that nobody is told an earlier one.
                Duration::from_nanos(latest.fetch_max(now, Ordering::AcqRel).max(now))
            }
        }
    }
}

impl fmt::Debug for ClockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System(_) => "SystemClock",
            Self::Custom(..) => "Clock",
        })
    }
}
