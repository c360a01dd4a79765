//! Counters for some of the threads each: what every call of a circuit changes that many threads use.

use crate::sync::{AtomicU64, OnceLock, thread_number};

/// Made once calls come from several threads: from then on each thread counts what is frequent on a
/// cache line of its own.
#[derive(Debug)]
pub(crate) struct Stripes(OnceLock<Box<[Stripe; STRIPES]>>);

/// What is frequent, for some of the threads. Two cache lines: processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Stripe {
    /// Successes that no window counts.
    pub(crate) successes: AtomicU64,
    pub(crate) rejected: AtomicU64,
    /// Epoch tag, and the successes of that epoch that a time window counts.
    pub(crate) in_window: AtomicU64,
}

/// As many as threads of a common server; together they take 1 kB.
const STRIPES: usize = 8;

/// Of so many calls it is looked at one, which thread made it. A power of two.
pub(crate) const LOOKED_AT: u64 = 1 << 10;

impl Stripes {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Makes them, if they are not.
    pub(crate) fn make(&self) {
        self.0.get_or_init(|| Box::new(std::array::from_fn(|_| Stripe::new())));
    }

    /// Whether they are made.
    #[inline]
    pub(crate) fn are_made(&self) -> bool {
        self.0.get().is_some()
    }

    /// That of this thread, if they are made.
    #[inline]
    pub(crate) fn own(&self) -> Option<&Stripe> {
        self.0.get()?.get(thread_number() % STRIPES)
    }

    /// All of them; none before they are made.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Stripe> {
        self.0.get().into_iter().flat_map(|stripes| stripes.iter())
    }
}

impl Stripe {
    /// In `in_window`, under whatever tag: no window counts here yet.
    pub(crate) const UNUSED: u64 = (1 << 48) - 1;

    fn new() -> Self {
        Self {
            successes: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            in_window: AtomicU64::new(Self::UNUSED),
        }
    }
}
