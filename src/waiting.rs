//! One service's waiting in `poll_ready`.

use std::task::Waker;

use crate::circuit::Circuit;

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
