//! The last five minutes and the last hour of one circuit.

use std::time::Duration;

use serde::Serialize;
use tower_circuit_breaker::view::by_kind;
use tower_circuit_breaker::{FailureKind, LatencyHistogram};

use crate::history::kinds::RecentKinds;
use crate::history::points::{Gather, Points, is_of_point, number_at};
use crate::latency::{Bucket, Percentiles};
use crate::rates::{Between, share};
use crate::shown::Shown;

/// One circuit's points.
#[derive(Debug)]
pub(crate) struct Series {
    minutes: Points<Brief, BRIEF>,
    /// Of the same points.
    kinds: RecentKinds,
    hour: Points<GatheredLong, LONG>,
    day: Points<Peaks, DAY>,
    /// When the circuit last had a call.
    busy: Duration,
}

/// What was seen at one look.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) between: Between,
    /// The failures in between by kind, where there were any.
    pub(crate) kinds: Vec<(FailureKind, u64)>,
    pub(crate) state: Shown,
    pub(crate) failure_share: Option<f64>,
    /// How long all calls had taken before, and until now; where the circuit keeps it.
    pub(crate) latency: Option<(LatencyHistogram, LatencyHistogram)>,
    /// Of half a minute.
    pub(crate) percentiles: Option<Percentiles>,
    pub(crate) consecutive_failures: u64,
    pub(crate) stalled_calls: u64,
}

/// What has failed in the last five minutes.
#[derive(Debug, Serialize)]
pub(crate) struct FiveMinutes {
    #[serde(serialize_with = "by_kind")]
    failures_by_kind: Vec<(FailureKind, u64)>,
    /// Of how many seconds that is known: fewer than 300 after a start, and where nobody looked.
    known_seconds: u64,
}

/// Five seconds, while they are gathered.
#[derive(Debug, Default)]
struct Brief {
    successes: u64,
    failures: u64,
    state: Option<Shown>,
}

/// Five seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BriefPoint {
    /// Failures in percent of successes and failures; `None` where there were none.
    pub(crate) failed: Option<u8>,
    pub(crate) state: Option<Shown>,
}

/// Thirty seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Long {
    /// Admitted calls that ended.
    pub(crate) admitted: u32,
    pub(crate) rejected: u32,
    pub(crate) failed: u32,
    pub(crate) state: Option<Shown>,
    pub(crate) latency: Option<Percentiles>,
}

/// Thirty seconds, while they are gathered.
#[derive(Debug, Default)]
struct GatheredLong {
    point: Long,
    /// How long all calls had taken when the point began, where the circuit keeps it.
    before: Option<Box<LatencyHistogram>>,
}

/// The highest that were seen, to hold settings against.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub(crate) struct Peaks {
    /// Of ten seconds.
    failure_share: Option<f32>,
    consecutive_failures: u32,
    stalled_calls: u32,
    /// In seconds, of half a minute; where the circuit keeps its latency.
    p99: Option<Bucket>,
}

impl Series {
    pub(crate) fn new(at: Duration) -> Self {
        Self {
            minutes: Points::new(BRIEF_LASTS, at),
            kinds: RecentKinds::default(),
            hour: Points::new(LONG_LASTS, at),
            day: Points::new(PEAKS_LAST, at),
            busy: at,
        }
    }

    /// Adds what was seen at the time `at`.
    pub(crate) fn add(&mut self, at: Duration, seen: &Seen) {
        self.minutes.add(at, seen.between.took, seen);
        if is_of_point(seen.between.took, BRIEF_LASTS) {
            self.kinds.add(number_at(at, BRIEF_LASTS), Self::brief_points(), &seen.kinds);
        }
        self.hour.add(at, seen.between.took, seen);
        self.day.add(at, seen.between.took, seen);
        if seen.between.ended.calls > 0 || seen.between.ended.rejected > 0 {
            self.busy = at;
        }
    }

    /// Whether the circuit had no call for so long that others may have its place.
    pub(crate) fn is_idle(&self, at: Duration) -> bool {
        at.saturating_sub(self.busy) >= IDLE
    }

    pub(crate) fn five_minutes(
        &self,
        at: Duration,
    ) -> impl Iterator<Item = Option<BriefPoint>> + '_ {
        self.minutes.until(at)
    }

    /// What has failed in these five minutes.
    pub(crate) fn failures(&self, at: Duration) -> FiveMinutes {
        let points = u64::try_from(self.five_minutes(at).flatten().count()).unwrap_or(u64::MAX);
        FiveMinutes {
            failures_by_kind: self.kinds.sum(number_at(at, BRIEF_LASTS), Self::brief_points()),
            known_seconds: points.saturating_mul(BRIEF_LASTS.as_secs()),
        }
    }

    fn brief_points() -> u64 {
        u64::try_from(BRIEF).unwrap_or(u64::MAX)
    }

    pub(crate) fn hour(&self, at: Duration) -> impl Iterator<Item = Option<Long>> + '_ {
        self.hour.until(at)
    }

    /// The highest of the last day.
    pub(crate) fn peaks(&self, at: Duration) -> Peaks {
        self.day.until(at).flatten().fold(Peaks::default(), Peaks::or)
    }
}

impl Gather for Brief {
    type Kept = BriefPoint;
    type Look = Seen;

    fn add(&mut self, look: &Seen) {
        let ended = look.between.ended;
        self.successes = self.successes.saturating_add(ended.successes);
        self.failures = self.failures.saturating_add(ended.failures);
        self.state = Some(first(self.state, look.state));
    }

    fn kept(&self) -> BriefPoint {
        let failed = share(self.failures, self.successes.saturating_add(self.failures));
        BriefPoint { failed: failed.map(percent), state: self.state }
    }
}

impl Gather for GatheredLong {
    type Kept = Long;
    type Look = Seen;

    fn add(&mut self, look: &Seen) {
        let (point, ended) = (&mut self.point, look.between.ended);
        point.admitted = plus(point.admitted, ended.calls);
        point.rejected = plus(point.rejected, ended.rejected);
        point.failed = plus(point.failed, ended.failures);
        point.state = Some(first(point.state, look.state));
        if let Some((before, now)) = &look.latency {
            let began = self.before.get_or_insert_with(|| Box::new(before.clone()));
            point.latency = Percentiles::of(&now.since(began));
        }
    }

    fn kept(&self) -> Long {
        self.point
    }
}

impl Gather for Peaks {
    type Kept = Self;
    type Look = Seen;

    fn add(&mut self, look: &Seen) {
        *self = self.or(Self {
            failure_share: look.failure_share.map(small),
            consecutive_failures: plus(0, look.consecutive_failures),
            stalled_calls: plus(0, look.stalled_calls),
            p99: look.percentiles.map(|percentiles| percentiles.p99),
        });
    }

    fn kept(&self) -> Self {
        *self
    }
}

impl Peaks {
    fn or(self, other: Self) -> Self {
        let shares = [self.failure_share, other.failure_share].into_iter().flatten();
        Self {
            failure_share: shares.reduce(f32::max),
            consecutive_failures: self.consecutive_failures.max(other.consecutive_failures),
            stalled_calls: self.stalled_calls.max(other.stalled_calls),
            p99: self.p99.max(other.p99),
        }
    }
}

fn first(before: Option<Shown>, now: Shown) -> Shown {
    before.map_or(now, |before| before.min(now))
}

fn plus(before: u32, more: u64) -> u32 {
    before.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
}

#[expect(clippy::cast_possible_truncation, reason = "a rate for people")]
const fn small(share: f64) -> f32 {
    share as f32
}

/// A few failures of many are not shown as none, and a few successes not as none either.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
fn percent(share: f64) -> u8 {
    match share {
        none if none <= 0.0 => 0,
        all if all >= 1.0 => 100,
        some => ((some * 100.0).round() as u8).clamp(1, 99),
    }
}

/// Points of five minutes.
const BRIEF: usize = 60;
pub(crate) const BRIEF_LASTS: Duration = Duration::from_secs(5);
/// Points of an hour.
const LONG: usize = 120;
pub(crate) const LONG_LASTS: Duration = Duration::from_secs(30);
/// Hours of a day.
const DAY: usize = 24;
const PEAKS_LAST: Duration = Duration::from_secs(60 * 60);
/// Then the history has nothing but the state.
const IDLE: Duration = Duration::from_secs(60 * 60);
