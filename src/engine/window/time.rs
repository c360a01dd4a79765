//! A window over a span of time, in fixed buckets, without a lock.
//!
//! Time is cut into ticks of one bucket's width. A bucket is two words, or four where slow calls are
//! counted: the number of fast successes when it began (see [`Successes`]), and for each other class
//! of results how many there were in it.
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
//! A success that ends while the buckets are wiped is one of the tick before or of the one after: in
//! which is settled by the exchange that notes the number, in the word of the bucket.
//!
//! The tick on a word keeps a thread that was held up from wiping or counting in a bucket that is
//! used again. It has 16 bits: a thread that is stopped between two instructions for exactly a
//! multiple of 65,536 ticks can misplace one result.

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::time::{MARGIN, TimeSource, Timestamp, nanos};
use crate::engine::window::counts::{Enough, WindowCounts};
use crate::engine::window::successes::{Added, Successes};
pub(super) use crate::engine::window::time::words::Classes;
use crate::engine::window::time::words::{BEGINNING, COUNT, FULL, STAMP, add, fresh, stamp};
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
    successes: Successes<'a>,
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
        successes: Successes<'a>,
        buckets: u32,
        width: u64,
        classes: Classes,
    ) -> Self {
        let buckets = u64::from(buckets).max(1);
        Self { words, newest, successes, buckets, width: width.max(1), classes }
    }

    /// Empties the window for a new epoch. The caller holds the lock under which epochs change.
    ///
    /// By exchanges, not stores: they take their place among the exchanges of late threads.
    pub(super) fn restart(&self, tag: Tag, now: Timestamp) {
        let tick = self.tick(now);
        // Release, and before the words: a late thread of the old epoch that meets a new word finds
        // `newest` changed too, and gives up. Acquire: pairs with the move in `advance`.
        self.newest.swap(tag.mark(tick), Ordering::AcqRel);
        self.successes.restart(tag);
        for past in self.live(tick) {
            for word in self.bucket(past) {
                // Release: pairs with every load of the word; publishes that `newest` has changed.
                word.swap(fresh(tag, past), Ordering::AcqRel);
            }
        }
    }

    /// Ends the epoch of `tag` in favour of `next`: from here on no success of it is taken. Returns
    /// how many there were. The caller holds the lock, and restarts the window next.
    pub(super) fn finish(&self, tag: Tag, next: Tag) -> u64 {
        // Release, and before the successes: a late thread that meets one of their words finds
        // `newest` changed, too, and gives up. Acquire: pairs with the move in `advance`.
        self.newest.swap(next.mark(0), Ordering::AcqRel);
        self.successes.take(tag)
    }

    /// The number of fast successes in the epoch.
    pub(super) fn succeeded(&self, tag: Tag) -> u64 {
        self.successes.all(tag)
    }

    /// Adds one result; with the counts when the result is one that may trip the circuit.
    #[inline]
    pub(super) fn record(
        &self,
        tag: Tag,
        call: EndedCall,
        now: Timestamp,
    ) -> Recorded<Option<WindowCounts>> {
        let tick = self.tick(now);
        let recorded = if call.may_trip() {
            self.count(tag, call, tick).map(|tick| (Some(self.counts_at(tag, tick)), false))
        } else {
            self.succeed(tag, tick).map(|is_counted| (None, is_counted))
        };
        let in_time = |(follows, is_counted)| Recorded::InTime { follows, is_counted };
        recorded.map_or(Recorded::Stale, in_time)
    }

    /// Adds a success that ends before `fast_until`; false where time has gone on, another thread is at
    /// it, or something is to be looked at: then nothing is added. Looks at no bucket.
    #[inline]
    pub(super) fn count_success(
        &self,
        tag: Tag,
        fast_until: Timestamp,
        clock: &impl TimeSource,
    ) -> bool {
        // Acquire: as every load of `newest`.
        let newest = self.newest.load(Ordering::Acquire);
        let end = self.end_of(Tag::strip(newest));
        Tag::on(newest) == tag
            && self.is_before(end.min(fast_until), clock)
            && self.successes.add(tag)
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

    /// Adds a fast success in the newest tick, which is `tick` or later, and returns whether it is
    /// counted; it is not where the bucket is full. `None` when the epoch is over.
    fn succeed(&self, tag: Tag, tick: u64) -> Option<bool> {
        loop {
            let tick = self.advance(tag, tick)?;
            match self.successes.add_where_room(tag, || self.is_full(tag, tick)) {
                Added::Yes => return Some(true),
                Added::Full => return Some(false),
                Added::NotYet => {}
                Added::Stale => return None,
            }
        }
    }

    /// Whether the bucket of `tick`, the newest, has as many successes as its word can tell.
    fn is_full(&self, tag: Tag, tick: u64) -> bool {
        // Acquire: as in `sum`.
        let word = self.bucket(tick).get(BEGINNING).map(|word| word.load(Ordering::Acquire));
        let began = word.filter(|word| (word ^ fresh(tag, tick)) <= COUNT);
        // Where it is wiped for a later tick, that one has just begun.
        began.is_some_and(|began| self.successes.all(tag).wrapping_sub(began) & COUNT >= FULL)
    }

    /// Adds one result in the newest tick, which is `tick` or later, and returns that tick; `None`
    /// when the epoch is over. Not for fast successes.
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
            // What is added from here on is of the tick that begins. Of those that saw it begin, none
            // is among these: who sees one of them sees `newest` moved, too, in `wipe`.
            let successes = self.successes.all(tag) & COUNT;
            let wiped = self.live(tick).filter(|passed| *passed > newest).all(|passed| {
                let empty = fresh(tag, passed);
                let mut words = self.bucket(passed).iter().enumerate();
                words.all(|(index, word)| {
                    let count = if index == BEGINNING { successes } else { 0 };
                    self.wipe(seen, word, empty | count, passed)
                })
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

    /// Makes `word` hold `wiped`, for `tick`; false when `newest` is no longer what was `seen`.
    fn wipe(&self, seen: u64, word: &AtomicU64, wiped: u64, tick: u64) -> bool {
        loop {
            // Acquire: pairs with the exchange below and with `restart` and `count`. A word that
            // was changed after `newest` moved is seen together with that move.
            let old = word.load(Ordering::Acquire);
            if old == wiped {
                return true;
            }
            // While `newest` stands, no thread records in `tick`: what was read is from before it.
            // Acquire: as every load of `newest`.
            if self.newest.load(Ordering::Acquire) != seen {
                return false;
            }
            // Or another thread has wiped it, for this tick or for a later one, to which it moves
            // `newest` over a gap longer than the window. Done again, a later tick would have no
            // bucket, and a beginning that readers have seen could change.
            if Tag::on(old) == Tag::on(seen) && self.is_wiped(Tag::strip(seen), old, tick) {
                return true;
            }
            // Release: pairs with the loads of the word; publishes that `newest` was at least
            // `seen`. Relaxed on failure: the loop loads again.
            if word.compare_exchange(old, wiped, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return true;
            }
        }
    }

    /// Whether `word` was wiped for `tick` or one after it, while `newest` has not moved yet.
    #[expect(clippy::cast_possible_truncation, reason = "stamps have 16 bits")]
    fn is_wiped(&self, newest: u64, word: u64, tick: u64) -> bool {
        // Until a thread wipes it, the bucket holds the last of its ticks up to `newest`.
        let laps = tick.saturating_sub(newest).div_ceil(self.buckets);
        let held = tick.checked_sub(laps.saturating_mul(self.buckets));
        let ahead = stamp(word).wrapping_sub(tick) as u16 as i16;
        held.is_none_or(|held| stamp(word) != held & STAMP) && ahead >= 0
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
            let successes = self.successes.all(tag);
            let (mut counts, mut since) = (WindowCounts::default(), successes);
            for live in self.live(newest).rev().take_while(|live| *live >= oldest) {
                // Where it is being wiped, the window has moved on to after this tick.
                let Some((began, with_others)) = self.read(tag, live, counts) else { break };
                counts = with_others;
                counts.calls = counts.calls.saturating_add(since.wrapping_sub(began) & COUNT);
                since = began;
                if is_enough(live, counts) {
                    break;
                }
            }
            // Those that were added while failures were read go before them: else a rate could be
            // higher than it was at any moment.
            if newest >= oldest {
                let more = self.successes.all(tag).saturating_sub(successes);
                counts.calls = counts.calls.saturating_add(more);
            }
            // The buckets that were read are wiped only to move `newest`. The fence keeps the reads
            // above before the load below, which may then be Relaxed.
            fence(Ordering::Acquire);
            if self.newest.load(Ordering::Relaxed) == seen {
                return counts;
            }
        }
    }

    /// How many fast successes there were when the bucket of `tick` began, and `counts` with the other
    /// results in it; `None` where it is being wiped.
    #[inline]
    fn read(&self, tag: Tag, tick: u64, counts: WindowCounts) -> Option<(u64, WindowCounts)> {
        // Buckets are wiped word by word, the oldest first; half of one says nothing.
        let read = |word: &AtomicU64| {
            // Acquire: pairs with the exchanges in `count`, `wipe` and `restart`.
            let count = word.load(Ordering::Acquire) ^ fresh(tag, tick);
            (count <= COUNT).then_some(count)
        };
        let (beginning, others) = self.bucket(tick).split_first()?;
        let (began, mut counts) = (read(beginning)?, counts);
        for (index, word) in (1..).zip(others) {
            add(&mut counts, index, read(word)?);
        }
        Some((began, counts))
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
