//! Two numbers in a word.

use crate::sync::{AtomicU64, Ordering};

/// Loads a limit, or the run for a snapshot.
#[inline]
pub(super) fn load(word: &AtomicU64) -> u64 {
    // Relaxed: a limit is published with the epoch, and the run is one number with its tag.
    word.load(Ordering::Relaxed)
}

#[inline]
pub(super) const fn pair(lower: u64, upper: u64) -> u64 {
    lower & 0xffff_ffff | upper << 32
}

#[inline]
pub(super) const fn lower(word: u64) -> u64 {
    word & 0xffff_ffff
}

#[inline]
pub(super) const fn upper(word: u64) -> u64 {
    word >> 32
}
