//! How many circuits of a group are open, and how many may be.
//!
//! A circuit that trips takes a place in each of its groups, under its own lock and before it
//! opens; it keeps the place until it is closed again. A circuit that is opened otherwise, by an
//! operator or a fleet, takes its place even where none is left.

use crate::engine::state::{Override, Word};
use crate::engine::time::Timestamp;
use crate::sync::{Arc, AtomicU64, Ordering};

#[cfg(all(test, breaker_loom))]
mod races;
#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// The cap on how many members of a [`CircuitGroup`](crate::CircuitGroup) may be open at once.
///
/// Trips of their own always leave at least one member closed.
/// See [`CircuitGroup::at_most_open`](crate::CircuitGroup::at_most_open).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpenCap(Cap);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cap {
    None,
    Half,
    AllButOne,
    Number(u32),
}

impl OpenCap {
    pub(crate) const NONE: Self = Self(Cap::None);

    /// Lets at most half of the members be open, rounded down: two of five, none of one.
    #[must_use]
    pub const fn half() -> Self {
        Self(Cap::Half)
    }

    /// Lets all members but one be open.
    #[must_use]
    pub const fn all_but_one() -> Self {
        Self(Cap::AllButOne)
    }

    /// Lets at most `members` be open, and never the last one that is closed.
    ///
    /// # Panics
    ///
    /// Panics if `members` is 0: no member could ever open.
    #[must_use]
    #[track_caller]
    pub const fn number(members: u32) -> Self {
        assert!(members > 0, "members is 0: must be at least 1");
        Self(Cap::Number(members))
    }

    /// How many of `members` may be open.
    const fn limit(self, members: u64) -> u64 {
        let others = members.saturating_sub(1);
        match self.0 {
            Cap::None => u64::MAX,
            Cap::Half => members / 2,
            Cap::Number(most) if (most as u64) < others => most as u64,
            Cap::AllButOne | Cap::Number(_) => others,
        }
    }

    const fn to_bits(self) -> u64 {
        match self.0 {
            Cap::None => u64::MAX,
            Cap::Half => u64::MAX - 1,
            Cap::AllButOne => u64::MAX - 2,
            Cap::Number(most) => most as u64,
        }
    }

    fn from_bits(bits: u64) -> Self {
        [Self::NONE, Self::half(), Self::all_but_one()]
            .into_iter()
            .find(|cap| cap.to_bits() == bits)
            .unwrap_or_else(|| Self(Cap::Number(u32::try_from(bits).unwrap_or(u32::MAX))))
    }
}

/// The members of one group, and those that are open.
#[derive(Debug)]
pub(crate) struct OpenCounter {
    /// Members in the upper half, those that are open in the lower.
    counts: AtomicU64,
    /// An [`OpenCap`].
    cap: AtomicU64,
}

impl OpenCounter {
    const MEMBER: u64 = 1 << 32;
    const OPEN: u64 = 1;

    pub(crate) fn new() -> Self {
        Self { counts: AtomicU64::new(0), cap: AtomicU64::new(OpenCap::NONE.to_bits()) }
    }

    /// Sets how many members may be open, from the next trip on.
    pub(crate) fn cap_at(&self, cap: OpenCap) {
        // Relaxed: it publishes nothing else; a trip that races with a new cap may go by either.
        self.cap.store(cap.to_bits(), Ordering::Relaxed);
    }

    /// How many members are open.
    pub(crate) fn open(&self) -> u64 {
        // Acquire: pairs with the Release in `give_back`; a circuit not counted here is seen
        // closed.
        Self::open_of(self.counts.load(Ordering::Acquire))
    }

    /// How many of the present members may trip; `None` without a cap.
    pub(crate) fn most_open(&self) -> Option<u64> {
        // Relaxed, both: numbers for people; nothing is decided by them.
        let cap = OpenCap::from_bits(self.cap.load(Ordering::Relaxed));
        let members = self.counts.load(Ordering::Relaxed) >> 32;
        (cap != OpenCap::NONE).then(|| cap.limit(members))
    }

    const fn open_of(counts: u64) -> u64 {
        counts & (Self::MEMBER - 1)
    }

    /// Takes a place if one is left.
    fn take(&self) -> bool {
        // Relaxed: as in `cap_at`.
        let cap = OpenCap::from_bits(self.cap.load(Ordering::Relaxed));
        // Relaxed: the exchange tells whether it is still so.
        let mut counts = self.counts.load(Ordering::Relaxed);
        while Self::open_of(counts) < cap.limit(counts >> 32) {
            let taken = counts.wrapping_add(Self::OPEN);
            // Acquire: pairs with the Release in `give_back`; the circuit that has the place sees
            // that the one that had it before has left the state it was for. Relaxed on failure:
            // the loop checks what it found.
            let (done, found) = (Ordering::Acquire, Ordering::Relaxed);
            match self.counts.compare_exchange_weak(counts, taken, done, found) {
                Ok(_) => return true,
                Err(newer) => counts = newer,
            }
        }
        false
    }

    /// Takes a place, whether one is left or not.
    fn claim(&self) {
        // Relaxed: it publishes nothing, and does not depend on the circuit that had the place.
        self.counts.fetch_add(Self::OPEN, Ordering::Relaxed);
    }

    fn give_back(&self) {
        // Release: pairs with the Acquire in `take`; publishes the end of the state it was for.
        self.counts.fetch_add(Self::OPEN.wrapping_neg(), Ordering::Release);
    }

    fn join(&self) {
        // Relaxed: only the number of members; it publishes nothing.
        self.counts.fetch_add(Self::MEMBER, Ordering::Relaxed);
    }

    fn leave(&self) {
        // Relaxed: as in `join`.
        self.counts.fetch_add(Self::MEMBER.wrapping_neg(), Ordering::Relaxed);
    }
}

/// The memberships of one circuit; guarded by its lock. One pointer where it is in no group.
#[derive(Debug, Default)]
pub(crate) struct GroupMemberships(Option<Box<Joined>>);

#[derive(Debug, Default)]
struct Joined {
    memberships: Vec<Membership>,
    /// Number of trips that a group had no place for.
    trips_prevented: u64,
    /// When the last of them was, and in which epoch.
    last_prevented: Option<(u64, Timestamp)>,
}

/// One circuit's membership in a group, which ends when this is dropped.
#[derive(Debug)]
struct Membership {
    places: Arc<OpenCounter>,
    /// Whether the circuit has a place there: while it is not closed, and not under observation.
    is_taken: bool,
}

impl GroupMemberships {
    /// Joins a group; `word` is the circuit's.
    pub(crate) fn join(&mut self, places: &Arc<OpenCounter>, word: Word) {
        places.join();
        self.0
            .get_or_insert_default()
            .memberships
            .push(Membership { places: Arc::clone(places), is_taken: false });
        self.update(word);
    }

    /// Leaves a group.
    pub(crate) fn leave(&mut self, places: &Arc<OpenCounter>) {
        if let Some(memberships) = &mut self.0 {
            memberships.memberships.retain(|seat| !Arc::ptr_eq(&seat.places, places));
        }
    }

    /// Takes a place in every group for a circuit that is to trip, or in none and counts a
    /// prevented trip.
    pub(crate) fn take(&mut self, word: Word, now: Timestamp) -> bool {
        // An observing circuit rejects nothing.
        if word.overridden() == Some(Override::Observing) {
            return true;
        }
        let Some(memberships) = &mut self.0 else { return true };
        let has_all = memberships.memberships.iter_mut().all(Membership::take);
        if !has_all {
            memberships.memberships.iter_mut().for_each(Membership::give_back);
            memberships.trips_prevented = memberships.trips_prevented.saturating_add(1);
            memberships.last_prevented = Some((word.epoch(), now));
        }
        has_all
    }

    /// Takes or gives back the places that a circuit of this `word` holds, even where none is left.
    pub(crate) fn update(&mut self, word: Word) {
        let has_place = !word.is_closed() && word.overridden() != Some(Override::Observing);
        let update = if has_place { Membership::claim } else { Membership::give_back };
        let memberships = self.0.iter_mut().flat_map(|memberships| &mut memberships.memberships);
        memberships.for_each(update);
    }

    /// When a trip of the epoch of `word` was last prevented.
    pub(crate) fn trip_prevented_at(&self, word: Word) -> Option<Timestamp> {
        let (epoch, at) = self.0.as_ref()?.last_prevented?;
        (epoch == word.epoch()).then_some(at)
    }

    /// How often [`take`](Self::take) found no place.
    pub(crate) fn trips_prevented(&self) -> u64 {
        self.0.as_ref().map_or(0, |memberships| memberships.trips_prevented)
    }
}

impl Membership {
    fn take(&mut self) -> bool {
        self.is_taken = self.is_taken || self.places.take();
        self.is_taken
    }

    fn claim(&mut self) {
        if !self.is_taken {
            self.places.claim();
            self.is_taken = true;
        }
    }

    fn give_back(&mut self) {
        if self.is_taken {
            self.places.give_back();
            self.is_taken = false;
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.give_back();
        self.places.leave();
    }
}
