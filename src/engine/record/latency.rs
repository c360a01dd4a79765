//! How long calls took, as it is counted.

use std::time::Duration;

use crate::engine::record::histogram::{BOUNDS, BUCKETS, LatencyHistogram};
use crate::engine::time::nanos;
use crate::sync::{AtomicU64, Ordering};

/// The counters behind a [`LatencyHistogram`].
#[derive(Debug)]
pub(crate) struct Latency {
    counts: [AtomicU64; BUCKETS],
    /// The nanoseconds of all calls together; wraps.
    nanos: AtomicU64,
}

/// The bounds that a call may be past: not the last, for the last bucket takes all that is longer.
const LIMITS: &[u64] = match BOUNDS.split_last() {
    Some((_, limits)) => limits,
    None => &[],
};

/// The buckets of the powers of two from 2^[`LEAST_POWER`] nanoseconds on; further ones are in the
/// last.
const BUCKETS_OF_POWERS: [usize; 20] =
    [0, 1, 3, 6, 9, 11, 14, 17, 19, 22, 24, 27, 30, 32, 35, 38, 40, 43, 46, 47];

/// The greatest power of two that is, with all below, in the first bucket.
const LEAST_POWER: u32 = 17;

impl Latency {
    /// Adds a call that took `elapsed`.
    #[inline]
    pub(crate) fn add(&self, elapsed: Duration) {
        let nanos = nanos(elapsed);
        if let Some(count) = self.counts.get(bucket(nanos)) {
            // Relaxed: a number by itself; nothing is decided by it, and it publishes nothing.
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Relaxed: as above.
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// A copy. Its counts may be of slightly different moments.
    pub(crate) fn histogram(&self) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        for (copy, count) in histogram.counts.iter_mut().zip(&self.counts) {
            // Relaxed: as in `add`.
            *copy = count.load(Ordering::Relaxed);
        }
        // Relaxed: as in `add`.
        histogram.nanos = self.nanos.load(Ordering::Relaxed);
        histogram
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU64::new(0)), nanos: AtomicU64::new(0) }
    }
}

/// The bucket of a call that took so many nanoseconds.
///
/// From the power of two below, for which the bucket is known, at most three further: from one power
/// of two to the next there are three bounds at most.
#[inline]
fn bucket(nanos: u64) -> usize {
    let power = nanos.checked_ilog2().unwrap_or(0).saturating_sub(LEAST_POWER);
    let first = BUCKETS_OF_POWERS.get(power as usize).copied().unwrap_or(LIMITS.len());
    let limits = LIMITS.get(first..).unwrap_or(&[]);
    let is_past = |limit: &u64| usize::from(nanos > *limit);
    // Three comparisons without a branch; fewer only among the last buckets.
    let past = match limits.first_chunk::<3>() {
        Some([one, two, three]) => {
            is_past(one).saturating_add(is_past(two)).saturating_add(is_past(three))
        }
        None => limits.iter().map(is_past).sum(),
    };
    first.saturating_add(past)
}

#[cfg(test)]
mod tests;
