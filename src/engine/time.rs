//! Points in time, as the engine counts them.

use std::time::Duration;

/// Nanoseconds on the circuit's clock; reaches 584 years and then stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    /// The start of the clock.
    pub(crate) const ZERO: Self = Self(0);

    /// A time that never comes.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    #[inline]
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    #[inline]
    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    #[inline]
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time from `earlier` to `self`, as [`since`](Self::since).
    #[inline]
    pub(crate) const fn nanos_since(self, earlier: Self) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }

    /// The point `wait` after `self`, at the latest one before [`NEVER`](Self::NEVER).
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(nanos(wait)).min(u64::MAX - 1))
    }
}

/// A length of time in whole nanoseconds: half as long as a [`Duration`], and made from two points in
/// time without a division, which a rejection has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(u64);

impl Nanos {
    #[inline]
    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

impl From<Nanos> for Duration {
    fn from(nanos: Nanos) -> Self {
        Self::from_nanos(nanos.0)
    }
}

/// `duration` in whole nanoseconds, at most `u64::MAX`.
#[inline]
pub(crate) const fn nanos(duration: Duration) -> u64 {
    // In 64 bits: `as_nanos` counts in 128, which shows on each reading of the clock.
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos() as u64)
}

/// By how much [`TimeSource::time_left`] may be too long.
///
/// The coarse clock of Linux is behind by a tick or more: up to 7 ms were seen where ticks come
/// every 4 ms, so with ticks of 10 ms, the longest, it stays within twice of one.
pub(crate) const MARGIN: Duration = Duration::from_millis(20);

/// What tells the engine the time.
pub(crate) trait TimeSource {
    /// Whether [`time_left`](Self::time_left) is never too long.
    const IS_EXACT: bool = true;

    /// The time now.
    fn now(&self) -> Timestamp;

    /// The time at which a call starts or ends: as [`now`](Self::now), and nothing is looked after
    /// besides.
    #[inline]
    fn start(&self) -> Timestamp {
        self.now()
    }

    /// The time left until `until`: never too short, and at most [`MARGIN`] too long. `None` where
    /// `until` has come, exactly. May cost less than a reading.
    #[inline]
    fn time_left(&self, until: Timestamp) -> Option<Nanos> {
        let now = self.now();
        (now < until).then(|| until.nanos_since(now))
    }
}

impl<F: Fn() -> Timestamp> TimeSource for F {
    #[inline]
    fn now(&self) -> Timestamp {
        self()
    }
}

/// A clock that stands still, for what is to happen at one time.
impl TimeSource for Timestamp {
    #[inline]
    fn now(&self) -> Timestamp {
        *self
    }
}

/// A reading of the clock that is taken when first asked for, and then kept.
#[derive(Debug)]
pub(crate) struct Reading<F> {
    read: Option<F>,
    at: Timestamp,
}

impl<F: FnOnce() -> Timestamp> Reading<F> {
    #[inline]
    pub(crate) const fn new(read: F) -> Self {
        Self { read: Some(read), at: Timestamp::ZERO }
    }

    #[inline]
    pub(crate) fn get(&mut self) -> Timestamp {
        if let Some(read) = self.read.take() {
            self.at = read();
        }
        self.at
    }
}

#[cfg(test)]
mod tests;
