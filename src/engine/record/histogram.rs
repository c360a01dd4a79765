//! A copy of how long calls took, for people and dashboards.

use std::fmt;
use std::time::Duration;

/// From a quarter of a millisecond to a minute in steps of 30 %.
pub(super) const BUCKETS: usize = 48;

/// The bound of each bucket, in nanoseconds. What takes exactly as long is in it.
#[rustfmt::skip]
pub(super) const BOUNDS: [u64; BUCKETS] = [
    250_000, 325_000, 422_000, 548_000, 712_000, 925_000, 1_202_000, 1_562_000, 2_030_000,
    2_639_000, 3_430_000, 4_459_000, 5_796_000, 7_534_000, 9_794_000, 12_732_000, 16_551_000,
    21_516_000, 27_970_000, 36_361_000, 47_269_000, 61_449_000, 79_883_000, 103_847_000,
    135_001_000, 175_501_000, 228_151_000, 296_596_000, 385_574_000, 501_246_000, 651_619_000,
    847_104_000, 1_101_235_000, 1_431_605_000, 1_861_086_000, 2_419_411_000, 3_145_234_000,
    4_088_804_000, 5_315_445_000, 6_910_078_000, 8_983_101_000, 11_678_031_000, 15_181_440_000,
    19_735_872_000, 25_656_633_000, 33_353_622_000, 43_359_708_000, 56_367_620_000,
];

/// How long the calls of a circuit took: a histogram that only grows.
///
/// From [`Circuit::latency`](crate::Circuit::latency), where
/// [`CircuitBuilder::latency`](crate::CircuitBuilder::latency) asks for it, and a plain copy of what
/// was counted until then. [`since`](Self::since) tells what has come since an earlier copy.
///
/// # Accuracy
///
/// A call is in the first of 48 buckets whose bound it does not exceed. The first bound is 250 µs;
/// each is 1.3 times the one before, rounded down to a whole microsecond; the last is 56.367620 s,
/// and its bucket also takes calls that took longer. So a [`quantile`](Self::quantile) is never less
/// than what the call took, and more by at most 30 %: but for calls of less than 250 µs, where it is
/// 250 µs, and for calls of more than 56 s, where it is the last bound.
///
/// A copy that is taken while calls end may have the time of a call in its [`sum`](Self::sum), and
/// not yet the call in its [`count`](Self::count).
///
/// # Examples
///
/// What the last minute was like, whatever came before:
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::Circuit;
/// # use tower_circuit_breaker::LatencyHistogram;
///
/// let circuit = Circuit::builder("plants").latency().build();
/// # let none = LatencyHistogram::default();
/// let before = circuit.latency().unwrap_or_default();
/// # assert_eq!(before, none);
///
/// assert!(circuit.run(|| Ok::<_, ()>("grows")).is_ok());
///
/// let minute = circuit.latency().unwrap_or_default().since(&before);
/// assert_eq!(minute.count(), 1);
/// assert!(minute.quantile(0.99).is_some_and(|most| most >= Duration::from_micros(250)));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LatencyHistogram {
    pub(super) counts: [u64; BUCKETS],
    /// The nanoseconds of all calls together.
    pub(super) nanos: u64,
}

impl LatencyHistogram {
    /// Returns the number of calls.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().copied().fold(0, u64::saturating_add)
    }

    /// Returns the time that all calls took together, to the nanosecond.
    ///
    /// Starts again from zero after 584 years: with 10,000 calls in flight at all times, after 21
    /// days. A difference by [`since`](Self::since) is right all the same.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Returns the time within which this share of the calls ended; `None` if there were none.
    ///
    /// The bound of the bucket of the call that is `share` of the way from the fastest, at 0, to the
    /// slowest, at 1: never too short, and at most 30 % too long. See the
    /// [accuracy](Self#accuracy).
    ///
    /// # Panics
    ///
    /// Panics if `share` is not from 0 to 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_circuit_breaker::{Circuit, ManualClock, Outcome};
    ///
    /// let clock = ManualClock::new();
    /// let circuit = Circuit::builder("plants").latency().clock(clock.clone()).build();
    /// for millis in 1..=100 {
    ///     let permit = circuit.try_acquire()?;
    ///     clock.advance(Duration::from_millis(millis));
    ///     permit.record(Outcome::Success);
    /// }
    ///
    /// let latency = circuit.latency().expect("asked for above");
    /// assert_eq!(latency.quantile(0.5), Some(Duration::from_micros(61_449)));
    /// assert_eq!(latency.sum(), Duration::from_millis(5_050));
    /// # Ok::<(), tower_circuit_breaker::Rejected>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        assert!(
            (0.0..=1.0).contains(&share),
            "share is {share}: must be from 0 to 1, such as 0.99"
        );
        let rank = rank(share, self.count());
        let mut before = 0_u64;
        self.buckets().find_map(|(bound, calls)| {
            before = before.saturating_add(calls);
            (calls > 0 && before >= rank).then_some(bound)
        })
    }

    /// Returns what was added since `earlier`, an older copy of the same circuit's.
    ///
    /// Where a count has fallen since, the circuit is another one, such as that which was made anew under
    /// its name, and all of its calls are new.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut pairs = self.counts.iter().zip(&earlier.counts);
        if pairs.any(|(now, then)| now < then) {
            return self.clone();
        }
        let mut counts = [0; BUCKETS];
        let pairs = self.counts.iter().zip(&earlier.counts);
        for (count, (now, then)) in counts.iter_mut().zip(pairs) {
            *count = now.saturating_sub(*then);
        }
        Self { counts, nanos: self.nanos.wrapping_sub(earlier.nanos) }
    }

    /// Returns the bound of each bucket, and the number of calls in it, from the fastest on.
    ///
    /// A call that took exactly a bound is in the bucket of that bound. The last bucket holds all
    /// calls that took more than the bound before it.
    #[must_use]
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (Duration, u64)> {
        BOUNDS.iter().map(|bound| Duration::from_nanos(*bound)).zip(self.counts)
    }
}

/// The rank, from 1, of the call below or at which `share` of `count` calls are.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share from 0 to 1 of a number of calls"
)]
fn rank(share: f64, count: u64) -> u64 {
    ((share * count as f64).ceil() as u64).min(count)
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], nanos: 0 }
    }
}

impl fmt::Debug for LatencyHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatencyHistogram")
            .field("count", &self.count())
            .field("sum", &self.sum())
            .finish_non_exhaustive()
    }
}
