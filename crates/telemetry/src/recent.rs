//! The calls of about the last minute, from what earlier scrapes have seen.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tower_circuit_breaker::CircuitSnapshot;

/// The totals that earlier scrapes have seen of circuits without a window. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals(Arc<Mutex<HashMap<Arc<str>, Row>>>);

/// The totals of one circuit, the oldest first: at most one that is a minute old.
#[derive(Debug, Default)]
struct Row(VecDeque<Reading>);

/// The totals of a circuit at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// How long the circuit had existed, by its own clock.
    at: Duration,
    ended: Ended,
}

/// Calls that ended with a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) slow_calls: u64,
}

/// What a rate is of, at least, once that long has been seen.
const MINUTE: Duration = Duration::from_secs(60);

/// How far what is kept lies apart, however many scrapers there are: a dozen of them in a minute.
const STEP: Duration = Duration::from_secs(5);

impl Totals {
    /// The calls that have ended since a minute ago, or in as long as is known, for each of
    /// `circuits`; and notes their totals. All others are forgotten.
    pub(crate) fn recent(&self, circuits: &[&CircuitSnapshot]) -> Vec<Ended> {
        let here: HashSet<_> = circuits.iter().map(|circuit| &*circuit.name).collect();
        let mut rows = self.lock();
        rows.retain(|name, _| here.contains(&**name));
        let next = |circuit: &&_| Row::of(&mut rows, circuit).next(Reading::of(circuit));
        circuits.iter().map(next).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Row>> {
        // Nothing panics while it is held; what it guards is whole anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    /// The row of this circuit, without what was seen of another of its name.
    fn of<'a>(rows: &'a mut HashMap<Arc<str>, Self>, circuit: &CircuitSnapshot) -> &'a mut Self {
        // A circuit has its own allocation of its name, which the key keeps from being used again.
        let is_same = rows.get_key_value(&circuit.name).is_some_and(|(name, row)| {
            Arc::ptr_eq(name, &circuit.name) && !row.is_of_later(circuit.uptime)
        });
        if !is_same {
            rows.remove(&circuit.name);
        }
        rows.entry(Arc::clone(&circuit.name)).or_insert_with(|| Self::new(circuit.uptime))
    }

    /// A circuit that is young enough had no calls when it was made.
    fn new(uptime: Duration) -> Self {
        let made = Reading { at: Duration::ZERO, ended: Ended::default() };
        Self((uptime <= MINUTE).then_some(made).into_iter().collect())
    }

    /// Whether it was seen so long after this that it must be of another circuit, which had the same
    /// allocation of the name. A little is another scrape that has overtaken this one.
    fn is_of_later(&self, uptime: Duration) -> bool {
        self.0.back().is_some_and(|last| last.at >= uptime.saturating_add(STEP))
    }

    /// The calls until `now`, which is noted if the last that was is long enough ago.
    fn next(&mut self, now: Reading) -> Ended {
        let is_old = |reading: &Reading| reading.at.saturating_add(MINUTE) <= now.at;
        while self.0.get(1).is_some_and(is_old) {
            self.0.pop_front();
        }
        let first = self.0.front().filter(|first| first.at <= now.at);
        let ended = first.map_or_else(Ended::default, |first| now.ended.since(first.ended));
        if self.0.back().is_none_or(|last| last.at.saturating_add(STEP) <= now.at) {
            self.0.push_back(now);
        }
        ended
    }
}

impl Reading {
    fn of(circuit: &CircuitSnapshot) -> Self {
        let totals = circuit.totals;
        let calls = totals.successes.saturating_add(totals.failures);
        let ended = Ended { calls, failures: totals.failures, slow_calls: totals.slow_calls };
        Self { at: circuit.uptime, ended }
    }
}

impl Ended {
    const fn since(self, earlier: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            failures: self.failures.saturating_sub(earlier.failures),
            slow_calls: self.slow_calls.saturating_sub(earlier.slow_calls),
        }
    }
}
