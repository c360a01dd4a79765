//! Tasks that wait in `poll_ready` for a busy inner service, to be woken when the circuit changes.

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

#[derive(Debug, Default)]
struct List {
    wakers: HashMap<u64, Waker>,
    next: u64,
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self { list: Mutex::new(None) }
    }

    /// Has `waker` woken at the next change, in the place of the one under `key`; gives the key.
    pub(crate) fn put(&self, key: Option<u64>, waker: &Waker) -> u64 {
        // A waker's clone and drop are the executor's code: not under the lock.
        let waker = waker.clone();
        let mut guard = lock(&self.list);
        let list = guard.get_or_insert_default();
        let key = key.unwrap_or_else(|| {
            list.next = list.next.wrapping_add(1);
            list.next
        });
        let old = list.wakers.insert(key, waker);
        drop(guard);
        drop(old);
        key
    }

    pub(crate) fn remove(&self, key: u64) {
        let old = lock(&self.list).as_mut().and_then(|list| list.wakers.remove(&key));
        drop(old);
    }

    /// Wakes all; they come back if they still wait.
    pub(crate) fn wake(&self) {
        let wakers = lock(&self.list).as_mut().map(|list| std::mem::take(&mut list.wakers));
        for waker in wakers.into_iter().flat_map(HashMap::into_values) {
            let _ = contain(|| waker.wake());
        }
    }
}
