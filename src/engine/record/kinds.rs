//! Number of failures by kind.

use crate::engine::outcome::FailureKind;
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// Failures by kind, for kinds other than `other`.
///
/// Kept apart and made at the first such failure: most circuits name no kinds.
#[derive(Debug)]
pub(crate) struct KindCounts {
    slots: OnceLock<Box<[KindSlot]>>,
}

#[derive(Debug)]
struct KindSlot {
    /// Taken by the first failure of a kind that has no slot yet.
    kind: OnceLock<FailureKind>,
    failures: AtomicU64,
}

/// More kinds than one circuit's rules, panics and abandoned calls need; further kinds count as
/// `other`.
const MOST_KINDS: usize = 16;

impl KindCounts {
    pub(crate) const fn new() -> Self {
        Self { slots: OnceLock::new() }
    }

    /// Counts a failure of `kind`; returns false where it is to be counted as `other`.
    pub(crate) fn add(&self, kind: FailureKind) -> bool {
        if kind == FailureKind::OTHER {
            return false;
        }
        let slots = self.slots.get_or_init(|| (0..MOST_KINDS).map(|_| KindSlot::new()).collect());
        let own = slots.iter().find(|slot| *slot.kind.get_or_init(|| kind) == kind);
        if let Some(slot) = own {
            // Relaxed: a number for totals; nothing is decided by it, and it publishes nothing.
            slot.failures.fetch_add(1, Ordering::Relaxed);
        }
        own.is_some()
    }

    /// The kinds with the number of failures of each, in the order of their first failures.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (FailureKind, u64)> + '_ {
        let slots = self.slots.get().map_or(&[][..], |slots| slots);
        // Relaxed: as in `add`; the kind itself is published by its `OnceLock`.
        slots
            .iter()
            .filter_map(|slot| Some((*slot.kind.get()?, slot.failures.load(Ordering::Relaxed))))
    }
}

impl KindSlot {
    fn new() -> Self {
        Self { kind: OnceLock::new(), failures: AtomicU64::new(0) }
    }
}
