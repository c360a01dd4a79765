//! A window over exactly the last N results, without a lock.
//!
//! Results are written nineteen to a block, and the blocks form a ring. A block is two words:
//!
//! ```text
//!   results   epoch tag 16 | block number 24 | results so far 5 | failed 19
//!   failed    epoch tag 16 | failed in this epoch before this block 48
//! ```
//!
//! Where slow calls are counted, it has room for ten results, and is three words:
//!
//! ```text
//!   results   epoch tag 16 | block number 24 | results so far 4 | failed 10 | slow 10
//!   failed    as above
//!   slow      epoch tag 16 | slow in this epoch before this block 48
//! ```
//!
//! Recording is one compare-exchange on the `results` word of the current block, which checks the
//! epoch, takes the place and writes the result at once: that exchange is the moment the result
//! counts. A thread that meets a full block prepares the next one (its sums, then its results) and
//! moves `head` on. Every step is a compare-exchange from a value that was read while `head` had
//! not moved, so it does not matter how many threads do it or how late one of them is.
//!
//! The counts of the window are the sums up to now less the sums up to N results ago: two blocks
//! are read, however long the window is. The number on a block wraps; it is only compared, and is
//! far wider than a window is long.
//!
//! The position and the sum of failures also give the number of successes in the epoch, so no
//! separate counter is kept for them.

use crate::engine::outcome::{EndedCall, Recorded};
use crate::engine::state::Tag;
use crate::engine::window::count::block::{Feature, NUMBER, Results};
use crate::engine::window::counts::{SlowCalls, WindowCounts};
use crate::sync::{AtomicU64, Ordering, fence};

mod block;
#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// The words of a count window and how to read them.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountRing<'a> {
    /// Results and failed of each block, then slow of each; a power of two of blocks.
    words: &'a [AtomicU64],
    /// Epoch tag and the number of the current block.
    head: &'a AtomicU64,
    length: u64,
    slow_calls: SlowCalls,
}

/// A window may begin and end within a block, and so reaches over one more than it fills. And one
/// for the block that comes next: it is prepared while readers still take the current one for the
/// last.
const SPARE_BLOCKS: u64 = 2;

impl<'a> CountRing<'a> {
    /// The number of words that a window of `length` results takes.
    pub(super) fn words_for(length: u32, slow_calls: SlowCalls) -> usize {
        let filled = u64::from(length).div_ceil(slow_calls.per_block());
        let blocks = filled.saturating_add(SPARE_BLOCKS).next_power_of_two();
        let words = blocks.saturating_mul(slow_calls.words_per_block());
        usize::try_from(words).unwrap_or(usize::MAX)
    }

    /// A ring over `words`, of which there are as many as [`words_for`](Self::words_for) says.
    #[inline]
    pub(super) fn new(
        words: &'a [AtomicU64],
        head: &'a AtomicU64,
        length: u32,
        slow_calls: SlowCalls,
    ) -> Self {
        Self { words, head, length: u64::from(length), slow_calls }
    }

    /// Empties the window for a new epoch. The caller holds the lock under which epochs change.
    ///
    /// By exchanges, not stores: they take their place among the exchanges of late threads.
    pub(super) fn restart(&self, tag: Tag) {
        // Release, and before the block: a late helper of the old epoch that meets the new block
        // finds `head` changed too, and gives up. Acquire: pairs with the move in `turn_over`.
        self.head.swap(tag.mark(0), Ordering::AcqRel);
        let sums = [Feature::Failed, Feature::Slow].map(|feature| self.sum(0, feature));
        for sum in sums.into_iter().flatten() {
            // Release: pairs with the load in `replace`; publishes that `head` has changed.
            sum.swap(tag.mark(0), Ordering::AcqRel);
        }
        if let Some(results) = self.results(0) {
            // Release: pairs with the loads in `try_record` and `replace`; publishes `head` and
            // sums.
            results.swap(Results::empty(tag, 0).0, Ordering::AcqRel);
        }
    }

    /// Ends the epoch of `tag` in favour of `next`: from here on no result of it is taken. Returns
    /// how many have succeeded. The caller holds the lock, and restarts the window next.
    pub(super) fn finish(&self, tag: Tag, next: Tag) -> u64 {
        // Acquire: pairs with the move in `turn_over`; the block that `head` names is prepared.
        // Release: published with the block below, for a late thread that meets it.
        let head = self.head.swap(next.mark(0), Ordering::AcqRel);
        let number = Tag::strip(head);
        let Some(slot) = self.results(number) else { return 0 };
        // A thread that read `head` before the exchange above may record in this block until the
        // exchange below, and in no other: a block that was prepared but never named takes nothing.
        // From then on the block holds the old tag and a number that no thread looks for.
        // Acquire: pairs with the exchanges in `try_record`; the sums belong to what it held.
        // Release: pairs with the load in `try_record`; a thread that meets it sees `head` changed.
        let last = Results(slot.swap(Results::empty(tag, !number).0, Ordering::AcqRel));
        if Tag::on(head) != tag || last.tag() != tag {
            return 0;
        }
        self.succeeded(number, last).unwrap_or(0)
    }

    /// The number of results of the epoch that have succeeded so far.
    pub(super) fn successes(&self, tag: Tag) -> u64 {
        self.read(tag, |number, current| self.succeeded(number, current)).unwrap_or(0)
    }

    /// Adds one result; with the counts when the result is one that may trip the circuit.
    #[inline]
    pub(super) fn record(&self, tag: Tag, call: EndedCall) -> Recorded<Option<WindowCounts>> {
        self.try_record(tag, call).unwrap_or(Recorded::Stale)
    }

    #[inline]
    fn try_record(&self, tag: Tag, call: EndedCall) -> Option<Recorded<Option<WindowCounts>>> {
        loop {
            // Acquire: pairs with `turn_over`; the block was prepared before `head` named it.
            let head = self.head.load(Ordering::Acquire);
            let number = Tag::strip(head);
            if Tag::on(head) != tag {
                return None;
            }
            let slot = self.results(number)?;
            // Acquire: pairs with all exchanges of this word. A thread that gave it another number
            // or tag had seen or made `head` change, so the load below sees that, too.
            let seen = Results(slot.load(Ordering::Acquire));
            if seen.tag() != tag {
                return None;
            }
            if seen.number() != number & NUMBER {
                // Acquire: as every load of `head`. That it is new enough follows from `seen`.
                if self.head.load(Ordering::Acquire) == head {
                    return None; // the ring is being given another shape: the epoch is over
                }
                continue;
            }
            if !seen.has_room(self.slow_calls) {
                self.turn_over(head, seen);
                continue;
            }
            let next = seen.with(call, self.slow_calls);
            // Read before the exchange: that it succeeds proves that the block was not full, so
            // `head` had not moved and nothing read here was used again.
            let counts = if call.may_trip() { self.counts_with(number, next) } else { None };
            // Release: the next reader of this word may go on to the sums that preceded it. Relaxed
            // on failure: the loop loads both words again.
            let swapped =
                slot.compare_exchange_weak(seen.0, next.0, Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                return Some(Recorded::InTime { follows: counts, is_counted: true });
            }
        }
    }

    /// Adds a fast success to the current block; false where it has no room, or another thread is
    /// at it: then nothing is added.
    #[inline]
    pub(super) fn count_success(&self, tag: Tag) -> bool {
        // As one turn of `try_record`, with its orderings, for a result that asks for no counts.
        let head = self.head.load(Ordering::Acquire);
        let number = Tag::strip(head);
        let Some(slot) = self.results(number) else { return false };
        let seen = Results(slot.load(Ordering::Acquire));
        if Tag::on(head) != tag || !seen.is_with_room(tag, number, self.slow_calls) {
            return false;
        }
        let next = seen.with(EndedCall::SUCCESS, self.slow_calls);
        slot.compare_exchange_weak(seen.0, next.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The counts of the last N results of the epoch.
    pub(super) fn counts(&self, tag: Tag) -> WindowCounts {
        self.read(tag, |number, current| self.counts_with(number, current)).unwrap_or_default()
    }

    /// The result of `what` for the current block, as it was at one moment; `None` when the epoch
    /// is over.
    fn read<T>(&self, tag: Tag, what: impl Fn(u64, Results) -> Option<T>) -> Option<T> {
        loop {
            // Acquire: pairs with the move in `turn_over`; the block was prepared before.
            let head = self.head.load(Ordering::Acquire);
            let number = Tag::strip(head);
            if Tag::on(head) != tag {
                return None;
            }
            // Acquire: pairs with the exchanges in `try_record`, and in `replace` and `finish`,
            // which change the number only once `head` has moved.
            let current = Results(self.results(number)?.load(Ordering::Acquire));
            let is_current = current.tag() == tag && current.number() == number & NUMBER;
            let seen = if is_current { what(number, current) } else { None };
            // The blocks that were read are used again only after `head` has moved. The fence keeps
            // the reads above before the load below, which may then be Relaxed.
            fence(Ordering::Acquire);
            if self.head.load(Ordering::Relaxed) == head {
                return seen; // nothing, where the ring is being given another shape
            }
        }
    }

    /// The counts when block `number`, the current one, holds `current`.
    fn counts_with(&self, number: u64, current: Results) -> Option<WindowCounts> {
        let recorded = self.recorded(number, current);
        let (oldest, gone) = self.slow_calls.block_of(recorded.saturating_sub(self.length));
        // A window shorter than a block may begin in the current one.
        let leaving = if oldest == number {
            current
        } else {
            // Acquire: pairs with `replace`. Where the block is used again, `head` has moved, and
            // the caller's check or exchange fails.
            Results(self.results(oldest)?.load(Ordering::Acquire))
        };
        let in_window = |feature| {
            let now = self.sum_with_all(number, current, feature)?;
            Some(now.wrapping_sub(self.sum_with(oldest, leaving, gone, feature)?))
        };
        Some(WindowCounts {
            calls: recorded.min(self.length),
            failures: in_window(Feature::Failed)?,
            slow_calls: match self.slow_calls {
                SlowCalls::Ignored => 0,
                SlowCalls::Counted => in_window(Feature::Slow)?,
            },
        })
    }

    /// The number of successes in the epoch when block `number`, the current one, holds `current`.
    fn succeeded(&self, number: u64, current: Results) -> Option<u64> {
        let failed = self.sum_with_all(number, current, Feature::Failed)?;
        Some(self.recorded(number, current).wrapping_sub(failed))
    }

    /// How many results the epoch has when block `number`, the current one, holds `current`.
    fn recorded(&self, number: u64, current: Results) -> u64 {
        number.wrapping_mul(self.slow_calls.per_block()).wrapping_add(current.len(self.slow_calls))
    }

    /// Prepares the block after the full one that `head` names, and moves `head` on.
    fn turn_over(&self, head: u64, full: Results) {
        let tag = Tag::on(head);
        let number = Tag::strip(head);
        let next = number.wrapping_add(1);
        let carried = |feature| match (self.sum(next, feature), feature) {
            (Some(sum), _) => self
                .sum_with_all(number, full, feature)
                .is_some_and(|total| self.replace(head, sum, tag.mark(total))),
            (None, Feature::Slow) => true,
            (None, Feature::Failed) => false,
        };
        let prepared = carried(Feature::Failed)
            && carried(Feature::Slow)
            && self
                .results(next)
                .is_some_and(|results| self.replace(head, results, Results::empty(tag, next).0));
        if prepared {
            // Release: pairs with the loads of `head`; publishes the block that was prepared.
            // Relaxed on failure: another thread has moved it.
            let moved = tag.mark(next);
            let _ = self.head.compare_exchange(head, moved, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Makes `word` hold `value`; false when `head` moved on before that.
    fn replace(&self, head: u64, word: &AtomicU64, value: u64) -> bool {
        loop {
            // Acquire: pairs with the exchange below. A value of a later use of the block was put
            // there by a thread that saw `head` move, so the load of `head` sees it moved.
            let old = word.load(Ordering::Acquire);
            if old == value {
                return true;
            }
            // While `head` stands, what was read above is what the block held one lap ago, and the
            // exchange below replaces nothing else. Acquire: as every load of `head`.
            if self.head.load(Ordering::Acquire) != head {
                return false;
            }
            // Release: pairs with the load above and those of readers; publishes that `head` was at
            // least this far. Relaxed on failure: the loop loads again.
            let swapped = word.compare_exchange(old, value, Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                return true;
            }
        }
    }

    /// The sum before block `number` and of all results of it.
    fn sum_with_all(&self, number: u64, block: Results, feature: Feature) -> Option<u64> {
        self.sum_with(number, block, self.slow_calls.per_block(), feature)
    }

    /// The sum before block `number` and of the first `places` results of it.
    fn sum_with(&self, number: u64, block: Results, places: u64, feature: Feature) -> Option<u64> {
        // Acquire: pairs with `replace`. Where the sum is of a later use of the block, `head` has
        // moved, and the caller's check or exchange fails.
        let before = Tag::strip(self.sum(number, feature)?.load(Ordering::Acquire));
        Some(before.wrapping_add(block.count(places, feature, self.slow_calls)))
    }

    #[inline]
    fn results(&self, number: u64) -> Option<&'a AtomicU64> {
        self.words.get(self.place(number) << 1)
    }

    fn sum(&self, number: u64, feature: Feature) -> Option<&'a AtomicU64> {
        let place = self.place(number);
        match (feature, self.slow_calls) {
            (Feature::Failed, _) => self.words.get(place << 1 | 1),
            (Feature::Slow, SlowCalls::Counted) => {
                self.words.get((self.blocks() << 1).wrapping_add(place))
            }
            (Feature::Slow, SlowCalls::Ignored) => None,
        }
    }

    /// The place of block `number` in the ring.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked to the length of a slice")]
    fn place(&self, number: u64) -> usize {
        number as usize & self.blocks().saturating_sub(1)
    }

    #[inline]
    fn blocks(&self) -> usize {
        match self.slow_calls {
            SlowCalls::Ignored => self.words.len() >> 1,
            SlowCalls::Counted => self.words.len() / 3,
        }
    }
}
