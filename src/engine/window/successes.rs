//! The successes of a time window: a number that only grows while its epoch lasts.
//!
//! No bucket has a count of them. Each notes what the number was when the bucket began, so that those
//! since then are a difference, and a success is one addition wherever time has got to. The number is
//! a word, and in a circuit that several threads call, one more for each of some threads:
//!
//! ```text
//!   epoch tag 16 | successes 48
//! ```
//!
//! Each of them goes up by one at a time, so the sum of what is read one after the other is one that
//! there was meanwhile. The end of an epoch takes all words away from late results, whose tag then
//! differs.

use crate::engine::state::Tag;
use crate::engine::stripes::{LOOKED_AT, Stripe, Stripes};
use crate::sync::{AtomicU64, Ordering};

/// The words that count the successes of a time window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Successes<'a> {
    /// For threads whose stripe counts for no window, or is not made.
    first: &'a AtomicU64,
    stripes: &'a Stripes,
}

/// What became of a success that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    /// It is not to be: there is no room.
    Full,
    /// Another thread was faster.
    NotYet,
    /// The epoch is over.
    Stale,
}

impl<'a> Successes<'a> {
    #[inline]
    pub(super) const fn new(first: &'a AtomicU64, stripes: &'a Stripes) -> Self {
        Self { first, stripes }
    }

    /// Adds one, if that takes a single exchange and nothing has to be looked at; else adds nothing.
    #[inline]
    pub(super) fn add(self, tag: Tag) -> bool {
        let (word, seen) = self.own(tag);
        let counted = seen ^ tag.mark(0);
        counted < Stripe::UNUSED && !is_looked_at(counted) && exchange(word, seen)
    }

    /// Adds one, unless `is_full` says that there is no room, which is asked now and then.
    pub(super) fn add_where_room(self, tag: Tag, is_full: impl FnOnce() -> bool) -> Added {
        let (word, seen) = self.own(tag);
        if Tag::on(seen) != tag {
            return Added::Stale;
        }
        let counted = Tag::strip(seen);
        if is_looked_at(counted) && (counted > MOST || is_full()) {
            return Added::Full;
        }
        if exchange(word, seen) { Added::Yes } else { Added::NotYet }
    }

    /// How many there are in the epoch of `tag`.
    #[inline]
    pub(super) fn all(self, tag: Tag) -> u64 {
        let first = read(self.first, tag);
        if self.stripes.are_made() { first.saturating_add(self.in_stripes(tag)) } else { first }
    }

    #[inline(never)]
    fn in_stripes(self, tag: Tag) -> u64 {
        self.stripes.all().map(|stripe| read(&stripe.in_window, tag)).fold(0, plus)
    }

    /// Ends the epoch of `tag`: from here on no success of it is added. Returns how many there were.
    /// The caller holds the lock, and has moved `newest` to the next epoch.
    pub(super) fn take(self, tag: Tag) -> u64 {
        let take = |word: &AtomicU64| {
            // A late success is added before this exchange, and is among those taken, or finds
            // another tag. Release: pairs with the load in `own`; a thread that meets the other tag
            // finds `newest` changed, too. Acquire: pairs with the exchanges of successes.
            let last = word.swap(tag.far_off().mark(0), Ordering::AcqRel);
            counted(tag, last)
        };
        self.words().map(take).fold(0, plus)
    }

    /// Begins to count for the epoch of `tag`, in all words there are. The caller holds the lock.
    pub(super) fn restart(self, tag: Tag) {
        for word in self.words() {
            // AcqRel: as in `take`.
            word.swap(tag.mark(0), Ordering::AcqRel);
        }
    }

    /// Whether there is cause to look which thread calls: none does but once in [`LOOKED_AT`]
    /// successes, and none whose stripe counts.
    pub(super) fn are_looked_at(self, tag: Tag) -> bool {
        let (word, seen) = self.own(tag);
        std::ptr::eq(word, self.first) && Tag::on(seen) == tag && is_looked_at(Tag::strip(seen))
    }

    /// Has the stripes count from here on, made if they are not. The caller holds the lock, and `tag`
    /// is that of the present epoch.
    pub(super) fn use_stripes(self, tag: Tag) {
        self.stripes.make();
        for stripe in self.stripes.all() {
            let word = &stripe.in_window;
            // Acquire: as in `own`. Under the lock no other thread changes a word that does not
            // count.
            if !is_used(word.load(Ordering::Acquire), tag) {
                // AcqRel: as in `take`.
                word.swap(tag.mark(0), Ordering::AcqRel);
            }
        }
    }

    /// The word in which this thread counts, and what is in it.
    #[inline]
    fn own(self, tag: Tag) -> (&'a AtomicU64, u64) {
        if self.stripes.are_made() {
            if let Some(own) = self.own_stripe(tag) {
                return own;
            }
        }
        // Acquire: pairs with the exchanges in `take` and `restart`, as `newest` is changed before
        // either.
        (self.first, self.first.load(Ordering::Acquire))
    }

    #[inline]
    fn own_stripe(self, tag: Tag) -> Option<(&'a AtomicU64, u64)> {
        let word = &self.stripes.own()?.in_window;
        // Acquire: as in `own`, and as with `use_stripes`.
        let seen = word.load(Ordering::Acquire);
        is_used(seen, tag).then_some((word, seen))
    }

    fn words(self) -> impl Iterator<Item = &'a AtomicU64> {
        std::iter::once(self.first).chain(self.stripes.all().map(|stripe| &stripe.in_window))
    }
}

/// 48 bits of successes in one word and epoch do not come together; if they did, they would not carry
/// into the tag.
const MOST: u64 = Stripe::UNUSED - 2 * LOOKED_AT;

/// Adds one to `word`, in which `seen` was found; false where another thread was faster.
#[inline]
fn exchange(word: &AtomicU64, seen: u64) -> bool {
    let next = seen.wrapping_add(1);
    // AcqRel: pairs with the loads in `read`; publishes that `newest` has moved as far as this thread
    // saw. Relaxed on failure: the caller loads again.
    word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Whether a word with so many successes is looked at before the next is added.
#[inline]
const fn is_looked_at(counted: u64) -> bool {
    counted % LOOKED_AT == LOOKED_AT - 1
}

/// Whether the word of a stripe counts for the epoch of `tag`.
#[inline]
fn is_used(word: u64, tag: Tag) -> bool {
    word ^ tag.mark(0) < Stripe::UNUSED
}

/// How many `word` counts for the epoch of `tag` now.
#[inline]
fn read(word: &AtomicU64, tag: Tag) -> u64 {
    // Acquire: pairs with the exchange of each success. Who counts it sees that `newest` has moved as
    // far as the thread that added it saw, and all that happened before.
    counted(tag, word.load(Ordering::Acquire))
}

/// What `word` counts, if it does for the epoch of `tag`.
fn counted(tag: Tag, word: u64) -> u64 {
    if is_used(word, tag) { Tag::strip(word) } else { 0 }
}

const fn plus(sum: u64, more: u64) -> u64 {
    sum.saturating_add(more)
}
