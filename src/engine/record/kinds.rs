//! How often calls failed in which way.

use crate::engine::outcome::FailureKind;
use crate::sync::{AtomicU64, OnceLock, Ordering};

/// Failures by kind, as far as kinds have names of their own.
///
/// Kept apart and made at the first such failure: most circuits name none.
#[derive(Debug)]
pub(crate) struct KindCounts {
    slots: OnceLock<Box<[Slot]>>,
}

#[derive(Debug)]
struct Slot {
    /// Taken by the first failure of a kind that has no slot yet.
    kind: OnceLock<FailureKind>,
    // Relaxed: it stands for itself.
    failures: AtomicU64,
}

/// More kinds than one circuit's rules, panics and abandoned calls need; what comes later counts as
/// `other`.
const MOST_KINDS: usize = 16;

impl KindCounts {
    pub(crate) const fn new() -> Self {
        Self { slots: OnceLock::new() }
    }

    /// Counts a failure of `kind`; gives false where that is to be counted as any other.
    pub(crate) fn add(&self, kind: FailureKind) -> bool {
        if kind == FailureKind::OTHER {
            return false;
        }
        let slots = self.slots.get_or_init(|| (0..MOST_KINDS).map(|_| Slot::new()).collect());
        let own = slots.iter().find(|slot| *slot.kind.get_or_init(|| kind) == kind);
        if let Some(slot) = own {
            slot.failures.fetch_add(1, Ordering::Relaxed);
        }
        own.is_some()
    }

    /// The kinds and how often each came, in the order in which they came first.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (FailureKind, u64)> + '_ {
        let slots = self.slots.get().map_or(&[][..], |slots| slots);
        slots
            .iter()
            .filter_map(|slot| Some((*slot.kind.get()?, slot.failures.load(Ordering::Relaxed))))
    }
}

impl Slot {
    fn new() -> Self {
        Self { kind: OnceLock::new(), failures: AtomicU64::new(0) }
    }
}
