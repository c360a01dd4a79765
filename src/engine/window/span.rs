//! The span of a window.

use std::time::Duration;

/// The sliding window that trip rules are held against: the last N calls, or a span of time.
///
/// Default: the last 10 s in 10 buckets. Cost and memory depend on the settings alone, never on the
/// traffic.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::{Circuit, SlidingWindow};
///
/// let last_hundred = SlidingWindow::count(100);
/// let last_minute = SlidingWindow::time(Duration::from_secs(60)).buckets(30);
/// let circuit = Circuit::builder("search").failure_rate(0.5).window(last_minute).build();
/// # assert_ne!(last_hundred, last_minute);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingWindow(pub(crate) Span);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Calls(u32),
    Time { length: Duration, buckets: u32 },
}

impl SlidingWindow {
    /// The largest number of calls in a count window.
    ///
    /// A count window takes between 0.8 and 1.7 bytes a call, and between 2.4 and 4.8 with a rule
    /// for slow calls; 64 bytes at least.
    pub const MAX_CALLS: u32 = 1_000_000;

    /// The largest number of buckets in a time window.
    pub const MAX_BUCKETS: u32 = 3_600;

    /// The shortest bucket of a time window.
    pub const SHORTEST_BUCKET: Duration = Duration::from_millis(1);

    /// Makes a window over exactly the last `calls` successes and failures.
    ///
    /// # Panics
    ///
    /// Panics if `calls` is 0 or above [`MAX_CALLS`](Self::MAX_CALLS).
    #[must_use]
    #[track_caller]
    #[doc(alias = "slidingWindowSize")]
    #[doc(alias = "COUNT_BASED")]
    #[doc(alias = "sliding_window_size")]
    pub fn count(calls: u32) -> Self {
        assert!(
            (1..=Self::MAX_CALLS).contains(&calls),
            "a count window of {calls} calls: must be from 1 to {}",
            Self::MAX_CALLS
        );
        Self(Span::Calls(calls))
    }

    /// Makes a window over the results of the last `length`, in 10 buckets.
    ///
    /// There are fewer buckets where they would be shorter than 1 ms. The window moves on by one
    /// bucket at a time: with ten buckets it spans between nine tenths of `length` and all of it. A
    /// bucket counts at most 4.29 billion results of one class; a rate is off where more come in one
    /// bucket.
    ///
    /// # Panics
    ///
    /// Panics if `length` is under 1 ms.
    #[must_use]
    #[track_caller]
    #[doc(alias = "TIME_BASED")]
    #[doc(alias = "SamplingDuration")]
    #[doc(alias = "rollingStats.timeInMilliseconds")]
    #[doc(alias = "sliding_window_duration")]
    pub fn time(length: Duration) -> Self {
        let fitting = length.as_millis().clamp(1, DEFAULT_BUCKETS.into());
        Self::in_buckets(length, u32::try_from(fitting).unwrap_or(DEFAULT_BUCKETS))
    }

    /// Sets the number of buckets that a time window is cut into.
    ///
    /// # Panics
    ///
    /// Panics if this is a count window, if `buckets` is 0 or above
    /// [`MAX_BUCKETS`](Self::MAX_BUCKETS), or if a bucket would be shorter than 1 ms.
    #[must_use]
    #[track_caller]
    #[doc(alias = "rollingStats.numBuckets")]
    pub fn buckets(self, buckets: u32) -> Self {
        let Span::Time { length, .. } = self.0 else {
            let calls = self.length().unwrap_or(0);
            assert!(calls == 0, "a count window of {calls} calls has no buckets: use ::time(..)");
            return self;
        };
        Self::in_buckets(length, buckets)
    }

    #[track_caller]
    fn in_buckets(length: Duration, buckets: u32) -> Self {
        assert!(
            (1..=Self::MAX_BUCKETS).contains(&buckets),
            "a time window in {buckets} buckets: must be from 1 to {}",
            Self::MAX_BUCKETS
        );
        assert!(
            length >= Self::SHORTEST_BUCKET.saturating_mul(buckets),
            "a time window of {length:?} in {buckets} buckets: a bucket must be at least 1ms"
        );
        Self(Span::Time { length, buckets })
    }

    /// The number of calls in a count window.
    pub(crate) const fn length(self) -> Option<u32> {
        match self.0 {
            Span::Calls(calls) => Some(calls),
            Span::Time { .. } => None,
        }
    }
}

/// Fine enough that what leaves at once is a tenth, coarse enough to be summed on each failure; as
/// in Hystrix.
const DEFAULT_BUCKETS: u32 = 10;

impl Default for SlidingWindow {
    fn default() -> Self {
        Self(Span::Time { length: Duration::from_secs(10), buckets: DEFAULT_BUCKETS })
    }
}
