//! Number of failures by kind, and the last failure.

use std::fmt;

use crate::engine::outcome::FailureKind;
use crate::engine::record::texts::{Describe, LastText};
use crate::engine::time::Timestamp;
use crate::sync::{Arc, AtomicU64, OnceLock, Ordering};

/// Failures by kind, for kinds other than `other`.
///
/// Kept apart and made at the first such failure: most circuits name no kinds.
#[derive(Debug)]
pub(crate) struct KindCounts {
    /// When the last failure ended, in nanoseconds whose lowest bits are the place of its kind; 0
    /// before the first.
    last: AtomicU64,
    few: OnceLock<Box<OfFew>>,
}

/// What few circuits have, in one box.
#[derive(Debug, Default)]
struct OfFew {
    slots: OnceLock<Box<[KindSlot; MOST_KINDS]>>,
    /// Set before the first failure, if at all.
    text: OnceLock<Box<LastText>>,
}

/// The failures of a circuit by kind, and in the same allocation what others keep beside them: a
/// rejection refers to both, and is the smaller for it.
pub(crate) struct KindsWith<T: ?Sized> {
    pub(crate) kinds: KindCounts,
    pub(crate) with: T,
}

/// Failures by kind, whatever is kept beside them.
pub(crate) type SharedKinds = Arc<KindsWith<dyn Send + Sync>>;

#[derive(Debug)]
struct KindSlot {
    /// Taken by the first failure of a kind that has no slot yet.
    kind: OnceLock<FailureKind>,
    failures: AtomicU64,
}

/// More kinds than one circuit's rules, panics and abandoned calls need; further kinds count as
/// `other`.
const MOST_KINDS: usize = 16;

/// The bits of the last failure that say of which kind it was: enough for all places.
const PLACE_MASK: u64 = 31;

const PLACE_OF_OTHER: u64 = 1;

/// The place of the first slot; the others follow.
const FIRST_PLACE: u64 = 2;

impl KindCounts {
    pub(crate) fn new() -> Self {
        Self { last: AtomicU64::new(0), few: OnceLock::new() }
    }

    /// Counts a failure of `kind` that ended `at`; returns false where it is to be counted as
    /// `other`.
    pub(crate) fn add(&self, kind: FailureKind, at: Timestamp) -> bool {
        let own = self.slot_of(kind);
        if let Some((_, slot)) = own {
            // Relaxed: a number for totals; nothing is decided by it, and it publishes nothing.
            slot.failures.fetch_add(1, Ordering::Relaxed);
        }
        let place = own.map_or(PLACE_OF_OTHER, |(place, _)| place);
        let packed = (at.as_nanos() & !PLACE_MASK) | place;
        // Release: pairs with the Acquire in `last`; publishes the kind in its place. The latest
        // time is kept, whichever thread is the last to come here.
        let before = self.last.fetch_max(packed, Ordering::Release);
        if let Some(text) = self.text() {
            if before & !PLACE_MASK <= packed & !PLACE_MASK {
                text.renew();
            }
        }
        own.is_some()
    }

    /// The kind of the last failure, and when it ended, to 32 ns; `None` before the first.
    pub(crate) fn last(&self) -> Option<(FailureKind, Timestamp)> {
        // Acquire: as said in `add`.
        let packed = self.last.load(Ordering::Acquire);
        let kind = match packed & PLACE_MASK {
            0 => return None,
            PLACE_OF_OTHER => FailureKind::OTHER,
            place => kind_in(self.slots(), place)?,
        };
        Some((kind, Timestamp::from_nanos(packed & !PLACE_MASK)))
    }

    /// Keeps the text of the last failure's error from now on, as `describe` gives it.
    pub(crate) fn keep_text(&self, describe: Vec<Describe>) {
        self.make_few().text.get_or_init(|| Box::new(LastText::new(describe)));
    }

    /// What keeps the text of the last failure's error, if anything does.
    pub(crate) fn text(&self) -> Option<&LastText> {
        self.few.get()?.text.get().map(|text| &**text)
    }

    /// The text of the last failure's error, where that failure ended `at`, as [`last`](Self::last)
    /// says.
    pub(crate) fn text_at(&self, at: Timestamp) -> Option<Arc<str>> {
        let packed = |at: Timestamp| at.as_nanos() & !PLACE_MASK;
        self.text()?.of(|kept| packed(kept) == packed(at))
    }

    /// The slot of `kind` with its place, taken if it has none; `None` for `other`, and where all
    /// are taken.
    fn slot_of(&self, kind: FailureKind) -> Option<(u64, &KindSlot)> {
        if kind == FailureKind::OTHER {
            return None;
        }
        let new_slots = || Box::new(std::array::from_fn(|_| KindSlot::new()));
        let slots = self.make_few().slots.get_or_init(new_slots);
        let places = (FIRST_PLACE..).zip(slots.iter());
        places.into_iter().find(|(_, slot)| *slot.kind.get_or_init(|| kind) == kind)
    }

    /// The kinds with the number of failures of each, in the order of their first failures.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (FailureKind, u64)> + '_ {
        // Relaxed: as in `add`; the kind itself is published by its `OnceLock`.
        self.slots()
            .iter()
            .filter_map(|slot| Some((*slot.kind.get()?, slot.failures.load(Ordering::Relaxed))))
    }

    /// The slots; none before the first failure of a kind with a name.
    fn slots(&self) -> &[KindSlot] {
        let slots = self.few.get().and_then(|few| few.slots.get());
        slots.map_or(&[], |slots| &**slots)
    }

    fn make_few(&self) -> &OfFew {
        self.few.get_or_init(Box::default)
    }
}

impl<T> KindsWith<T> {
    /// No failures yet, beside `with`.
    pub(crate) fn new(with: T) -> Self {
        Self { kinds: KindCounts::new(), with }
    }
}

impl<T: ?Sized> fmt::Debug for KindsWith<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kinds.fmt(f)
    }
}

impl KindSlot {
    fn new() -> Self {
        Self { kind: OnceLock::new(), failures: AtomicU64::new(0) }
    }
}

/// The kind in a place that is that of a slot.
fn kind_in(slots: &[KindSlot], place: u64) -> Option<FailureKind> {
    let index = usize::try_from(place.checked_sub(FIRST_PLACE)?).ok()?;
    slots.get(index)?.kind.get().copied()
}

#[cfg(all(test, breaker_loom))]
mod races;
#[cfg(test)]
mod tests;
