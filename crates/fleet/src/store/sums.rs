//! What calls of all processes have met lately.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::request::{Merge, Met, Sum};

/// The sums of one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    circuits: HashMap<Arc<str>, Buckets>,
    /// When the first failure was merged, and until when that is remembered, in milliseconds.
    failing: Option<(u64, u64)>,
}

/// What one circuit's calls have met in its present epoch, by the number of the bucket.
#[derive(Debug, Clone, Default)]
struct Buckets {
    epoch: u64,
    met: HashMap<u64, Sum>,
}

impl Sums {
    /// Adds `merge` when the clock says `now`, in milliseconds; gives the sum of each of its circuits.
    pub(crate) fn merge(&mut self, merge: &Merge, now: u64) -> Vec<Sum> {
        let width = u64::try_from(merge.bucket.as_millis()).unwrap_or(u64::MAX).max(1);
        let (bucket, buckets) = (now / width, u64::from(merge.buckets.max(1)));
        if merge.met.iter().any(|met| met.sum.failures > 0) {
            let since = self.failing(now).unwrap_or(now);
            // At least for some times of merging.
            let lasts = width.saturating_mul(buckets).max(5000);
            self.failing = Some((since, now.saturating_add(lasts)));
        }
        let first = (bucket + 1).saturating_sub(buckets);
        for circuit in self.circuits.values_mut() {
            circuit.met.retain(|number, _| *number >= first && *number <= bucket);
        }
        self.circuits.retain(|_, circuit| !circuit.met.is_empty());
        merge.met.iter().map(|met| self.add(met, bucket)).collect()
    }

    fn add(&mut self, met: &Met, bucket: u64) -> Sum {
        let circuit = self.circuits.entry(Arc::clone(&met.circuit)).or_default();
        if circuit.epoch < met.epoch {
            *circuit = Buckets { epoch: met.epoch, met: HashMap::new() };
        }
        // What was met before the last change does not count after it.
        if circuit.epoch == met.epoch {
            circuit.met.entry(bucket).or_default().add(met.sum);
        }
        let mut sum = Sum::default();
        circuit.met.values().for_each(|met| sum.add(*met));
        sum
    }

    /// When the first failure was merged, if any was lately.
    pub(crate) fn failing(&self, now: u64) -> Option<u64> {
        let (since, until) = self.failing?;
        (now < until).then_some(since)
    }

    /// For how long failures have been merged.
    pub(crate) fn failing_for(&self, now: u64) -> Option<Duration> {
        Some(Duration::from_millis(now.saturating_sub(self.failing(now)?)))
    }
}

impl Sum {
    /// Adds `more` to it.
    pub fn add(&mut self, more: Self) {
        self.calls = self.calls.saturating_add(more.calls);
        self.failures = self.failures.saturating_add(more.failures);
    }
}
