//! Which circuits have a history, and how it is kept.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::history::series::{Seen, Series};

/// Keeps a history of circuits for [`Admin`](crate::Admin).
///
/// Five minutes in points of five seconds, and an hour in points of thirty.
///
/// It is made of totals that are read once a second, so calls pay nothing for it. A circuit takes
/// 3 kB, and 1.6 kB more where it keeps its
/// [latency](tower_circuit_breaker::CircuitBuilder::latency); and while it fails, 32 bytes for each kind
/// of failure in each five seconds, by which `GET /circuits/{name}` tells the kinds of the last five
/// minutes. See [`AdminBuilder::history`](crate::AdminBuilder::history).
#[derive(Debug, Clone)]
pub struct History {
    which: Which,
}

#[derive(Debug, Clone)]
enum Which {
    All,
    Of(HashSet<Arc<str>>),
    Busiest(usize),
}

/// The histories that are kept.
#[derive(Debug)]
pub(crate) struct Places {
    which: Which,
    series: HashMap<Arc<str>, Series>,
}

impl History {
    /// Keeps one of every circuit: 30 MB for 10,000.
    #[must_use]
    pub const fn all() -> Self {
        Self { which: Which::All }
    }

    /// Keeps one of the circuits of these names, also of those that are made later.
    #[must_use]
    pub fn of<N: Into<Arc<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { which: Which::Of(names.into_iter().map(Into::into).collect()) }
    }

    /// Keeps one of the busiest circuits, `most` at most: 3 MB for 1,000.
    ///
    /// A circuit gets a place that is free when it is called; of several the one that is called most.
    /// It keeps its place until it had no call for an hour, also when it leaves the registry and
    /// comes back under its name, as those made by key do.
    #[must_use]
    pub const fn busiest(most: usize) -> Self {
        Self { which: Which::Busiest(most) }
    }
}

impl Places {
    pub(crate) fn new(history: History) -> Self {
        Self { which: history.which, series: HashMap::new() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Series> {
        self.series.get(name)
    }

    /// Adds what was seen of circuits at the time `at`; those that are `unseen` are there, too.
    pub(crate) fn add(&mut self, at: Duration, seen: &[(Arc<str>, Seen)], unseen: &[Arc<str>]) {
        self.make_room(at, seen, unseen);
        for (name, seen) in seen {
            if let Some(series) = self.series.get_mut(name) {
                series.add(at, seen);
            }
        }
    }

    fn make_room(&mut self, at: Duration, seen: &[(Arc<str>, Seen)], unseen: &[Arc<str>]) {
        let mut new: Vec<_> =
            seen.iter().filter(|(name, _)| !self.series.contains_key(name)).collect();
        match &self.which {
            Which::All => {
                // As many as there are circuits, however many come and go.
                if self.series.len() + new.len() > seen.len() + unseen.len() {
                    let here: HashSet<_> =
                        seen.iter().map(|(name, _)| name).chain(unseen).collect();
                    self.series.retain(|name, _| here.contains(name));
                }
            }
            Which::Of(names) => new.retain(|(name, _)| names.contains(name)),
            Which::Busiest(most) => {
                self.series.retain(|_, series| !series.is_idle(at));
                new.retain(|(_, seen)| calls(seen) > 0);
                new.sort_by_key(|(_, seen)| std::cmp::Reverse(calls(seen)));
                new.truncate(most.saturating_sub(self.series.len()));
            }
        }
        for (name, _) in new {
            self.series.insert(Arc::clone(name), Series::new(at));
        }
    }
}

const fn calls(seen: &Seen) -> u64 {
    seen.between.ended.calls.saturating_add(seen.between.ended.rejected)
}
