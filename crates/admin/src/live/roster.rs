//! What is known of each circuit besides itself: its number, what was told of it, and its rates.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{CircuitSnapshot, LatencyHistogram};

use crate::history::places::Places;
use crate::history::series::Seen;
use crate::ids::Id;
use crate::latency::RecentLatency;
use crate::live::look::{Look, Looked};
use crate::live::told::Told;
use crate::rates::{Between, Ended, PerSecond, Rates, Shares};
use crate::shown::Shown;

/// The circuits as they were looked at last.
#[derive(Debug)]
pub(crate) struct Roster {
    circuits: HashMap<Arc<str>, Known>,
    names: HashMap<Id, Arc<str>>,
    next: Id,
    /// Whether changes since the last look can be told.
    is_followed: bool,
    began: Instant,
    sampled: Option<Instant>,
    /// Of all together.
    sum: Option<PerSecond>,
    history: Option<Places>,
}

#[derive(Debug)]
struct Known {
    id: Id,
    told: Option<Told>,
    rates: Option<Rates>,
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
}

impl Roster {
    pub(crate) fn new(history: Option<Places>) -> Self {
        Self {
            circuits: HashMap::new(),
            names: HashMap::new(),
            next: 1,
            is_followed: false,
            began: Instant::now(),
            sampled: None,
            sum: None,
            history,
        }
    }

    /// The number of this name, which may be new.
    pub(crate) fn id_of(&mut self, name: &Arc<str>) -> Id {
        self.known(name).id
    }

    fn known(&mut self, name: &Arc<str>) -> &mut Known {
        let Self { circuits, names, next, .. } = self;
        circuits.entry(Arc::clone(name)).or_insert_with(|| {
            let id = *next;
            *next = next.wrapping_add(1).max(1);
            names.insert(id, Arc::clone(name));
            Known { id, told: None, rates: None, latency: None, sent: None }
        })
    }

    /// The name of this number, if it has been given.
    pub(crate) fn name_of(&self, id: Id) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    pub(crate) fn shares(&self, name: &str) -> Shares {
        self.circuits.get(name).map(Known::shares).unwrap_or_default()
    }

    /// Whether changes are noticed since somebody looks.
    pub(crate) const fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// Nobody looks any longer.
    pub(crate) fn forget(&mut self) {
        (self.is_followed, self.sum) = (false, None);
    }

    /// The rates of all together.
    pub(crate) const fn rates(&self) -> Option<PerSecond> {
        self.sum
    }

    /// Takes what is there now, and gives the places and numbers of those of which something is to be
    /// told. The first time, everything is as it was.
    pub(crate) fn changed(&mut self, look: &Look) -> Vec<(usize, Id)> {
        let is_followed = std::mem::replace(&mut self.is_followed, true);
        let mut changed = Vec::new();
        for (place, looked) in look.circuits.iter().enumerate() {
            let known = self.known(&looked.snapshot.name);
            let before = known.told.replace(looked.told);
            if is_followed && before != Some(looked.told) {
                changed.push((place, known.id));
            }
        }
        changed
    }

    /// Forgets those that are no more, and gives their numbers.
    pub(crate) fn removed(&mut self, look: &Look) -> Vec<Id> {
        if look.names().count() == self.circuits.len() {
            return Vec::new();
        }
        let here: HashSet<_> = look.names().collect();
        let mut gone = Vec::new();
        self.circuits.retain(|name, known| {
            let is_here = here.contains(name);
            if !is_here {
                gone.push(known.id);
            }
            is_here
        });
        for id in &gone {
            self.names.remove(id);
        }
        gone
    }

    /// The numbers of those that were looked at, in their order.
    pub(crate) fn ids(&mut self, look: &Look) -> Vec<Id> {
        look.circuits.iter().map(|looked| self.id_of(&looked.snapshot.name)).collect()
    }

    /// Whether rates are to be read again.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.sampled.is_none_or(|at| now.saturating_duration_since(at) >= SAMPLE)
    }

    /// Reads all rates, and gives those of all together.
    pub(crate) fn sample(&mut self, look: &Look, now: Instant) -> PerSecond {
        let before = self.sampled.replace(now);
        let mut sum = PerSecond::default();
        let mut seen = Vec::new();
        for looked in &look.circuits {
            let known = self.known(&looked.snapshot.name);
            let latency = known.read_latency(looked, now);
            let between = known.read_rates(&looked.snapshot, before, now);
            let shares = known.shares();
            sum = sum.plus(shares.per_second.unwrap_or_default());
            let name = Arc::clone(&looked.snapshot.name);
            seen.push((name, seen_in(&looked.snapshot, between, shares, latency)));
        }
        if let Some(history) = &mut self.history {
            history.add(now.saturating_duration_since(self.began), &seen);
        }
        self.sum = before.map(|_| sum);
        sum
    }

    /// The numbers and counts, out of a share of all, that have changed since they were sent.
    pub(crate) fn counts(
        &mut self,
        look: &Look,
        is_asked: impl Fn(Id) -> bool,
    ) -> Vec<(Id, SentCounts)> {
        let mut counts = Vec::new();
        for Looked { snapshot, .. } in &look.circuits {
            let Some(known) = self.circuits.get_mut(&snapshot.name) else { continue };
            let (true, Some(rates)) = (is_asked(known.id), &known.rates) else { continue };
            let shares = rates.shares();
            let now = SentCounts {
                ended: Ended::of(&snapshot.totals),
                per_second: shares.per_second.unwrap_or_default(),
                failure_share: shares.failure_share,
                in_flight: snapshot.in_flight,
            };
            if known.sent.replace(now) != Some(now) {
                counts.push((known.id, now));
            }
        }
        counts
    }

    /// The histories, and when they were added to last.
    pub(crate) fn history(&self) -> Option<(&Places, Duration)> {
        let at = self.sampled.unwrap_or(self.began).saturating_duration_since(self.began);
        Some((self.history.as_ref()?, at))
    }
}

impl Known {
    fn shares(&self) -> Shares {
        let rates = self.rates.as_ref().map(Rates::shares).unwrap_or_default();
        let latency = self.latency.as_ref().and_then(|latency| latency.percentiles());
        Shares { latency, ..rates }
    }

    /// How long all calls had taken at the last reading, and until now.
    fn read_latency(
        &mut self,
        looked: &Looked,
        now: Instant,
    ) -> Option<(LatencyHistogram, LatencyHistogram)> {
        let histogram = looked.circuit.latency()?;
        let begin = || Box::new(RecentLatency::begin(histogram.clone(), now));
        let before = self.latency.get_or_insert_with(begin).read(&histogram, now);
        Some((before, histogram))
    }

    fn read_rates(
        &mut self,
        snapshot: &CircuitSnapshot,
        before: Option<Instant>,
        now: Instant,
    ) -> Between {
        let (read, in_flight) = (Ended::of(&snapshot.totals), snapshot.in_flight);
        let Self { rates, sent, .. } = self;
        let rates = rates.get_or_insert_with(|| {
            *sent = Some(SentCounts::quiet(read, in_flight));
            // Made since the last reading: all of its calls are new.
            let since = before.filter(|before| {
                snapshot.uptime <= now.saturating_duration_since(*before).saturating_add(SAMPLE)
            });
            match since {
                Some(before) => Rates::begin(Ended::default(), before),
                None => Rates::begin(read, now),
            }
        });
        rates.read(read, now)
    }
}

impl SentCounts {
    const fn quiet(ended: Ended, in_flight: Option<u64>) -> Self {
        let per_second = PerSecond { calls: 0.0, failures: 0.0, rejected: 0.0 };
        Self { ended, per_second, failure_share: None, in_flight }
    }
}

fn seen_in(
    snapshot: &CircuitSnapshot,
    between: Between,
    shares: Shares,
    latency: Option<(LatencyHistogram, LatencyHistogram)>,
) -> Seen {
    Seen {
        between,
        state: Shown::of(snapshot),
        failure_share: shares.failure_share,
        latency,
        percentiles: shares.latency,
        consecutive_failures: snapshot.consecutive_failures,
        stalled_calls: snapshot.stalled_calls,
    }
}

/// How often rates are read.
pub(crate) const SAMPLE: Duration = Duration::from_millis(950);
