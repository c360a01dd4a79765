//! Tasks that wait in `poll_ready`, to be woken when the circuit changes.

use std::collections::HashMap;
use std::task::Waker;

use crate::circuit::wakers::queue::Queue;
use crate::sync::catch_panic::catch_panic;
use crate::sync::{Mutex, lock};

pub(crate) use self::queue::Place;

mod queue;

/// The waiting tasks of one circuit.
#[derive(Debug)]
pub(crate) struct Wakers {
    /// Made when the first task waits: few circuits have one that does.
    list: Mutex<Option<Box<List>>>,
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A busy inner service: the task is to know when the circuit would reject.
    Inner,
    /// The circuit: the task is to know when it would admit. One of the waiting tasks has a timer
    /// for the deadline.
    Admission,
}

/// Whether a task ends its waiting with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    WithoutSlot,
    WithSlot,
}

#[derive(Debug, Default)]
struct List {
    for_inner: HashMap<u64, Waker>,
    for_admission: Queue,
    next: u64,
}

impl Wakers {
    pub(crate) fn new() -> Self {
        Self { list: Mutex::new(None) }
    }

    /// Registers `waker` to be woken once; it replaces the one under `key`.
    pub(crate) fn put(&self, awaited: Awaited, key: Option<u64>, waker: &Waker) -> Place {
        // A waker's clone and drop are the executor's code: not under the lock.
        let waker = waker.clone();
        let mut guard = lock(&self.list);
        let list = guard.get_or_insert_default();
        let key = key.unwrap_or_else(|| {
            list.next = list.next.wrapping_add(1);
            list.next
        });
        let (place, old) = match awaited {
            Awaited::Inner => (Place { key, ahead: 0 }, list.for_inner.insert(key, waker)),
            Awaited::Admission => list.for_admission.put(key, waker),
        };
        drop(guard);
        drop(old);
        place
    }

    /// Takes the task under `key` out, and wakes the next if a slot may be free for which no task
    /// is awake.
    pub(crate) fn remove(&self, awaited: Awaited, key: u64, leaving: Leaving) {
        let mut guard = lock(&self.list);
        let Some(list) = guard.as_mut() else { return };
        let (was_answerable, old) = match awaited {
            Awaited::Inner => (false, list.for_inner.remove(&key)),
            Awaited::Admission => list.for_admission.remove(key),
        };
        drop(guard);
        drop(old);
        if was_answerable || leaving == Leaving::WithSlot {
            self.wake_next();
        }
    }

    /// Whether a task waits to be admitted.
    pub(crate) fn is_awaited(&self) -> bool {
        lock(&self.list).as_ref().is_some_and(|list| list.for_admission.is_awaited())
    }

    /// Wakes all tasks that wait for a busy inner service; they come back if they still wait.
    pub(crate) fn wake_for_inner(&self) {
        let wakers = lock(&self.list).as_mut().map(|list| std::mem::take(&mut list.for_inner));
        for waker in wakers.into_iter().flat_map(HashMap::into_values) {
            let _ = catch_panic(|| waker.wake());
        }
    }

    /// Wakes the task that has waited longest to be admitted, of those that sleep.
    pub(crate) fn wake_next(&self) {
        loop {
            let next = lock(&self.list).as_mut().and_then(|list| list.for_admission.wake_next());
            let Some(waker) = next else { return };
            // A task whose waker panics is not awake.
            if catch_panic(|| waker.wake()) {
                return;
            }
        }
    }

    /// Wakes all tasks that wait to be admitted.
    pub(crate) fn wake_all(&self) {
        let wakers = lock(&self.list).as_mut().map(|list| list.for_admission.wake_all());
        for waker in wakers.into_iter().flatten() {
            let _ = catch_panic(|| waker.wake());
        }
    }
}
