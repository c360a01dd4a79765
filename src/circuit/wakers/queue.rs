//! The queue for admission: which task is woken when a slot is free.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;

/// The tasks that wait to be admitted, in the order in which they began to wait.
///
/// A slot that comes free wakes one of them. That task is answerable for the slot until it has
/// asked again: it takes the slot, or finds it taken and waits on, or leaves and so wakes the next.
/// A task that has got a slot wakes the next, too, in case another slot is free. So there is always
/// a task awake for a free slot, however many slots there are, and however many have come free
/// unseen.
///
/// One of the tasks, the timekeeper, has a timer for the time at which the circuit would admit a
/// call by itself. It is answerable in the same way.
#[derive(Debug, Default)]
pub(super) struct Queue {
    asleep: BTreeMap<u64, Waker>,
    /// The tasks that were woken and have not asked since.
    woken: BTreeSet<u64>,
    /// One of the tasks that sleep.
    timekeeper: Option<u64>,
}

/// The place of a task in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) key: u64,
    /// How many tasks go before it, up to [`MOST_AHEAD`]; the timekeeper goes before all.
    pub(crate) ahead: u32,
}

/// More than these ahead are not counted, so that a place costs little in a queue of any length.
const MOST_AHEAD: usize = 1_000;

impl Queue {
    /// Registers `waker` to be woken once; it replaces the one under `key`, which is returned.
    pub(super) fn put(&mut self, key: u64, waker: Waker) -> (Place, Option<Waker>) {
        self.woken.remove(&key);
        let old = self.asleep.insert(key, waker);
        if self.timekeeper.is_none_or(|timekeeper| key < timekeeper) {
            self.timekeeper = Some(key);
        }
        (Place { key, ahead: self.ahead_of(key) }, old)
    }

    /// Takes the task under `key` out, and returns whether it was answerable for a slot that may be
    /// free: the next is to be woken then.
    pub(super) fn remove(&mut self, key: u64) -> (bool, Option<Waker>) {
        let waker = self.asleep.remove(&key);
        let was_timekeeper = self.timekeeper.take_if(|timekeeper| *timekeeper == key).is_some();
        let was_woken = self.woken.remove(&key);
        (was_timekeeper || was_woken, waker)
    }

    /// Takes the waker of the first task that sleeps; the task counts as awake from now on.
    pub(super) fn wake_next(&mut self) -> Option<Waker> {
        let (key, waker) = self.asleep.pop_first()?;
        self.timekeeper.take_if(|timekeeper| *timekeeper == key);
        self.woken.insert(key);
        Some(waker)
    }

    /// Takes the wakers of all tasks that sleep, in their order; they count as awake from now on.
    pub(super) fn wake_all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.timekeeper = None;
        self.woken.extend(self.asleep.keys());
        std::mem::take(&mut self.asleep).into_values()
    }

    /// Whether a task sleeps.
    pub(super) fn is_awaited(&self) -> bool {
        !self.asleep.is_empty()
    }

    fn ahead_of(&self, key: u64) -> u32 {
        if self.timekeeper == Some(key) {
            return 0;
        }
        let is_last = self.asleep.last_key_value().is_some_and(|(last, _)| *last == key);
        let ahead = if is_last {
            self.asleep.len().saturating_sub(1)
        } else {
            self.asleep.range(..key).take(MOST_AHEAD).count()
        };
        // At least one: the timekeeper, wherever it is in the queue.
        u32::try_from(ahead.clamp(1, MOST_AHEAD)).unwrap_or(u32::MAX)
    }
}

#[cfg(all(test, not(breaker_loom)))]
mod tests;
