//! The text of the last failure's error, for circuits that keep it.

use std::any::Any;
use std::fmt;

use crate::engine::time::Timestamp;
use crate::sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering, lock};

/// Returns the text of an error, if it is of the type that this takes. User code: not called here.
pub(crate) type Describe = Box<dyn Fn(&dyn Any) -> Option<String> + Send + Sync>;

/// The text of one failure, shown while that is the last failure.
pub(crate) struct LastText {
    describe: Vec<Describe>,
    /// How many failures have become the last one.
    number: AtomicU64,
    kept: Mutex<KeptText>,
}

/// The text that is kept, under its lock, while a failure is recorded.
pub(crate) struct HeldText<'a> {
    number: &'a AtomicU64,
    kept: MutexGuard<'a, KeptText>,
    before: u64,
}

#[derive(Debug)]
struct KeptText {
    /// The number of its failure; 0 before the first.
    number: u64,
    /// When its failure ended.
    at: Timestamp,
    text: Option<Arc<str>>,
}

impl LastText {
    pub(crate) fn new(describe: Vec<Describe>) -> Self {
        let kept = Mutex::new(KeptText { number: 0, at: Timestamp::ZERO, text: None });
        Self { describe, number: AtomicU64::new(0), kept }
    }

    /// What describes errors, in the order in which they are asked.
    pub(crate) fn describe(&self) -> &[Describe] {
        &self.describe
    }

    /// Notes that a failure has become the last one: the text that is kept is no longer shown.
    pub(crate) fn renew(&self) {
        // Release: pairs with the Acquire in `of`. Who has seen the failure's time and not its
        // number sees another time than that of the text.
        self.number.fetch_add(1, Ordering::Release);
    }

    /// Holds the text while a failure is recorded, so that of two failures with a text neither
    /// counts as the other.
    pub(crate) fn hold(&self) -> HeldText<'_> {
        let kept = lock(&self.kept);
        // Relaxed: this thread's own addition lies between this load and the one in `keep`, if
        // there is one.
        let before = self.number.load(Ordering::Relaxed);
        HeldText { number: &self.number, kept, before }
    }

    /// The text of the last failure, which ended `at`, if that is the one whose text is kept.
    pub(crate) fn of(&self, is_its_time: impl FnOnce(Timestamp) -> bool) -> Option<Arc<str>> {
        let kept = lock(&self.kept);
        // Acquire: pairs with the Release in `renew`.
        let is_last = kept.number == self.number.load(Ordering::Acquire) && is_its_time(kept.at);
        kept.text.clone().filter(|_| is_last)
    }
}

impl HeldText<'_> {
    /// Keeps `text` for the failure that ended `at`, if one was recorded meanwhile and no other: one
    /// without a text may have come between, and then the text may belong to the older of them.
    pub(crate) fn keep(mut self, at: Timestamp, text: Option<Arc<str>>) {
        // Relaxed: as in `LastText::hold`.
        let number = self.number.load(Ordering::Relaxed);
        if number.wrapping_sub(self.before) == 1 {
            *self.kept = KeptText { number, at, text };
        }
    }
}

impl fmt::Debug for LastText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastText").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(all(test, breaker_loom))]
mod races;
