//! Tasks that wait in `poll_ready`, to be woken when the circuit changes.

use std::collections::HashMap;
use std::task::Waker;

use crate::contain::contain;
use crate::sync::{Mutex, lock};

/// The waiting tasks of one circuit.
#[derive(Debug)]
pub(crate) struct Waiters {
    /// Made when the first task waits: few circuits have one that does.
    list: Mutex<Option<Box<List>>>,
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A busy inner service: the task is to know when the circuit would reject.
    Inner,
    /// The circuit: the task is to know when it would admit. When the time for that has come, an
    /// alarm of its own says so.
    Admission,
}

#[derive(Debug, Default)]
struct List {
    for_inner: HashMap<u64, Waker>,
    for_admission: HashMap<u64, Waker>,
    next: u64,
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self { list: Mutex::new(None) }
    }

    /// Has `waker` woken once, in the place of the one under `key`; gives the key.
    pub(crate) fn put(&self, awaited: Awaited, key: Option<u64>, waker: &Waker) -> u64 {
        // A waker's clone and drop are the executor's code: not under the lock.
        let waker = waker.clone();
        let mut guard = lock(&self.list);
        let list = guard.get_or_insert_default();
        let key = key.unwrap_or_else(|| {
            list.next = list.next.wrapping_add(1);
            list.next
        });
        let old = list.of(awaited).insert(key, waker);
        drop(guard);
        drop(old);
        key
    }

    pub(crate) fn remove(&self, awaited: Awaited, key: u64) {
        let old = lock(&self.list).as_mut().and_then(|list| list.of(awaited).remove(&key));
        drop(old);
    }

    /// Whether a task awaits this.
    #[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "only a fleet asks for it"))]
    pub(crate) fn is_awaited(&self, awaited: Awaited) -> bool {
        lock(&self.list).as_mut().is_some_and(|list| !list.of(awaited).is_empty())
    }

    /// Wakes all who await one of these; they come back if they still wait.
    pub(crate) fn wake<const N: usize>(&self, awaited: [Awaited; N]) {
        let wakers = lock(&self.list)
            .as_mut()
            .map(|list| awaited.map(|awaited| std::mem::take(list.of(awaited))));
        for waker in wakers.into_iter().flatten().flat_map(HashMap::into_values) {
            let _ = contain(|| waker.wake());
        }
    }
}

impl List {
    const fn of(&mut self, awaited: Awaited) -> &mut HashMap<u64, Waker> {
        match awaited {
            Awaited::Inner => &mut self.for_inner,
            Awaited::Admission => &mut self.for_admission,
        }
    }
}
