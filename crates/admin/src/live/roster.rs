//! The circuits as they were looked at last: which number each has, and what was told of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::history::places::Places;
use crate::ids::Id;
use crate::latency::GAP;
use crate::live::known::{Known, SAMPLE, SentCounts};
use crate::live::look::{Look, Looked};
use crate::rates::{PerSecond, Shares};

/// What is known of all circuits.
#[derive(Debug)]
pub(crate) struct Roster {
    circuits: HashMap<Arc<str>, Known>,
    names: HashMap<Id, Arc<str>>,
    next: Id,
    /// Numbers of circuits whose names others have now.
    replaced: Vec<Id>,
    /// Whether changes since the last look can be told.
    is_followed: bool,
    began: Instant,
    /// By the wall clock, and how long the machine has slept since: meanwhile its other clocks may
    /// stand still.
    began_at: Duration,
    slept: Duration,
    sampled: Option<Instant>,
    /// Of all together.
    sum: Option<PerSecond>,
    history: Option<Places>,
}

/// A circuit that is to be told of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed {
    /// Its place in the look.
    pub(crate) place: usize,
    pub(crate) id: Id,
    /// Whether readers do not know its name.
    pub(crate) is_new: bool,
}

impl Roster {
    pub(crate) fn new(history: Option<Places>, at: Duration) -> Self {
        Self {
            circuits: HashMap::new(),
            names: HashMap::new(),
            next: 1,
            replaced: Vec::new(),
            is_followed: false,
            began: Instant::now(),
            began_at: at,
            slept: Duration::ZERO,
            sampled: None,
            sum: None,
            history,
        }
    }

    /// What is known of this circuit, by its own allocation of its name; maybe nothing yet.
    fn known(&mut self, name: &Arc<str>) -> &mut Known {
        let is_other = |known: &Known| !Arc::ptr_eq(&known.name, name);
        if let Some(other) = self.circuits.get(name).filter(|known| is_other(known)) {
            self.names.remove(&other.id);
            self.replaced.push(other.id);
            self.circuits.remove(name);
        }
        let Self { circuits, names, next, .. } = self;
        circuits.entry(Arc::clone(name)).or_insert_with(|| {
            let id = *next;
            *next = next.wrapping_add(1).max(1);
            names.insert(id, Arc::clone(name));
            Known::new(id, Arc::clone(name))
        })
    }

    /// The number and the rates of a circuit that somebody is shown as it was `looked` at. What they
    /// see and nobody was told is told at the next look, as it will be then.
    pub(crate) fn show(&mut self, looked: &Looked, now: Instant) -> (Id, Shares) {
        let are_fresh = self.are_fresh(now);
        let known = self.known(&looked.snapshot.name);
        known.told.take_if(|told| *told != looked.told);
        known.is_introduced = true;
        let shares = if are_fresh { known.shares() } else { Shares::default() };
        (known.id, shares)
    }

    /// The number and the rates of one that is known.
    pub(crate) fn find(&self, name: &Arc<str>, now: Instant) -> (Option<Id>, Shares) {
        let known = self.circuits.get(name).filter(|known| Arc::ptr_eq(&known.name, name));
        let shares = known.filter(|_| self.are_fresh(now)).map(Known::shares);
        (known.map(|known| known.id), shares.unwrap_or_default())
    }

    /// Whether rates are of the last seconds.
    fn are_fresh(&self, now: Instant) -> bool {
        self.sampled.is_some_and(|at| now.saturating_duration_since(at) <= GAP)
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

    /// The rates of all together; `None` before the second reading, and after a gap.
    pub(crate) const fn rates(&self) -> Option<PerSecond> {
        self.sum
    }

    /// Takes what is there now, and gives those of which something is to be told. The first time,
    /// everything is as it was.
    pub(crate) fn changed(&mut self, look: &Look) -> Vec<Changed> {
        let is_followed = std::mem::replace(&mut self.is_followed, true);
        let mut changed = Vec::new();
        for (place, looked) in look.circuits.iter().enumerate() {
            let known = self.known(&looked.snapshot.name);
            let before = known.told.replace(looked.told);
            if is_followed && before != Some(looked.told) {
                let is_new = !std::mem::replace(&mut known.is_introduced, true);
                changed.push(Changed { place, id: known.id, is_new });
            }
        }
        changed
    }

    /// Forgets those that are no more, and gives their numbers.
    pub(crate) fn removed(&mut self, look: &Look) -> Vec<Id> {
        let mut gone = std::mem::take(&mut self.replaced);
        let known = look.names().filter(|name| self.circuits.contains_key(*name)).count();
        if known == self.circuits.len() {
            return gone;
        }
        let here: HashSet<_> = look.names().collect();
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

    /// The places of these in the look.
    pub(crate) fn places(&self, look: &Look, wanted: impl Fn(Id) -> bool) -> Vec<(usize, Id)> {
        let ids = look.circuits.iter().enumerate().filter_map(|(place, looked)| {
            Some((place, self.circuits.get(&looked.snapshot.name)?.id))
        });
        ids.filter(|(_, id)| wanted(*id)).collect()
    }

    /// Whether rates are to be read again.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.sampled.is_none_or(|at| now.saturating_duration_since(at) >= SAMPLE)
    }

    /// Reads all rates, and gives those of all together, where they are known.
    pub(crate) fn sample(&mut self, look: &Look, now: Instant) -> Option<PerSecond> {
        let before = self.sampled.replace(now);
        let mut sum = PerSecond::default();
        let mut seen = Vec::new();
        for looked in &look.circuits {
            let known = self.known(&looked.snapshot.name);
            let read = known.read(looked, before, now);
            sum = sum.plus(known.shares().per_second.unwrap_or_default());
            seen.push((Arc::clone(&looked.snapshot.name), read));
        }
        let at = self.history_time(look.at, now);
        if let Some(history) = &mut self.history {
            history.add(at, &seen, &look.unseen);
        }
        self.sum =
            before.filter(|before| now.saturating_duration_since(*before) <= GAP).map(|_| sum);
        self.sum
    }

    /// The time in the history: that of a clock that goes on while the machine sleeps.
    fn history_time(&mut self, wall: Duration, now: Instant) -> Duration {
        let awake = now.saturating_duration_since(self.began).saturating_add(self.slept);
        let passed = wall.saturating_sub(self.began_at);
        if passed > awake.saturating_add(GAP) {
            self.slept = self.slept.saturating_add(passed.saturating_sub(awake));
        }
        now.saturating_duration_since(self.began).saturating_add(self.slept)
    }

    /// The numbers and counts, out of a share of all, that have changed since they were sent.
    pub(crate) fn counts(
        &mut self,
        look: &Look,
        is_asked: impl Fn(Id) -> bool,
    ) -> Vec<(Id, SentCounts)> {
        let mut counts = Vec::new();
        for looked in &look.circuits {
            let Some(known) = self.circuits.get_mut(&looked.snapshot.name) else { continue };
            if is_asked(known.id) {
                counts.extend(known.counts(looked).map(|counts| (known.id, counts)));
            }
        }
        counts
    }

    /// The histories, and when they were added to last, in their time.
    pub(crate) fn history(&self) -> Option<(&Places, Duration)> {
        let at = self.sampled.unwrap_or(self.began).saturating_duration_since(self.began);
        Some((self.history.as_ref()?, at.saturating_add(self.slept)))
    }

    /// When the histories were added to last.
    pub(crate) const fn sampled(&self) -> Option<Instant> {
        self.sampled
    }
}

#[cfg(test)]
mod tests;
