//! How many calls a second, from totals that were read at two moments.

use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::Totals;

use crate::latency::{GAP, Percentiles};

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
    /// Successes and failures between two readings, and when; of the last ten.
    few: [Few; FEW],
    next: usize,
}

/// What was answered between two readings, and when the later one was.
#[derive(Debug, Clone, Copy)]
struct Few {
    successes: u32,
    failures: u32,
    at: Instant,
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
        let none = Few { successes: 0, failures: 0, at: now };
        Self { read, at: now, per_second: None, few: [none; FEW], next: 0 }
    }

    /// Takes what is read `now`.
    pub(crate) fn read(&mut self, read: Ended, now: Instant) -> Between {
        let took = now.saturating_duration_since(self.at);
        let ended = read.since(self.read);
        let between = Between { ended, took };
        if took > GAP {
            *self = Self::begin(read, now);
            return between;
        }
        (self.read, self.at) = (read, now);
        let few = |count| u32::try_from(count).unwrap_or(u32::MAX);
        if let Some(place) = self.few.get_mut(self.next) {
            let (successes, failures) = (few(ended.successes), few(ended.failures));
            *place = Few { successes, failures, at: now };
        }
        self.next = (self.next + 1) % FEW;
        self.per_second = PerSecond::of(between);
        between
    }

    pub(crate) fn shares(&self) -> Shares {
        Shares { per_second: self.per_second, failure_share: self.failure_share(), latency: None }
    }

    /// The share of failures among the successes and failures of the ten seconds before the last
    /// reading; `None` where there were none.
    fn failure_share(&self) -> Option<f64> {
        let is_recent = |few: &&Few| self.at.saturating_duration_since(few.at) < TEN_SECONDS;
        let (mut successes, mut failures) = (0_u64, 0_u64);
        for few in self.few.iter().filter(is_recent) {
            successes = successes.saturating_add(few.successes.into());
            failures = failures.saturating_add(few.failures.into());
        }
        share(failures, successes.saturating_add(failures))
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

/// As many readings as there are in ten seconds.
const FEW: usize = 10;
/// What a failure share is of.
const TEN_SECONDS: Duration = Duration::from_secs(10);
