//! Where circuits get the time from.

use std::fmt;
use std::time::{Duration, Instant};

use crate::engine::time::{Timestamp, nanos};
use crate::sync::{AtomicU64, Ordering};

#[cfg(feature = "coarse-clock")]
pub(crate) mod coarse;
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

    /// Whether each reading is at least as late as every one before it, on whatever thread.
    ///
    /// Then a circuit need not keep the latest reading to hold later ones against, which costs each
    /// of them an atomic operation. Asked once, when the circuit is built. Default: false.
    fn is_monotonic(&self) -> bool {
        false
    }
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

    fn is_monotonic(&self) -> bool {
        true
    }
}

/// The clock of one circuit, without a virtual call for the default.
pub(crate) enum ClockSource {
    System(SystemClock),
    /// A clock that says that it never goes back.
    Monotonic(Box<dyn Clock>),
    /// A clock, and the latest that it has shown, in nanoseconds.
    Latched(Box<dyn Clock>, AtomicU64),
}

impl ClockSource {
    pub(crate) fn new(clock: Option<Box<dyn Clock>>) -> Self {
        match clock {
            None => Self::System(SystemClock::new()),
            Some(clock) if clock.is_monotonic() => Self::Monotonic(clock),
            Some(clock) => Self::Latched(clock, AtomicU64::new(0)),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::System(clock) => Timestamp::from_nanos(nanos(clock.now())),
            Self::Monotonic(clock) => Timestamp::from_nanos(nanos(clock.now())),
            Self::Latched(clock, latest) => latched(&**clock, latest),
        }
    }
}

/// The time that `clock` shows, or the latest that it has shown.
#[inline(never)]
fn latched(clock: &dyn Clock, latest: &AtomicU64) -> Timestamp {
    let now = nanos(clock.now());
    // AcqRel: whoever was told a time sees to it that nobody is told an earlier one.
    Timestamp::from_nanos(latest.fetch_max(now, Ordering::AcqRel).max(now))
}

impl fmt::Debug for ClockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System(_) => "SystemClock",
            Self::Monotonic(_) | Self::Latched(..) => "Clock",
        })
    }
}
