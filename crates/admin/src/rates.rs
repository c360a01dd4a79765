//! How many calls a second, from totals that were read at two moments.

use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::Totals;

use crate::latency::Percentiles;

/// What has become of calls, of all since the circuit was made or of those in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ended {
    /// Admitted, and over.
    pub(crate) calls: u64,
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) rejected: u64,
}

/// The rates of one circuit, or of several together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct PerSecond {
    pub(crate) calls: f64,
    pub(crate) failures: f64,
    pub(crate) rejected: f64,
}

/// What is shown of the rates of one circuit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shares {
    /// Between the last two readings; `None` before the second.
    pub(crate) per_second: Option<PerSecond>,
    pub(crate) failure_share: Option<f64>,
    /// Where the circuit keeps it, of half a minute.
    pub(crate) latency: Option<Percentiles>,
}

/// The totals of one circuit as they were read last, and what has happened in the seconds before.
#[derive(Debug)]
pub(crate) struct Rates {
    read: Ended,
    at: Instant,
    per_second: Option<PerSecond>,
    /// Successes and failures between two readings, of the last ten.
    few: [(u32, u32); FEW],
    next: usize,
}

/// Between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Between {
    pub(crate) ended: Ended,
    pub(crate) took: Duration,
}

impl Ended {
    pub(crate) const fn of(totals: &Totals) -> Self {
        let answered = totals.successes.saturating_add(totals.failures);
        let neutral = totals.ignored.saturating_add(totals.not_sent);
        let late = totals.abandoned.saturating_add(totals.stale);
        Self {
            calls: answered.saturating_add(neutral).saturating_add(late),
            successes: totals.successes,
            failures: totals.failures,
            rejected: totals.rejected,
        }
    }

    /// What has come since `before`. Where a count has fallen, the circuit is another one of that
    /// name: all of its calls are new.
    const fn since(self, before: Self) -> Self {
        let is_other = self.calls < before.calls
            || self.successes < before.successes
            || self.failures < before.failures
            || self.rejected < before.rejected;
        if is_other {
            return self;
        }
        Self {
            calls: self.calls - before.calls,
            successes: self.successes - before.successes,
            failures: self.failures - before.failures,
            rejected: self.rejected - before.rejected,
        }
    }
}

impl Rates {
    /// Begins with what is read `now`; calls before it are in no rate.
    pub(crate) const fn begin(read: Ended, now: Instant) -> Self {
        Self { read, at: now, per_second: None, few: [(0, 0); FEW], next: 0 }
    }

    /// Takes what is read `now`.
    pub(crate) fn read(&mut self, read: Ended, now: Instant) -> Between {
        let took = now.saturating_duration_since(self.at);
        let ended = read.since(self.read);
        (self.read, self.at) = (read, now);
        if took > LONG {
            self.few = [(0, 0); FEW];
        }
        let few = |count| u32::try_from(count).unwrap_or(u32::MAX);
        if let Some(place) = self.few.get_mut(self.next) {
            *place = (few(ended.successes), few(ended.failures));
        }
        self.next = (self.next + 1) % FEW;
        self.per_second = PerSecond::of(Between { ended, took });
        Between { ended, took }
    }

    pub(crate) fn shares(&self) -> Shares {
        Shares { per_second: self.per_second, failure_share: self.failure_share(), latency: None }
    }

    /// The share of failures among the successes and failures of ten seconds; `None` where there were
    /// none.
    fn failure_share(&self) -> Option<f64> {
        let sum =
            |(a, b): (u64, u64), few: &(u32, u32)| (a + u64::from(few.0), b + u64::from(few.1));
        let (successes, failures) = self.few.iter().fold((0, 0), sum);
        share(failures, successes + failures)
    }
}

impl PerSecond {
    fn of(between: Between) -> Option<Self> {
        let seconds = between.took.as_secs_f64();
        let rate = |count| number(count) / seconds;
        (seconds > 0.0).then(|| Self {
            calls: rate(between.ended.calls),
            failures: rate(between.ended.failures),
            rejected: rate(between.ended.rejected),
        })
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            failures: self.failures + other.failures,
            rejected: self.rejected + other.rejected,
        }
    }
}

/// `part` of `whole`, from 0 to 1.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| number(part) / number(whole))
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
const fn number(count: u64) -> f64 {
    count as f64
}

/// A failure share is of ten readings, a second each.
const FEW: usize = 10;
/// After so long without a reading, what was before is not of the last seconds.
const LONG: Duration = Duration::from_secs(5);
