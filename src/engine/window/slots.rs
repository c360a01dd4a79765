//! Memory for windows: atomic words that are made once and never move, so that the call path can
//! use them without a lock while a reconfiguration asks for more.

use crate::sync::{AtomicU64, OnceLock};

/// Blocks of words. The first is made with the circuit; larger ones are added when a
/// reconfiguration needs them, in powers of two, so that all of them together are at most twice
/// the largest that was ever asked for, plus the first.
#[derive(Debug)]
pub(crate) struct Slots {
    first: Words,
    grown: OnceLock<Box<[OnceLock<Words>; GROWN]>>,
}

type Words = Box<[AtomicU64]>;

/// Which block of [`Slots`] is meant. 0 is the first, `n` the one of `2^(n - 1)` words.
pub(crate) type Block = u64;

/// Blocks beyond the first: up to 2^31 words.
const GROWN: usize = 32;

impl Slots {
    pub(crate) fn new(words: usize) -> Self {
        Self { first: zeroes(words), grown: OnceLock::new() }
    }

    /// The words of `block`; none when it was never made.
    #[inline]
    pub(crate) fn words(&self, block: Block) -> &[AtomicU64] {
        match block.checked_sub(1) {
            None => &self.first,
            Some(index) => self.grown_words(index),
        }
    }

    fn grown_words(&self, index: u64) -> &[AtomicU64] {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.grown.get()?.get(index)?.get())
            .map_or(&[], |words| words)
    }

    /// A block of at least `words` words, made if there is none yet.
    pub(crate) fn make_room(&self, words: usize) -> Block {
        if words <= self.first.len() {
            return 0;
        }
        let grown = self.grown.get_or_init(|| Box::new(std::array::from_fn(|_| OnceLock::new())));
        let size = words.next_power_of_two();
        let index = size.trailing_zeros();
        if let Some(block) = grown.get(index as usize) {
            block.get_or_init(|| zeroes(size));
        }
        u64::from(index).saturating_add(1)
    }
}

fn zeroes(words: usize) -> Words {
    (0..words).map(|_| AtomicU64::new(0)).collect()
}

#[cfg(test)]
mod tests;
