//! What is known of one circuit besides itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{CircuitSnapshot, FailureKind, LatencyHistogram};

use crate::history::series::Seen;
use crate::ids::Id;
use crate::kinds::KindTotals;
use crate::latency::{Percentiles, RecentLatency};
use crate::live::look::Looked;
use crate::live::nearest::Nearest;
use crate::live::told::Told;
use crate::rates::{Between, Ended, PerSecond, Rates, Shares};
use crate::shown::Shown;

/// A circuit's number, what was told of it, and its rates.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: Id,
    /// The circuit's own allocation of its name: another circuit of that name has another.
    pub(crate) name: Arc<str>,
    /// `None` until it is told, or where somebody has been shown what was not.
    pub(crate) told: Option<Told>,
    /// Whether readers have its name.
    pub(crate) is_introduced: bool,
    rates: Option<Rates>,
    /// Since the first reading.
    kinds: Option<KindTotals>,
    /// Where the circuit keeps it.
    latency: Option<Box<RecentLatency>>,
    /// What the counts were when they were sent.
    sent: Option<SentCounts>,
}

/// What changes with calls, as readers know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SentCounts {
    /// Of all calls: where these have grown, a reader may have fetched rates that are over.
    ended: Ended,
    pub(crate) per_second: PerSecond,
    pub(crate) failure_share: Option<f64>,
    pub(crate) in_flight: Option<u64>,
    pub(crate) nearness: Option<f64>,
    pub(crate) slow_call_rate: Option<f64>,
    pub(crate) latency: Option<Percentiles>,
}

impl Known {
    pub(crate) const fn new(id: Id, name: Arc<str>) -> Self {
        let (rates, kinds, latency, sent) = (None, None, None, None);
        Self { id, name, told: None, is_introduced: false, rates, kinds, latency, sent }
    }

    pub(crate) fn shares(&self) -> Shares {
        let rates = self.rates.as_ref().map(Rates::shares).unwrap_or_default();
        let latency = self.latency.as_ref().and_then(|latency| latency.percentiles());
        Shares { latency, ..rates }
    }

    /// Reads the circuit `now`; `before` is when all were read before, if they were.
    pub(crate) fn read(&mut self, looked: &Looked, before: Option<Instant>, now: Instant) -> Seen {
        let snapshot = &looked.snapshot;
        // Made since then: all of its calls are new.
        let since = before.filter(|before| {
            snapshot.uptime <= now.saturating_duration_since(*before).saturating_add(SAMPLE)
        });
        let latency = self.read_latency(looked, since.is_some(), now);
        let between = self.read_rates(snapshot, since, now);
        let kinds = self.read_kinds(&snapshot.failures_by_kind, since.is_some());
        let shares = self.shares();
        Seen {
            between,
            kinds,
            state: Shown::of(snapshot),
            failure_share: shares.failure_share,
            latency,
            percentiles: shares.latency,
            consecutive_failures: snapshot.consecutive_failures,
            stalled_calls: snapshot.stalled_calls,
        }
    }

    /// How long all calls had taken at the last reading, and until now.
    fn read_latency(
        &mut self,
        looked: &Looked,
        is_new: bool,
        now: Instant,
    ) -> Option<(LatencyHistogram, LatencyHistogram)> {
        let histogram = looked.circuit.latency()?;
        let begin = || {
            let first = if is_new { LatencyHistogram::default() } else { histogram.clone() };
            Box::new(RecentLatency::begin(first, now))
        };
        let before = self.latency.get_or_insert_with(begin).read(&histogram, now);
        Some((before, histogram))
    }

    fn read_kinds(&mut self, now: &[(FailureKind, u64)], is_new: bool) -> Vec<(FailureKind, u64)> {
        let begin = || if is_new { KindTotals::default() } else { KindTotals::begin(now) };
        self.kinds.get_or_insert_with(begin).read(now)
    }

    fn read_rates(
        &mut self,
        snapshot: &CircuitSnapshot,
        since: Option<Instant>,
        now: Instant,
    ) -> Between {
        let (read, in_flight) = (Ended::of(&snapshot.totals), snapshot.in_flight);
        let Self { rates, sent, .. } = self;
        let rates = rates.get_or_insert_with(|| {
            *sent = Some(SentCounts::quiet(read, in_flight));
            match since {
                Some(since) => Rates::begin(Ended::default(), since),
                None => Rates::begin(read, now),
            }
        });
        rates.read(read, now)
    }

    /// The counts as they are now, if they have changed since they were sent.
    pub(crate) fn counts(&mut self, looked: &Looked) -> Option<SentCounts> {
        self.rates.as_ref()?;
        let now = SentCounts::of(looked, self.shares());
        (self.sent.replace(now) != Some(now)).then_some(now)
    }
}

impl SentCounts {
    fn of(looked: &Looked, shares: Shares) -> Self {
        let snapshot = &looked.snapshot;
        let nearest = Nearest::of(snapshot, &looked.circuit.config().thresholds());
        Self {
            ended: Ended::of(&snapshot.totals),
            per_second: shares.per_second.unwrap_or_default(),
            failure_share: shares.failure_share,
            in_flight: snapshot.in_flight,
            nearness: nearest.map(|nearest| nearest.nearness),
            slow_call_rate: snapshot.slow_call_rate(),
            latency: shares.latency,
        }
    }

    const fn quiet(ended: Ended, in_flight: Option<u64>) -> Self {
        let per_second = PerSecond { calls: 0.0, failures: 0.0, rejected: 0.0 };
        let (failure_share, nearness, slow_call_rate, latency) = (None, None, None, None);
        Self { ended, per_second, failure_share, in_flight, nearness, slow_call_rate, latency }
    }
}

/// How often rates are read.
pub(crate) const SAMPLE: Duration = Duration::from_millis(950);
