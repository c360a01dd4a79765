//! Values by key, up to a cap, past which the longest idle one goes.

use std::collections::HashMap;

use crate::engine::time::Timestamp;
use crate::sync::{Arc, AtomicU64, Bug, Ordering, RwLock, planted, read, write};

/// Values by key.
#[derive(Debug)]
pub(crate) struct Store<V> {
    entries: RwLock<Entries<V>>,
    cap: usize,
    // Relaxed, both: they stand for themselves.
    evicted: AtomicU64,
    overflowed: AtomicU64,
}

#[derive(Debug)]
struct Entries<V> {
    by_key: HashMap<Arc<str>, Entry<V>>,
    next: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    /// When it was last asked for, in nanoseconds.
    used: AtomicU64,
    /// Which of those used at the same time came first.
    number: u64,
}

/// Which values go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Evictable {
    /// Nothing is lost with it.
    Easy,
    /// Where no other can go.
    Hard,
}

/// What became of a new key.
#[derive(Debug)]
pub(crate) enum Kept<V> {
    /// The value under the key; the one that went for it, if one did.
    Here(V, Option<V>),
    /// There is no room, and none can go.
    NoRoom,
}

impl<V: Clone> Store<V> {
    pub(crate) fn new(cap: usize) -> Self {
        let (evicted, overflowed) = (AtomicU64::new(0), AtomicU64::new(0));
        let entries = RwLock::new(Entries { by_key: HashMap::new(), next: 0 });
        Self { entries, cap, evicted, overflowed }
    }

    /// The value under `key`, which is now in use.
    pub(crate) fn get(&self, key: &str, now: Timestamp) -> Option<V> {
        let entries = read(&self.entries);
        let entry = entries.by_key.get(key)?;
        // Relaxed: only the order of times matters, and only to whoever holds the lock for writing.
        entry.used.store(now.as_nanos(), Ordering::Relaxed);
        Some(entry.value.clone())
    }

    /// Whether `key` would find room, or has it by now; may be over by the time it is read.
    pub(crate) fn has_room(&self, key: &str, parting: impl Fn(&V) -> Option<Evictable>) -> bool {
        let entries = read(&self.entries);
        let mut values = entries.by_key.values();
        entries.by_key.len() < self.cap
            || entries.by_key.contains_key(key)
            || values.any(|entry| parting(&entry.value).is_some())
    }

    /// Keeps `value` under `key`, unless there is one already. If there is no room, the longest idle
    /// of those that can go does.
    ///
    /// `changed` is told of the new value and of the one that goes, under the lock; that one is given
    /// back, to be dropped where no lock is held.
    pub(crate) fn keep(
        &self,
        key: &Arc<str>,
        value: &V,
        parting: impl Fn(&V) -> Option<Evictable>,
        changed: impl FnOnce(&V, Option<&V>),
        now: Timestamp,
    ) -> Kept<V> {
        let mut entries = write(&self.entries);
        if let Some(entry) = entries.by_key.get(key).filter(|_| !planted(Bug::KeptTwice)) {
            entry.used.store(now.as_nanos(), Ordering::Relaxed);
            return Kept::Here(entry.value.clone(), None);
        }
        let mut gone = None;
        if entries.by_key.len() >= self.cap {
            let Some(idle) = entries.longest_idle(parting) else {
                return Kept::NoRoom;
            };
            if planted(Bug::UsedAgain) {
                drop(entries);
                entries = write(&self.entries);
            }
            gone = entries.by_key.remove(&idle).map(|entry| entry.value);
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        entries.add(key, value.clone(), now);
        changed(value, gone.as_ref());
        Kept::Here(value.clone(), gone)
    }

    /// Counts a key that found no room.
    pub(crate) fn count_overflow(&self) {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn values(&self) -> Vec<V> {
        read(&self.entries).by_key.values().map(|entry| entry.value.clone()).collect()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }
}

impl<V> Entries<V> {
    fn add(&mut self, key: &Arc<str>, value: V, now: Timestamp) {
        let number = self.next;
        self.next = number.wrapping_add(1);
        let used = AtomicU64::new(now.as_nanos());
        self.by_key.insert(Arc::clone(key), Entry { value, used, number });
    }

    fn longest_idle(&self, parting: impl Fn(&V) -> Option<Evictable>) -> Option<Arc<str>> {
        let mut first = None;
        for (key, entry) in &self.by_key {
            let (used, number) = (entry.used.load(Ordering::Relaxed), entry.number);
            // Few are asked: most would not be the first to go, however easily they went.
            if first.as_ref().is_some_and(|(order, _)| (Evictable::Easy, used, number) >= *order) {
                continue;
            }
            let order = parting(&entry.value).map(|parting| (parting, used, number));
            let is_before = |order: &_| first.as_ref().is_none_or(|(first, _)| order < first);
            first = order.filter(is_before).map(|order| (order, key)).or(first);
        }
        first.map(|(_, key)| Arc::clone(key))
    }
}
