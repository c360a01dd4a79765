//! The successes of a window that none of its words holds any more.

use crate::sync::{AtomicU64, Ordering};

/// Counts what leaves the words of a window, so that its successes stay among the totals.
///
/// Whoever takes successes out of a word adds them here afterwards, and readers look here first: a
/// success is never seen twice. One on its way between the two is not seen at all, which would let
/// the totals go back; so the highest number that was ever shown is shown until it is reached again.
#[derive(Debug)]
pub(super) struct Past {
    successes: AtomicU64,
    /// The most successes that were ever shown. Changed by readers, under the machine's lock.
    shown: AtomicU64,
}

impl Past {
    pub(super) fn new() -> Self {
        Self { successes: AtomicU64::new(0), shown: AtomicU64::new(0) }
    }

    /// Adds successes that no word holds any more, or ever held.
    pub(super) fn add(&self, successes: u64) {
        if successes > 0 {
            // Release: pairs with the load in `with`; who sees them here finds their word without
            // them.
            self.successes.fetch_add(successes, Ordering::Release);
        }
    }

    /// These successes and those that `in_words` finds. The caller holds the machine's lock.
    pub(super) fn with(&self, in_words: impl FnOnce() -> u64) -> u64 {
        // Acquire: pairs with the exchange in `add`, and keeps the loads of the words behind it.
        let past = self.successes.load(Ordering::Acquire);
        let found = past.saturating_add(in_words());
        // Relaxed, both: under the lock.
        let shown = self.shown.load(Ordering::Relaxed).max(found);
        self.shown.store(shown, Ordering::Relaxed);
        shown
    }
}
