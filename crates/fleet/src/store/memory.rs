//! A store in the memory of one process.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::lock::lock;
use crate::partition::partition;
use crate::record::is_ahead;
use crate::request::{Ask, Reply, Request};
use crate::store::ledger::Ledger;
use crate::store::seam::{Change, Gone, Refused, Store};
use crate::store::sums::Sums;
use crate::terms::Terms;
use crate::word::Word;

/// A store in memory: for several registries of one process, and for tests.
///
/// Clones share what is in it; each hears all changes from when it was made.
#[derive(Debug)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    /// Which of the listeners this is.
    listener: u64,
}

#[derive(Debug)]
struct Shared {
    /// The clock's beginning, and what it said then.
    start: Instant,
    partitions: u16,
    contents: Mutex<Contents>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Contents {
    circuits: HashMap<Arc<str>, Ledger>,
    /// By partition: the number of changes.
    changes: BTreeMap<u16, i64>,
    sums: BTreeMap<u16, Sums>,
    /// By name.
    processes: HashMap<Arc<str>, Said>,
    listeners: HashMap<u64, Heard>,
    next_listener: u64,
    lost: Lost,
}

/// Above these is all that comes after a loss, also where the clock stands still.
#[derive(Debug, Clone, Copy, Default)]
struct Lost {
    /// The highest of all epochs.
    epoch: u64,
    /// The highest of all numbers of changes.
    number: i64,
}

/// What a listener has yet to hear.
#[derive(Debug, Default)]
struct Heard {
    changes: VecDeque<(Word, String)>,
    has_missed: bool,
}

/// The number of the process that last said so, until when it counts, and what it said.
type Said = (u64, u64, Arc<str>);

/// How many changes wait for a listener.
const MOST: usize = 1024;

/// How long it counts that a process is there, in milliseconds.
const PROCESS: u64 = 20_000;

/// Not near the beginning of time: epochs are microseconds of this clock.
const BEGIN: u64 = 1_000_000;

impl MemoryStore {
    /// Makes an empty store of one partition.
    ///
    /// Its clock is that of tokio, which tests can pause and advance.
    #[must_use]
    pub fn new() -> Self {
        Self::with_partitions(1)
    }

    /// Makes an empty store of `partitions` partitions, at least one.
    ///
    /// The [suite](crate::suite) knows up to
    /// [`MOST_PARTITIONS`](crate::partition::MOST_PARTITIONS).
    #[must_use]
    pub fn with_partitions(partitions: u16) -> Self {
        let shared = Shared {
            start: Instant::now(),
            partitions: partitions.max(1),
            contents: Mutex::default(),
            changed: Notify::new(),
        };
        Self::listen(Arc::new(shared))
    }

    fn listen(shared: Arc<Shared>) -> Self {
        let mut contents = lock(&shared.contents);
        let listener = contents.next_listener;
        contents.next_listener += 1;
        contents.listeners.insert(listener, Heard::default());
        drop(contents);
        Self { shared, listener }
    }

    /// Milliseconds of its clock.
    fn now(&self) -> u64 {
        let since = self.shared.start.elapsed().as_millis();
        BEGIN.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// Returns whether the store has no record of any circuit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        lock(&self.shared.contents).circuits.values().all(|ledger| ledger.record().is_none())
    }

    /// Forgets all that it holds, as a store that was lost.
    ///
    /// No epoch and no number of changes is used again: what comes is above all that was.
    pub fn clear(&self) {
        let now = self.now();
        let mut contents = lock(&self.shared.contents);
        let lost = contents.highest(now);
        let (listeners, next_listener) =
            (std::mem::take(&mut contents.listeners), contents.next_listener);
        *contents = Contents { listeners, next_listener, lost, ..Contents::default() };
    }

    /// Loses the leases of a circuit.
    #[cfg(test)]
    pub(crate) fn forget_leases(&self, circuit: &str) {
        if let Some(ledger) = lock(&self.shared.contents).circuits.get_mut(circuit) {
            ledger.forget_leases();
        }
    }

    fn carry_out(&self, terms: &Terms, request: &Request) -> Result<Reply, Refused> {
        let now = self.now();
        let mut contents = lock(&self.shared.contents);
        match &request.ask {
            Ask::Changes { partition } => Ok(contents.changes_of(*partition)),
            Ask::Begin { partition } => {
                contents.change(*partition, now);
                Ok(contents.changes_of(*partition))
            }
            Ask::Merge(merge) => {
                let sums = contents.sums.entry(merge.partition).or_default();
                let was_well = sums.failing_for(now).is_none();
                let merged = sums.merge(merge, now);
                let failing_for = sums.failing_for(now);
                if was_well && failing_for.is_some() {
                    contents.change(merge.partition, now);
                }
                Ok(Reply { sums: merged, failing_for, ..Reply::default() })
            }
            Ask::Announce { said } => Ok(contents.announce(terms, said, now)),
            // All that have said so are in it.
            Ask::Enlist => Ok(Reply::code(1)),
            Ask::Census => {
                let there = contents.processes.iter().filter(|(_, (_, until, _))| now < *until);
                let said =
                    |(name, (.., said)): (&Arc<str>, &Said)| (name.to_string(), said.to_string());
                Ok(Reply { processes: there.map(said).collect(), ..Reply::default() })
            }
            Ask::Look { open } => {
                let ledger = contents.circuits.get(&request.circuit);
                let looked = ledger.map(|ledger| ledger.look(*open, now)).unwrap_or_default();
                Ok(Reply { looked: Some(looked), ..Reply::default() })
            }
            ask => {
                let Contents { circuits, lost, .. } = &mut *contents;
                let circuit = circuits.entry(Arc::clone(&request.circuit));
                let circuit = circuit.or_insert_with(|| Ledger::above(lost.epoch));
                let reply = circuit.answer(terms, ask, now)?;
                let published = std::mem::take(&mut circuit.published);
                for word in published {
                    contents.tell(&word, &request.circuit);
                    contents.change(partition(&request.circuit, self.shared.partitions), now);
                }
                Ok(reply)
            }
        }
    }
}

impl Contents {
    fn changes_of(&self, partition: u16) -> Reply {
        let number = self.changes.get(&partition).copied();
        let (code, number) = (number.map_or(0, |_| 1), number.unwrap_or(0));
        Reply { code, number, ..Reply::default() }
    }

    /// Raises the number of changes; a first one is not one of those that were before it was lost.
    fn change(&mut self, partition: u16, now: u64) {
        let first = i64::try_from(now.saturating_mul(1000)).unwrap_or(i64::MAX);
        let first = first.max(self.lost.number);
        let number = self.changes.entry(partition).or_insert(first);
        *number = number.saturating_add(1);
    }

    /// The highest epoch and number that there ever were.
    fn highest(&self, now: u64) -> Lost {
        let epochs = self.circuits.values().map(Ledger::epoch);
        // One that is nobody's would make all that come after it nobody's, too.
        let epoch = epochs.filter(|epoch| !is_ahead(*epoch, now)).max().unwrap_or(0);
        let number = self.changes.values().copied().max().unwrap_or(0);
        Lost { epoch: epoch.max(self.lost.epoch), number: number.max(self.lost.number) }
    }

    fn announce(&mut self, terms: &Terms, said: &Arc<str>, now: u64) -> Reply {
        let own = terms.identity.number;
        let said = (own, now.saturating_add(PROCESS), Arc::clone(said));
        let before = self.processes.insert(terms.identity.name.as_str().into(), said);
        let is_another = before.is_some_and(|(number, until, _)| number != own && now < until);
        Reply::code(i64::from(is_another))
    }

    fn tell(&mut self, word: &Word, circuit: &str) {
        for heard in self.listeners.values_mut() {
            if heard.changes.len() < MOST {
                heard.changes.push_back((word.clone(), circuit.to_owned()));
            } else {
                heard.has_missed = true;
            }
        }
    }
}

impl Store for MemoryStore {
    async fn ask(
        &mut self,
        terms: &Terms,
        batch: &[Request],
    ) -> Result<Vec<Result<Reply, Refused>>, Gone> {
        let answers = batch.iter().map(|request| self.carry_out(terms, request)).collect();
        self.shared.changed.notify_waiters();
        Ok(answers)
    }

    async fn changed(&mut self) -> Change {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // From here on nothing is overheard.
            changed.as_mut().enable();
            if let Some(heard) = lock(&self.shared.contents).listeners.get_mut(&self.listener) {
                if std::mem::take(&mut heard.has_missed) {
                    heard.changes.clear();
                    return Change::Missed;
                }
                if let Some((word, circuit)) = heard.changes.pop_front() {
                    return Change::Circuit(word, circuit);
                }
            }
            changed.await;
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self::listen(Arc::clone(&self.shared))
    }
}

impl Drop for MemoryStore {
    // Cannot panic: it takes out of a map.
    fn drop(&mut self) {
        lock(&self.shared.contents).listeners.remove(&self.listener);
    }
}

#[cfg(test)]
mod tests;
