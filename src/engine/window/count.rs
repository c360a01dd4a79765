//! A window over exactly the last N results, without a lock.
//!
//! Results are written ten to a block, and blocks stand in a ring. A block is two words:
//!
//! ```text
//!   results   epoch tag 16 | block number 24 | results so far 4 | failed 10 | slow 10
//!   sums      epoch tag 16 | failed before this block 24 | slow before this block 24
//! ```
//!
//! Recording is one compare-exchange on the `results` word of the current block, which checks the
//! epoch, takes the place and writes the result at once: that exchange is the moment the result
//! counts. When a block is full, whoever meets it prepares the next one (its sums, then its
//! results) and moves `head` on; every step is a compare-exchange from a value that was read while
//! `head` had not moved, so that it does not matter how many do it or how late one of them is.
//!
//! The counts of the window are the sums up to now less the sums up to N results ago: two blocks
//! are read, however long the window is. Block number and sums wrap; only differences are used, and
//! both are far wider than a window is long.

use crate::engine::outcome::Sample;
use crate::engine::state::Tag;
use crate::engine::window::WindowCounts;
use crate::sync::{AtomicU64, Ordering, fence};

/// The words of a count window and how to read them.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountRing<'a> {
    /// Two words a block, a power of two of blocks.
    words: &'a [AtomicU64],
    /// Epoch tag and the number of the current block.
    head: &'a AtomicU64,
    length: u64,
}

/// The `results` word of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Results(u64);

/// The two sums before a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sums(u64);

/// Results in a block: as many as fit beside tag and number.
#[cfg(not(breaker_loom))]
const PER_BLOCK: u64 = 10;
/// Small, so that the models meet many turn-overs.
#[cfg(breaker_loom)]
const PER_BLOCK: u64 = 2;
const BITS: u64 = (1 << PER_BLOCK) - 1;
const NUMBER: u64 = (1 << 24) - 1;
const SUM: u64 = (1 << 24) - 1;

/// One block for the current results, one for those that leave the window, and one so that a
/// reader of the latter has a whole block's time before it is used again.
const SPARE_BLOCKS: u64 = 3;

impl<'a> CountRing<'a> {
    /// How many words a window of `length` results takes.
    pub(super) fn words_for(length: u32) -> usize {
        let blocks = u64::from(length).div_ceil(PER_BLOCK).saturating_add(SPARE_BLOCKS);
        usize::try_from(blocks.next_power_of_two().saturating_mul(2)).unwrap_or(usize::MAX)
    }

    /// A ring over `words`, of which there are as many as [`words_for`](Self::words_for) says.
    pub(super) fn new(words: &'a [AtomicU64], head: &'a AtomicU64, length: u32) -> Self {
        Self { words, head, length: u64::from(length) }
    }

    /// Empties the window for a new epoch. The caller holds the lock under which epochs change.
    ///
    /// By exchanges, not stores: they take their place among the exchanges of late threads.
    pub(super) fn restart(&self, tag: Tag) {
        // Release, and before the block: a late helper of the old epoch that meets the new block
        // finds `head` changed too, and gives up.
        self.head.swap(tag.mark(0), Ordering::AcqRel);
        let (Some(results), Some(sums)) = (self.results(0), self.sums(0)) else {
            return;
        };
        sums.swap(tag.mark(0), Ordering::AcqRel);
        results.swap(Results::empty(tag, 0).0, Ordering::AcqRel);
    }

    /// Adds one result; gives the counts when the result is one that may trip the circuit.
    pub(super) fn record(&self, tag: Tag, sample: Sample) -> Option<WindowCounts> {
        loop {
            // Acquire: pairs with `turn_over`; the block was prepared before `head` named it.
            let head = self.head.load(Ordering::Acquire);
            let number = Tag::strip(head);
            if Tag::on(head) != tag {
                return None;
            }
            let slot = self.results(number)?;
            let seen = Results(slot.load(Ordering::Acquire));
            if seen.tag() != tag {
                return None;
            }
            if seen.number() != number & NUMBER {
                if self.head.load(Ordering::Acquire) == head {
                    return None; // the ring is being given another shape: the epoch is over
                }
                continue;
            }
            if seen.is_full() {
                self.turn_over(head, seen);
                continue;
            }
            let next = seen.with(sample);
            // Read before the exchange: that it succeeds proves that the block was not full, so
            // `head` had not moved and nothing read here was used again.
            let counts = if sample.may_trip() { self.counts_with(number, next) } else { None };
            // Release: the next reader of this word may go on to the sums that preceded it.
            let swapped =
                slot.compare_exchange_weak(seen.0, next.0, Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                return counts;
            }
        }
    }

    /// The counts of the last N results of the epoch.
    pub(super) fn counts(&self, tag: Tag) -> WindowCounts {
        loop {
            let head = self.head.load(Ordering::Acquire);
            if Tag::on(head) != tag {
                return WindowCounts::default();
            }
            let Some(slot) = self.results(Tag::strip(head)) else {
                return WindowCounts::default();
            };
            let seen = Results(slot.load(Ordering::Acquire));
            let is_current = seen.tag() == tag && seen.number() == Tag::strip(head) & NUMBER;
            if let Some(counts) = is_current.then(|| self.counts_at(head, seen)).flatten() {
                return counts;
            }
            if self.head.load(Ordering::Acquire) == head {
                return WindowCounts::default(); // as in `record`
            }
        }
    }

    /// The counts as they were when the current block, which `head` names, held `current`.
    fn counts_at(&self, head: u64, current: Results) -> Option<WindowCounts> {
        let counts = self.counts_with(Tag::strip(head), current)?;
        // The blocks read are used again only after `head` has moved; the fence keeps the reads
        // above before this one.
        fence(Ordering::Acquire);
        (self.head.load(Ordering::Relaxed) == head).then_some(counts)
    }

    /// The counts when block `number`, the current one, holds `current`.
    fn counts_with(&self, number: u64, current: Results) -> Option<WindowCounts> {
        let recorded = number.wrapping_mul(PER_BLOCK).wrapping_add(current.len());
        let left = recorded.saturating_sub(self.length);
        let (oldest, gone) = (left / PER_BLOCK, left % PER_BLOCK);
        let now = Sums(self.sums(number)?.load(Ordering::Acquire)).and(current, PER_BLOCK);
        // A window shorter than a block may begin in the current one.
        let leaving = if oldest == number {
            current
        } else {
            Results(self.results(oldest)?.load(Ordering::Acquire))
        };
        let then = Sums(self.sums(oldest)?.load(Ordering::Acquire)).and(leaving, gone);
        Some(WindowCounts {
            calls: recorded.min(self.length),
            failures: now.failed().wrapping_sub(then.failed()) & SUM,
            slow_calls: now.slow().wrapping_sub(then.slow()) & SUM,
        })
    }

    /// Prepares the block after the full one that `head` names, and moves `head` on.
    fn turn_over(&self, head: u64, full: Results) {
        let tag = Tag::on(head);
        let number = Tag::strip(head);
        let next = number.wrapping_add(1);
        let (Some(before), Some(sums), Some(results)) =
            (self.sums(number), self.sums(next), self.results(next))
        else {
            return;
        };
        let total = Sums(before.load(Ordering::Acquire)).and(full, PER_BLOCK);
        let prepared = self.replace(head, sums, total.0)
            && self.replace(head, results, Results::empty(tag, next).0);
        if prepared {
            // Release: publishes the block that was prepared. A failure means that it is done.
            let moved = tag.mark(next);
            let _ = self.head.compare_exchange(head, moved, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Makes `word` hold `value`; false when `head` moved on before that.
    fn replace(&self, head: u64, word: &AtomicU64, value: u64) -> bool {
        loop {
            let old = word.load(Ordering::Acquire);
            if old == value {
                return true;
            }
            // What was read above is from before `head` moved, so the exchange below can only put
            // `value` in the place of what the block held one lap ago.
            if self.head.load(Ordering::Acquire) != head {
                return false;
            }
            let swapped = word.compare_exchange(old, value, Ordering::AcqRel, Ordering::Relaxed);
            if swapped.is_ok() {
                return true;
            }
        }
    }

    fn results(&self, number: u64) -> Option<&'a AtomicU64> {
        self.words.get(self.index(number))
    }

    fn sums(&self, number: u64) -> Option<&'a AtomicU64> {
        self.words.get(self.index(number) | 1)
    }

    /// Where block `number` stands: a power of two of blocks, two words each.
    #[expect(clippy::cast_possible_truncation, reason = "masked to the length of a slice")]
    fn index(&self, number: u64) -> usize {
        let mask = (self.words.len() >> 1).saturating_sub(1);
        (number as usize & mask) << 1
    }
}

impl Results {
    const COUNT: u32 = 20;
    const NUMBER: u32 = 24;

    const fn empty(tag: Tag, number: u64) -> Self {
        Self(tag.mark((number & NUMBER) << Self::NUMBER))
    }

    /// This block with one result more; it is not full.
    fn with(self, sample: Sample) -> Self {
        let place = self.len();
        let bits = (sample.failed() << PER_BLOCK | sample.slow()) << place;
        Self((self.0 | bits).wrapping_add(1 << Self::COUNT))
    }

    const fn tag(self) -> Tag {
        Tag::on(self.0)
    }

    const fn number(self) -> u64 {
        self.0 >> Self::NUMBER & NUMBER
    }

    const fn len(self) -> u64 {
        self.0 >> Self::COUNT & 0xf
    }

    const fn is_full(self) -> bool {
        self.len() >= PER_BLOCK
    }

    /// How many of the first `places` results failed.
    fn failed(self, places: u64) -> u64 {
        (self.0 >> PER_BLOCK & BITS & low(places)).count_ones().into()
    }

    /// How many of the first `places` results were slow.
    fn slow(self, places: u64) -> u64 {
        (self.0 & BITS & low(places)).count_ones().into()
    }
}

impl Sums {
    const FAILED: u32 = 24;

    /// These sums and the first `places` results of `block`, under the same tag.
    fn and(self, block: Results, places: u64) -> Self {
        let failed = self.failed().wrapping_add(block.failed(places)) & SUM;
        let slow = self.slow().wrapping_add(block.slow(places)) & SUM;
        Self(Tag::on(self.0).mark(failed << Self::FAILED | slow))
    }

    const fn failed(self) -> u64 {
        self.0 >> Self::FAILED & SUM
    }

    const fn slow(self) -> u64 {
        self.0 & SUM
    }
}

/// The lowest `places` bits; `places` is at most [`PER_BLOCK`].
const fn low(places: u64) -> u64 {
    (1_u64 << places).wrapping_sub(1)
}
