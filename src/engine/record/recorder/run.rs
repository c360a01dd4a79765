//! A run of consecutive failures: its length, and when it began.

use std::time::Duration;

use crate::engine::state::Tag;
use crate::engine::time::{Timestamp, nanos};
use crate::sync::{AtomicU64, Ordering};

#[cfg(all(test, breaker_loom))]
mod races;

/// The words of one run. They lie together where there are several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    /// Epoch tag and length.
    pub(super) length: &'a AtomicU64,
    /// When the first failure of the run ended, where the run is to last; or a later time, never an
    /// earlier one.
    pub(super) began: &'a AtomicU64,
    /// For how long the run is to last, in nanoseconds; 0 where its length is enough.
    pub(super) lasting: &'a AtomicU64,
}

impl Run<'_> {
    /// Makes the run one longer, and returns whether it has reached `limit`; 0 is no limit.
    #[inline]
    pub(super) fn lengthen(
        self,
        tag: Tag,
        limit: u64,
        now: impl FnOnce() -> Timestamp,
    ) -> Option<bool> {
        // Relaxed: published with the epoch.
        let lasting = self.lasting.load(Ordering::Relaxed);
        if lasting == 0 {
            let length = self.lengthen_with(tag, |_| true)?;
            return Some(limit != 0 && length >= limit);
        }
        self.lengthen_lasting(tag, limit, lasting, now())
    }

    /// The same where the run is to last.
    #[inline(never)]
    fn lengthen_lasting(self, tag: Tag, limit: u64, lasting: u64, now: Timestamp) -> Option<bool> {
        let now = now.as_nanos();
        let length = self.lengthen_with(tag, |seen| Tag::strip(seen) != 0 || self.begin(now))?;
        // Relaxed: the exchange that made the run longer, in `lengthen_with`, has acquired it.
        let began = self.began.load(Ordering::Relaxed);
        Some(limit != 0 && length >= limit && now.saturating_sub(began) >= lasting)
    }

    /// Notes when a run begins, before it has a length; `false` when another thread was faster.
    ///
    /// Time only goes up here. So a thread that was held up cannot put the beginning of a later run
    /// back, and a thread that finds a run finds its beginning or a later time: no run is taken to
    /// have lasted long enough too early.
    fn begin(self, now: u64) -> bool {
        // Relaxed: the exchange below fails if this is no longer so.
        let seen = self.began.load(Ordering::Relaxed);
        let next = seen.max(now);
        // Relaxed: published by the exchange of the length that follows, in `lengthen_with`.
        self.began.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Makes the run one longer and returns its length, once `prepare` accepts the word as it was
    /// before; `None` when the epoch is over.
    #[inline]
    fn lengthen_with(self, tag: Tag, prepare: impl Fn(u64) -> bool) -> Option<u64> {
        // Relaxed: the exchange below tells whether it is still so.
        let mut seen = self.length.load(Ordering::Relaxed);
        loop {
            if Tag::on(seen) != tag {
                return None;
            }
            if !prepare(seen) {
                // Relaxed: as above.
                seen = self.length.load(Ordering::Relaxed);
                continue;
            }
            // 48 bits of failures in one run do not come together.
            let next = seen.wrapping_add(1);
            // AcqRel: pairs with itself; publishes when the run began to all threads that make it
            // longer. All changes of the word are exchanges, so the release sequence goes through
            // them. A trip goes through the lock. Relaxed on failure: the loop checks what it
            // found.
            match self.length.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return Some(Tag::strip(next)),
                Err(changed) => seen = changed,
            }
        }
    }
}

/// Ends the run, if it is one of this epoch.
#[inline]
pub(super) fn end(run: &AtomicU64, tag: Tag) {
    let ended = tag.mark(0);
    // Relaxed: the exchange below tells whether it is still so.
    let mut seen = run.load(Ordering::Relaxed);
    while seen != ended && Tag::on(seen) == tag {
        // Relaxed: it publishes nothing: a run of no length has no beginning yet.
        match run.compare_exchange_weak(seen, ended, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(changed) => seen = changed,
        }
    }
}

/// `lasting` as a word of a run.
pub(super) fn word(lasting: Option<Duration>) -> u64 {
    lasting.map_or(0, nanos)
}
