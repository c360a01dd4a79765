//! Clocks, from which circuits take the time.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use self::system::DefaultClock;
pub use self::system::SystemClock;
use crate::engine::time::{Nanos, TimeSource, Timestamp, nanos};
use crate::sync::{Arc, AtomicU64, Ordering};

#[cfg(feature = "coarse-clock")]
pub(crate) mod coarse;
#[cfg(all(feature = "coarse-clock", any(target_os = "linux", target_os = "android")))]
mod kernel;
#[cfg(feature = "test-util")]
pub(crate) mod manual;
mod system;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;

/// A monotonic clock, from which a circuit takes the time.
///
/// A circuit reads it when it may change its state, when it keeps a time window, and for each call
/// when a slow-call rule or `abandoned_after` is set. It may be read by many threads at once, and
/// must neither block nor panic. If it ever goes back, the circuit takes that as no time having
/// passed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no clock",
    note = "the clocks of this crate: `SystemClock`, the default; `CoarseClock` (feature \
            `coarse-clock`), `TokioClock` (feature `tokio`), `ManualClock` (feature `test-util`)",
    note = "a clock is given itself, not in an `Arc`: clones of a `ManualClock` share their time",
    note = "a type of your own implements `Clock`, by the time since a fixed point of its choosing"
)]
pub trait Clock: Send + Sync + 'static {
    /// Returns the time since a fixed point of the clock's choosing.
    fn now(&self) -> Duration;

    /// Returns whether no reading is ever earlier than one before it, on any thread.
    ///
    /// If not, a circuit keeps the latest reading and holds later ones against it, which costs each
    /// of them an atomic operation. Asked once, when the circuit is built. Default: false.
    fn is_monotonic(&self) -> bool {
        false
    }
}

/// The clock of one circuit, without a virtual call for the default.
pub(crate) enum ClockSource {
    System(DefaultClock),
    /// A clock that is monotonic, by its own account.
    Monotonic(CustomClock),
    /// A clock, and its latest reading in nanoseconds. Boxed, for a circuit without one to be small.
    Latched(Box<(CustomClock, AtomicU64)>),
}

/// The clock of one circuit for others, which may read it after the circuit is gone.
pub(crate) enum SharedClock {
    System(SystemClock),
    Custom(CustomClock),
}

/// In a box of its own: to reach the value behind an `Arc<dyn Clock>` takes more instructions.
type CustomClock = Arc<Box<dyn Clock>>;

impl ClockSource {
    pub(crate) fn new(clock: impl Clock) -> Self {
        if let Some(system) = (&clock as &dyn Any).downcast_ref() {
            return Self::System(DefaultClock::new(*system));
        }
        let is_monotonic = clock.is_monotonic();
        let clock: CustomClock = Arc::new(Box::new(clock));
        if is_monotonic {
            return Self::Monotonic(clock);
        }
        Self::Latched(Box::new((clock, AtomicU64::new(0))))
    }

    pub(crate) fn shared(&self) -> SharedClock {
        match self {
            Self::System(clock) => SharedClock::System(clock.unfiltered()),
            Self::Monotonic(clock) => SharedClock::Custom(Arc::clone(clock)),
            Self::Latched(latched) => SharedClock::Custom(Arc::clone(&latched.0)),
        }
    }
}

impl TimeSource for ClockSource {
    const IS_EXACT: bool = DefaultClock::IS_EXACT;

    #[inline]
    fn now(&self) -> Timestamp {
        match self {
            Self::System(clock) => clock.now(),
            Self::Monotonic(clock) => Timestamp::from_nanos(nanos(clock.now())),
            Self::Latched(clock) => latched(&**clock.0, &clock.1),
        }
    }

    #[inline]
    fn start(&self) -> Timestamp {
        if let Self::System(clock) = self { clock.start() } else { self.now() }
    }

    #[inline]
    fn time_left(&self, until: Timestamp) -> Option<Nanos> {
        if let Self::System(clock) = self {
            return clock.time_left(until);
        }
        let now = self.now();
        (now < until).then(|| until.nanos_since(now))
    }
}

impl SharedClock {
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::System(clock) => Timestamp::from_nanos(nanos(clock.now())),
            Self::Custom(clock) => Timestamp::from_nanos(nanos(clock.now())),
        }
    }
}

/// The time that `clock` shows, or its latest reading if that is later.
#[inline(never)]
fn latched(clock: &dyn Clock, latest: &AtomicU64) -> Timestamp {
    let now = nanos(clock.now());
    // All readings change this one word, in one order: a reading that happens after another returns
    // at least its time. AcqRel adds that it also sees what was done before that one.
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
