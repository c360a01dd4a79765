//! How long calls took lately, from histograms that only grow.

use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::Instant;
use tower_circuit_breaker::LatencyHistogram;

/// Within which time a half, 95 and 99 of 100 calls ended, each as the bucket that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: Bucket,
    pub(crate) p95: Bucket,
    pub(crate) p99: Bucket,
}

/// One of the buckets of a histogram by its number, from 1: a byte in place of its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bucket(NonZeroU8);

/// The calls of the last half a minute, or of somewhat less.
#[derive(Debug)]
pub(crate) struct RecentLatency {
    /// As it was when the half before this one began, and when this one did.
    before: LatencyHistogram,
    middle: LatencyHistogram,
    turned: Instant,
    read: Instant,
    last: LatencyHistogram,
    percentiles: Option<Percentiles>,
}

impl Percentiles {
    /// Of the calls in `histogram`, if there are any.
    pub(crate) fn of(histogram: &LatencyHistogram) -> Option<Self> {
        let of = |share| Some(Bucket::of(histogram.quantile(share)?));
        Some(Self { p50: of(0.5)?, p95: of(0.95)?, p99: of(0.99)? })
    }
}

impl Bucket {
    /// That with this bound.
    fn of(bound: Duration) -> Self {
        let buckets = LatencyHistogram::default();
        let below = buckets.buckets().take_while(|(other, _)| *other < bound).count();
        Self(
            u8::try_from(below)
                .map_or(NonZeroU8::MAX, |below| NonZeroU8::MIN.saturating_add(below)),
        )
    }

    pub(crate) fn bound(self) -> Duration {
        let buckets = LatencyHistogram::default();
        let below = usize::from(self.0.get() - 1);
        buckets.buckets().nth(below).map_or(Duration::MAX, |(bound, _)| bound)
    }

    /// In milliseconds, with the two digits that a bucket of 30 % tells.
    pub(crate) fn millis(self) -> f64 {
        let millis = self.bound().as_secs_f64() * 1000.0;
        let digits = 1 - exponent(millis);
        let unit = 10_f64.powi(digits.abs());
        if digits > 0 { (millis * unit).round() / unit } else { (millis / unit).round() * unit }
    }
}

impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.bound().as_secs_f64())
    }
}

impl RecentLatency {
    /// Begins with what was counted until `now`; calls before it are in no percentile.
    pub(crate) fn begin(histogram: LatencyHistogram, now: Instant) -> Self {
        let (before, middle) = (histogram.clone(), histogram.clone());
        Self { before, middle, turned: now, read: now, last: histogram, percentiles: None }
    }

    /// Takes what is counted until `now`, and gives what was at the last reading.
    pub(crate) fn read(&mut self, histogram: &LatencyHistogram, now: Instant) -> LatencyHistogram {
        if now.saturating_duration_since(self.read) > GAP {
            let begun = Self::begin(histogram.clone(), now);
            return std::mem::replace(self, begun).last;
        }
        self.read = now;
        self.percentiles = Percentiles::of(&histogram.since(&self.before));
        if now.saturating_duration_since(self.turned) >= HALF {
            self.before = std::mem::replace(&mut self.middle, histogram.clone());
            self.turned = now;
        }
        std::mem::replace(&mut self.last, histogram.clone())
    }

    pub(crate) const fn percentiles(&self) -> Option<Percentiles> {
        self.percentiles
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a few digits")]
fn exponent(millis: f64) -> i32 {
    millis.log10().floor() as i32
}

/// After so long without a reading, what was before is not of the last seconds, nor is what came in
/// between.
pub(crate) const GAP: Duration = Duration::from_secs(5);
/// So a percentile is of the calls of 15 to 30 seconds.
const HALF: Duration = Duration::from_secs(15);
