//! The words of a bucket: what they count, and for which tick.

use crate::engine::outcome::EndedCall;
use crate::engine::state::Tag;
use crate::engine::window::counts::WindowCounts;

/// The classes of results that are counted apart, each in a word of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::window) enum Classes {
    /// Succeeded and failed.
    ByOutcome,
    /// Each of them fast and slow.
    ByOutcomeAndSpeed,
}

pub(super) const COUNT: u64 = (1 << 32) - 1;

impl Classes {
    #[inline]
    pub(super) const fn number(self) -> u64 {
        match self {
            Self::ByOutcome => 2,
            Self::ByOutcomeAndSpeed => 4,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "below 4")]
    #[inline]
    pub(super) fn index(self, call: EndedCall) -> usize {
        let index = match self {
            Self::ByOutcome => call.failed(),
            Self::ByOutcomeAndSpeed => call.failed() | call.slow() << 1,
        };
        index as usize
    }
}

/// The index of the word of a bucket that holds how many fast successes there were when it began.
/// The others hold how many results of their class it has.
pub(super) const BEGINNING: usize = 0;

/// A bucket takes no more fast successes than these: no more can be told from its beginning, less
/// those that all threads add before they look again.
pub(super) const FULL: u64 = COUNT - 0xffff;

/// Adds the count of word `index` of a bucket, which is not its beginning.
#[inline]
pub(super) fn add(counts: &mut WindowCounts, index: usize, counted: u64) {
    counts.calls = counts.calls.saturating_add(counted);
    if index & 1 == 1 {
        counts.failures = counts.failures.saturating_add(counted);
    }
    if index & 2 == 2 {
        counts.slow_calls = counts.slow_calls.saturating_add(counted);
    }
}

pub(super) const STAMP: u64 = 0xffff;

/// The low bits of the tick that `word` belongs to.
#[inline]
pub(super) const fn stamp(word: u64) -> u64 {
    word >> 32 & STAMP
}

/// An empty word of `tick`.
pub(super) const fn fresh(tag: Tag, tick: u64) -> u64 {
    tag.mark((tick & STAMP) << 32)
}
