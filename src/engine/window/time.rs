//! A window over a span of time, in fixed buckets, without a lock.
//!
//! Time is cut into ticks of one bucket's width. A bucket is two words (successes and failures), or
//! four where slow calls are counted; every result adds one to one word:
//!
//! ```text
//!   word   epoch tag 16 | tick 16 | count 32
//!   newest epoch tag 16 | tick 48
//! ```
//!
//! Recording is one compare-exchange on a word. When time has gone on, the first thread to record
//! wipes the buckets of the ticks that have passed, the oldest first, and only then moves `newest`.
//! So a word belongs to one of the last ticks up to `newest`, after an idle gap of any length, or
//! is being wiped for a later one. A reader that meets such a word lets the window begin after its
//! bucket, so that a rate is never torn.
//!
//! The tick on a word keeps a thread that was held up from wiping or counting in a bucket that is
//! used again. It has 16 bits: a thread that is stopped between two instructions for exactly a
//! multiple of 65,536 ticks can misplace one result.
//!
//! The words also count the successes of the epoch, so no separate counter is kept for them. The
//! thread whose exchange wipes a word adds what it held to [`Past`]; so does the end of an epoch,
//! which takes the words of all successes away from late results.

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::time::{MARGIN, TimeSource, Timestamp, nanos};
use crate::engine::window::counts::{Enough, WindowCounts};
use crate::engine::window::past::Past;
pub(super) use crate::engine::window::time::words::Classes;
use crate::engine::window::time::words::{COUNT, FAILED, STAMP, add, fresh, stamp, successes_in};
use crate::sync::{AtomicU64, Ordering, fence};

#[cfg(all(test, not(breaker_loom)))]
mod tests;
mod words;

/// The words of a time window and how to read them.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeRing<'a> {
    words: &'a [AtomicU64],
    /// Epoch tag and the newest tick that was prepared.
    newest: &'a AtomicU64,
    /// The successes that were wiped.
    past: &'a Past,
    buckets: u64,
    /// Nanoseconds in a bucket.
    width: u64,
    classes: Classes,
}

impl<'a> TimeRing<'a> {
    /// The number of words that a window of `buckets` takes.
    pub(super) fn words_for(buckets: u32, classes: Classes) -> usize {
        usize::try_from(u64::from(buckets).saturating_mul(classes.number())).unwrap_or(usize::MAX)
    }

    /// A ring over `words`, of which there are as many as [`words_for`](Self::words_for) says.
    #[inline]
    pub(super) fn new(
        words: &'a [AtomicU64],
        newest: &'a AtomicU64,
        past: &'a Past,
        buckets: u32,
        width: u64,
        classes: Classes,
    ) -> Self {
        let buckets = u64::from(buckets).max(1);
        Self { words, newest, past, buckets, width: width.max(1), classes }
    }

    /// Empties the window for a new epoch. The caller holds the lock under which epochs change.
    ///
    /// By exchanges, not stores: they take their place among the exchanges of late threads.
    pub(super) fn restart(&self, tag: Tag, now: Timestamp) {
        let tick = self.tick(now);
        // Release, and before the words: a late thread of the old epoch that meets a new word finds
        // `newest` changed too, and gives up. Acquire: pairs with the move in `advance`.
        self.newest.swap(tag.mark(tick), Ordering::AcqRel);
        for past in self.live(tick) {
            for word in self.bucket(past) {
                // Release: pairs with every load of the word; publishes that `newest` has changed.
                word.swap(fresh(tag, past), Ordering::AcqRel);
            }
        }
    }

    /// Ends the epoch of `tag` in favour of `next`: from here on no success of it is taken. Returns
    /// how many its words held. The caller holds the lock, and restarts the window next.
    pub(super) fn finish(&self, tag: Tag, next: Tag) -> u64 {
        // Release, and before the words: a late thread that meets one of them finds `newest`
        // changed, too, and gives up. Acquire: pairs with the move in `advance`.
        self.newest.swap(next.mark(0), Ordering::AcqRel);
        let take = |word: &AtomicU64| {
            // A late result adds to its word before this exchange, or finds no word of its epoch. A
            // late thread that wipes it does so before, and adds what it held itself, or after, and
            // finds nothing. Release: pairs with the loads in `count` and `wipe`. Acquire: pairs
            // with the exchanges there.
            let last = word.swap(fresh(tag.far_off(), 0), Ordering::AcqRel);
            successes_in(tag, last)
        };
        self.words.iter().step_by(2).map(take).fold(0, u64::saturating_add)
    }

    /// The number of successes of the epoch that are in words. The caller holds the lock.
    pub(super) fn successes(&self, tag: Tag) -> u64 {
        // Acquire: pairs with the exchanges in `count`, `wipe` and `restart`.
        let count = |word: &AtomicU64| successes_in(tag, word.load(Ordering::Acquire));
        self.words.iter().step_by(2).map(count).fold(0, u64::saturating_add)
    }

    /// Adds one result; with the counts when the result is one that may trip the circuit.
    #[inline]
    pub(super) fn record(
        &self,
        tag: Tag,
        call: EndedCall,
        now: Timestamp,
    ) -> Recorded<Option<WindowCounts>> {
        match self.count(tag, call, self.tick(now)) {
            Some(tick) => {
                let counts = call.may_trip().then(|| self.counts_at(tag, tick));
                Recorded::InTime { follows: counts, is_counted: true }
            }
            None => Recorded::Stale,
        }
    }

    /// Adds a success that ends before `fast_until` to the newest bucket; false where time has gone
    /// on, the word is full, or another thread is at it: then nothing is added.
    #[inline]
    pub(super) fn count_success(
        &self,
        tag: Tag,
        fast_until: Timestamp,
        clock: &impl TimeSource,
    ) -> bool {
        // As one turn of `count`, with its orderings, where `newest` need not move.
        let newest = self.newest.load(Ordering::Acquire);
        let tick = Tag::strip(newest);
        if Tag::on(newest) != tag || !self.is_before(self.end_of(tick).min(fast_until), clock) {
            return false;
        }
        let index = self.classes.index(EndedCall::SUCCESS);
        let Some(word) = self.bucket(tick).get(index) else { return false };
        let seen = word.load(Ordering::Acquire);
        let is_current = (seen ^ fresh(tag, tick)) < COUNT;
        is_current
            && word
                .compare_exchange_weak(
                    seen,
                    seen.wrapping_add(1),
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Whether it is before `end`.
    #[inline]
    fn is_before(&self, end: Timestamp, clock: &impl TimeSource) -> bool {
        // In a short bucket the clock that costs less could seldom tell.
        if self.width < nanos(MARGIN.saturating_mul(5)) {
            clock.now() < end
        } else {
            clock.time_left(end).is_some()
        }
    }

    /// When `tick` is over. By a product: a division takes several times as long.
    #[inline]
    const fn end_of(&self, tick: u64) -> Timestamp {
        Timestamp::from_nanos(tick.saturating_add(1).saturating_mul(self.width))
    }

    /// The counts of the window that ends now.
    pub(super) fn counts(&self, tag: Tag, now: Timestamp) -> WindowCounts {
        self.counts_at(tag, self.tick(now))
    }

    /// Adds one result in the newest tick, which is `tick` or later, and returns that tick; `None`
    /// when the epoch is over.
    ///
    /// A thread that was held up between reading the clock and this, or whose clock went back,
    /// finishes its call now: its result belongs here.
    #[inline]
    fn count(&self, tag: Tag, call: EndedCall, tick: u64) -> Option<u64> {
        loop {
            let tick = self.advance(tag, tick)?;
            let word = self.bucket(tick).get(self.classes.index(call))?;
            // Acquire: pairs with `wipe` and `restart`. A word of a new epoch comes with its
            // `newest`, which the load below then sees.
            let seen = word.load(Ordering::Acquire);
            if Tag::on(seen) != tag {
                return None;
            }
            if stamp(seen) != tick & STAMP {
                // Acquire: as every load of `newest`. It also stands while another thread wipes
                // this bucket for a tick that is a whole window ahead: the result counts as stale
                // then.
                if self.newest.load(Ordering::Acquire) == tag.mark(tick) {
                    return None; // the ring is being given another shape: the epoch is over
                }
                continue; // time went on between the two loads: look again
            }
            // A full word stays full: a count may be too low, never wrapped.
            let is_full = seen & COUNT == COUNT;
            let next = if is_full { seen } else { seen.wrapping_add(1) };
            // AcqRel: pairs with the loads of readers and of the thread that wipes the bucket.
            // Relaxed on failure: the loop loads both words again.
            let swapped =
                word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                if is_full && !call.has_failed {
                    self.past.add(1);
                }
                return Some(tick);
            }
        }
    }

    /// Moves `newest` on to at least `tick`, over wiped buckets, and returns it; `None` when the
    /// epoch is over.
    fn advance(&self, tag: Tag, tick: u64) -> Option<u64> {
        loop {
            // Acquire: pairs with the exchange below; the buckets up to it were wiped before.
            let seen = self.newest.load(Ordering::Acquire);
            let newest = Tag::strip(seen);
            if Tag::on(seen) != tag {
                return None;
            }
            if newest >= tick {
                return Some(newest);
            }
            let wiped = self.live(tick).filter(|passed| *passed > newest).all(|passed| {
                let mut words = self.bucket(passed).iter().enumerate();
                words.all(|(index, word)| self.wipe(seen, word, index, passed))
            });
            if wiped {
                // Release: pairs with the loads of `newest`; publishes the wiped buckets. Relaxed
                // on failure: another thread was faster, and the loop loads it again.
                let moved = tag.mark(tick);
                let _ =
                    self.newest.compare_exchange(seen, moved, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }

    /// Makes `word`, the one of class `index`, an empty one of `tick`; false when `newest` is no
    /// longer what was `seen`.
    fn wipe(&self, seen: u64, word: &AtomicU64, index: usize, tick: u64) -> bool {
        let fresh = fresh(Tag::on(seen), tick);
        loop {
            // Acquire: pairs with the exchange below and with `restart` and `count`. A word that
            // was changed after `newest` moved is seen together with that move.
            let old = word.load(Ordering::Acquire);
            if old == fresh {
                return true;
            }
            // While `newest` stands, no thread records in `tick`: what was read is from before it.
            // Acquire: as every load of `newest`.
            if self.newest.load(Ordering::Acquire) != seen {
                return false;
            }
            // Or it was wiped for a later tick by a thread that moves `newest` further, over a gap
            // longer than the window: taken back, that tick would have no bucket.
            let is_ahead = |word| self.is_ahead(Tag::strip(seen), word, tick);
            if Tag::on(old) == Tag::on(seen) && is_ahead(old) {
                return true;
            }
            // Release: pairs with the loads of the word; publishes that `newest` was at least
            // `seen`. Relaxed on failure: the loop loads again.
            if word.compare_exchange(old, fresh, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                if index & FAILED == 0 {
                    self.past.add(successes_in(Tag::on(seen), old));
                }
                return true;
            }
        }
    }

    /// Whether `word` was wiped for a tick after `tick`, while `newest` has not moved yet.
    #[expect(clippy::cast_possible_truncation, reason = "stamps have 16 bits")]
    fn is_ahead(&self, newest: u64, word: u64, tick: u64) -> bool {
        // Until a thread wipes it, the bucket holds the last of its ticks up to `newest`.
        let laps = tick.saturating_sub(newest).div_ceil(self.buckets);
        let held = tick.checked_sub(laps.saturating_mul(self.buckets));
        let ahead = stamp(word).wrapping_sub(tick) as u16 as i16;
        held.is_none_or(|held| stamp(word) != held & STAMP) && ahead > 0
    }

    /// The counts of the newest buckets, `enough` of them and no more.
    pub(super) fn recent(&self, tag: Tag, enough: Enough, now: Timestamp) -> WindowCounts {
        let tick = self.tick(now);
        // The bucket of this moment may just have begun, and does not count as one of them.
        let newest = tick.saturating_sub(enough.buckets);
        self.sum(tag, tick, |live, counts| live <= newest && counts.calls >= enough.calls)
    }

    fn counts_at(&self, tag: Tag, tick: u64) -> WindowCounts {
        self.sum(tag, tick, |_, _| false)
    }

    /// The counts of the window that ends in `tick`, from its newest bucket back to the first one
    /// at which `is_enough` holds.
    #[inline]
    fn sum(
        &self,
        tag: Tag,
        tick: u64,
        is_enough: impl Fn(u64, WindowCounts) -> bool,
    ) -> WindowCounts {
        loop {
            // Acquire: pairs with the move in `advance`; the buckets up to it were wiped before.
            let seen = self.newest.load(Ordering::Acquire);
            let newest = Tag::strip(seen);
            if Tag::on(seen) != tag {
                return WindowCounts::default();
            }
            let oldest = tick.max(newest).saturating_sub(self.buckets.saturating_sub(1));
            let mut counts = WindowCounts::default();
            for live in self.live(newest).rev().take_while(|live| *live >= oldest) {
                let newer = counts;
                let mut whole = true;
                for (index, word) in self.bucket(live).iter().enumerate() {
                    // Acquire: pairs with the exchanges in `count`, `wipe` and `restart`.
                    let word = word.load(Ordering::Acquire);
                    if Tag::on(word) == tag && stamp(word) == live & STAMP {
                        add(&mut counts, index, word & COUNT);
                    } else {
                        // It is being wiped: the window has moved on to after this tick. Buckets
                        // are wiped word by word, the oldest first; half of one says nothing.
                        whole = false;
                    }
                }
                if !whole {
                    counts = newer;
                    break;
                }
                if is_enough(live, counts) {
                    break;
                }
            }
            // The buckets that were read are wiped only to move `newest`. The fence keeps the reads
            // above before the load below, which may then be Relaxed.
            fence(Ordering::Acquire);
            if self.newest.load(Ordering::Relaxed) == seen {
                return counts;
            }
        }
    }

    /// The ticks that a window ending in `newest` spans.
    fn live(&self, newest: u64) -> impl DoubleEndedIterator<Item = u64> + use<> {
        newest.saturating_sub(self.buckets.saturating_sub(1))..=newest
    }

    #[inline]
    fn tick(&self, now: Timestamp) -> u64 {
        Tag::strip(now.as_nanos().checked_div(self.width).unwrap_or(0))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "below the length of a slice")]
    fn bucket(&self, tick: u64) -> &'a [AtomicU64] {
        let classes = self.classes.number();
        let bucket = tick.checked_rem(self.buckets).unwrap_or(0);
        let start = bucket.saturating_mul(classes) as usize;
        self.words.get(start..).and_then(|words| words.get(..classes as usize)).unwrap_or(&[])
    }
}
