//! Tasks that wait in `poll_ready` for a busy inner service, to be woken when the circuit changes.

use std::collections::HashMap;
use std::task::Waker;

use crate::circuit::Circuit;
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

/// One service's place among the waiting tasks; given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    place: Option<(Circuit, u64)>,
}

impl Waiting {
    pub(crate) const fn new() -> Self {
        Self { place: None }
    }

    /// Has `waker` woken at the next change of `circuit`.
    pub(crate) fn begin(&mut self, circuit: &Circuit, waker: &Waker) {
        let key = circuit.waiters().put(self.place.as_ref().map(|(_, key)| *key), waker);
        self.place.get_or_insert_with(|| (circuit.clone(), key));
    }

    #[inline]
    pub(crate) fn end(&mut self) {
        if self.place.is_some() {
            self.leave();
        }
    }

    #[inline(never)]
    fn leave(&mut self) {
        if let Some((circuit, key)) = self.place.take() {
            circuit.waiters().remove(key);
        }
    }
}

impl Drop for Waiting {
    // Cannot panic, unless the executor's waker does.
    fn drop(&mut self) {
        self.end();
    }
}
