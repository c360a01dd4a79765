//! Values by key, up to a cap; when full, the least recently used one is evicted.

use std::collections::HashMap;

use crate::engine::time::Timestamp;
use crate::sync::{Arc, AtomicU64, Ordering, RwLock, read, write};

/// Values by key.
#[derive(Debug)]
pub(crate) struct Store<V> {
    entries: RwLock<KeyedEntries<V>>,
    cap: usize,
    evicted: AtomicU64,
    overflowed: AtomicU64,
}

#[derive(Debug)]
struct KeyedEntries<V> {
    by_key: HashMap<Arc<str>, KeyedEntry<V>>,
    next: u64,
}

#[derive(Debug)]
struct KeyedEntry<V> {
    value: V,
    /// When it was last asked for, in nanoseconds.
    used: AtomicU64,
    /// Which of those used at the same time came first.
    number: u64,
}

/// How easily a value is evicted; easy ones go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Evictable {
    /// Nothing is lost with it.
    Easy,
    /// Only if no other can be evicted.
    Hard,
}

/// The result of keeping a new key.
#[derive(Debug)]
pub(crate) enum Kept<V> {
    /// The value under the key, and the one that was evicted for it, if any.
    Here(V, Option<V>),
    /// There is no room, and no value can be evicted.
    NoRoom,
}

impl<V: Clone> Store<V> {
    pub(crate) fn new(cap: usize) -> Self {
        let (evicted, overflowed) = (AtomicU64::new(0), AtomicU64::new(0));
        let entries = RwLock::new(KeyedEntries { by_key: HashMap::new(), next: 0 });
        Self { entries, cap, evicted, overflowed }
    }

    /// The value under `key`, which is now in use.
    pub(crate) fn get(&self, key: &str, now: Timestamp) -> Option<V> {
        let entries = read(&self.entries);
        let entry = entries.by_key.get(key)?;
        // Relaxed: read only under the lock for writing, which comes after this one for reading.
        entry.used.store(now.as_nanos(), Ordering::Relaxed);
        Some(entry.value.clone())
    }

    /// Whether `key` would find room, or has a value by now; may have changed by the time it is
    /// read.
    pub(crate) fn has_room(&self, key: &str, parting: impl Fn(&V) -> Option<Evictable>) -> bool {
        let entries = read(&self.entries);
        let mut values = entries.by_key.values();
        entries.by_key.len() < self.cap
            || entries.by_key.contains_key(key)
            || values.any(|entry| parting(&entry.value).is_some())
    }

    /// Keeps `value` under `key`, unless there is one already. If there is no room, evicts the
    /// least recently used of those that can be.
    ///
    /// `changed` is called with the new value and the evicted one, under the lock; the evicted one
    /// is returned, to be dropped where no lock is held.
    pub(crate) fn keep(
        &self,
        key: &Arc<str>,
        value: &V,
        parting: impl Fn(&V) -> Option<Evictable>,
        changed: impl FnOnce(&V, Option<&V>),
        now: Timestamp,
    ) -> Kept<V> {
        let mut entries = write(&self.entries);
        if let Some(entry) = entries.by_key.get(key) {
            // Relaxed: under the lock for writing.
            entry.used.store(now.as_nanos(), Ordering::Relaxed);
            return Kept::Here(entry.value.clone(), None);
        }
        let mut gone = None;
        if entries.by_key.len() >= self.cap {
            let Some(idle) = entries.longest_idle(parting) else {
                return Kept::NoRoom;
            };
            gone = entries.by_key.remove(&idle).map(|entry| entry.value);
            // Relaxed: a number for metrics; nothing is decided by it.
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        entries.add(key, value.clone(), now);
        changed(value, gone.as_ref());
        Kept::Here(value.clone(), gone)
    }

    /// Counts a call whose key found no room.
    pub(crate) fn count_overflow(&self) {
        // Relaxed: as `evicted`.
        self.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn values(&self) -> Vec<V> {
        read(&self.entries).by_key.values().map(|entry| entry.value.clone()).collect()
    }

    pub(crate) fn evicted(&self) -> u64 {
        // Relaxed: a number by itself.
        self.evicted.load(Ordering::Relaxed)
    }

    pub(crate) fn overflowed(&self) -> u64 {
        // Relaxed: a number by itself.
        self.overflowed.load(Ordering::Relaxed)
    }
}

impl<V> KeyedEntries<V> {
    fn add(&mut self, key: &Arc<str>, value: V, now: Timestamp) {
        let number = self.next;
        self.next = number.wrapping_add(1);
        let used = AtomicU64::new(now.as_nanos());
        self.by_key.insert(Arc::clone(key), KeyedEntry { value, used, number });
    }

    fn longest_idle(&self, parting: impl Fn(&V) -> Option<Evictable>) -> Option<Arc<str>> {
        let mut first = None;
        for (key, entry) in &self.by_key {
            // Relaxed: under the lock for writing, which orders it after all stores of readers.
            let (used, number) = (entry.used.load(Ordering::Relaxed), entry.number);
            // Few are asked: most would not be the first to go, however easily they can be evicted.
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
