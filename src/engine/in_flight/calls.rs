//! Calls in flight, by when they started: how many of them are stalled.
//!
//! A call is counted in the slot of the tick in which it started, and taken out when it ends. The
//! calls found in a slot of a tick long past are moved to one count of all stalled calls, so that
//! memory does not grow with the calls. Between two operations, slots and count together hold as
//! many calls as are in flight; where a thread that was held up puts its call in the wrong one of
//! the two, that is over when the call ends.
//!
//! Nothing here takes a lock, and each word carries the tag of its epoch. All accesses of the call
//! path are Relaxed: each word is checked and changed by one exchange, none announces data in
//! another, and a trip that follows from them goes through the lock.

use crate::engine::state::Tag;
use crate::engine::time::Timestamp;
use crate::sync::{AtomicU64, Ordering};

#[cfg(all(test, breaker_loom))]
mod races;
#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// The calls in flight in one epoch, held against one age.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// See [`Ticks`].
    ticks: AtomicU64,
    /// The tagged tick of the last check for stalled calls.
    looked: AtomicU64,
    /// The tagged number of stalled calls that are in no slot any more: modulo 2^48, since one may
    /// be taken out before the thread that moved it here has added it.
    stalled_before: AtomicU64,
    slots: [AtomicU64; SLOTS],
}

/// How many ticks there are in 2^64 ns, for times to be multiplied by. A call is stalled from
/// [`SLOTS`] ticks on: one more than its age makes, since it may have started at the end of its
/// first. 0 is no age.
#[derive(Debug, Clone, Copy)]
struct Ticks(u64);

/// The contents of a slot besides its tag:
///
/// ```text
///   tick 24 | calls 24
/// ```
#[derive(Debug, Clone, Copy)]
struct TimeSlot(u64);

/// A call whose slot is used again is stalled for certain. With fifteen ticks in an age, that is
/// noticed late by a fifteenth of it.
const SLOTS: usize = 16;
const TICKS: u64 = SLOTS as u64;
/// So that the last tick of an age comes before the end of time, in 584 years.
const LONGEST_TICK: u64 = u64::MAX / (TICKS + 1);

impl InFlight {
    /// Counts nothing yet: [`configure`](Self::configure) comes next.
    pub(crate) fn new() -> Self {
        Self {
            ticks: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            stalled_before: AtomicU64::new(0),
            slots: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Sets from which age, in nanoseconds, a call is stalled, 0 for never. The caller holds the
    /// lock, and restarts next.
    pub(crate) fn configure(&self, age: u64) {
        // Relaxed: published with the epoch, by the Release in `Machine::publish`.
        self.ticks.store(Ticks::new(age).0, Ordering::Relaxed);
    }

    /// Clears everything, for a new epoch. The caller holds the lock.
    pub(crate) fn restart(&self, tag: Tag, now: Timestamp) {
        let tick = self.ticks().map_or(0, |ticks| ticks.tick(now));
        // Exchanges, in all three places, so that they take their place among those of late calls:
        // a call of the old epoch that meets the new tag gives up, whatever else it sees. AcqRel is
        // more than that takes; calls of the new epoch see all of it by the word that publishes it.
        self.looked.swap(tag.mark(tick & MARKED), Ordering::AcqRel);
        for slot in &self.slots {
            // AcqRel: as above.
            slot.swap(tag.mark(0), Ordering::AcqRel);
        }
        // AcqRel: as above.
        self.stalled_before.swap(tag.mark(0), Ordering::AcqRel);
    }

    /// Counts a call that starts; `false` where the check for stalled calls is still to come in its
    /// tick: then [`check_stalled`](Self::check_stalled) comes first, and then
    /// [`begin_anyway`](Self::begin_anyway).
    #[inline]
    pub(crate) fn begin(&self, tag: Tag, started: Timestamp) -> bool {
        let Some(ticks) = self.ticks() else { return true };
        let tick = ticks.tick(started);
        // Relaxed: only says whether the check was claimed in this tick; it publishes nothing.
        if self.looked.load(Ordering::Relaxed) != tag.mark(tick & MARKED) {
            return false;
        }
        if !self.change(tag, tick, |calls| {
            calls.checked_add(1).filter(|calls| *calls <= TimeSlot::CALLS)
        }) {
            self.begin_in(tag, tick);
        }
        true
    }

    /// Counts a call that starts.
    pub(crate) fn begin_anyway(&self, tag: Tag, started: Timestamp) {
        if let Some(ticks) = self.ticks() {
            self.begin_in(tag, ticks.tick(started));
        }
    }

    /// Takes out a call that ends.
    #[inline]
    pub(crate) fn end(&self, tag: Tag, started: Timestamp) {
        let Some(ticks) = self.ticks() else { return };
        let tick = ticks.tick(started);
        if !self.change(tag, tick, |calls| calls.checked_sub(1)) {
            self.end_in(tag, tick);
        }
    }

    /// Changes the number of calls in the slot of `tick`; `false` when the slot is of another tick
    /// by now, when there is no such number, or when another thread was faster.
    #[inline]
    fn change(&self, tag: Tag, tick: u64, next: impl FnOnce(u64) -> Option<u64>) -> bool {
        let Some(slot) = self.slot(tick) else { return true };
        // Relaxed: the exchange below fails if this is no longer so.
        let seen = slot.load(Ordering::Relaxed);
        let empty = tag.mark(TimeSlot::new(tick, 0).0);
        let calls = seen ^ empty;
        if calls > TimeSlot::CALLS {
            return false;
        }
        let Some(next) = next(calls) else { return false };
        // Relaxed: tag, tick and number are one word, so the exchange checks and changes them at
        // once.
        slot.compare_exchange(seen, empty | next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// As [`begin`](Self::begin), whatever is in the slot.
    #[inline(never)]
    fn begin_in(&self, tag: Tag, tick: u64) {
        let Some(slot) = self.slot(tick) else { return };
        // Relaxed: the exchange below tells whether it is still so.
        let mut seen = slot.load(Ordering::Relaxed);
        loop {
            if Tag::on(seen) != tag {
                return;
            }
            let held = TimeSlot(Tag::strip(seen));
            let age = held.age_at(tick);
            if age > TimeSlot::FUTURE && held.calls() != 0 {
                // Another thread has used the slot for a later tick meanwhile.
                return self.move_stalled(tag, 1);
            }
            let next = if age == 0 { held.with_one_more() } else { TimeSlot::new(tick, 1) };
            let next = tag.mark(next.0);
            // Relaxed: the calls that this takes out of the slot are this thread's alone to move.
            match slot.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) if age == 0 || held.calls() == 0 => return,
                Ok(_) => return self.move_stalled(tag, held.calls()),
                Err(changed) => seen = changed,
            }
        }
    }

    /// As [`end`](Self::end), whatever is in the slot.
    #[inline(never)]
    fn end_in(&self, tag: Tag, tick: u64) {
        let Some(slot) = self.slot(tick) else { return };
        // Relaxed: the exchange below tells whether it is still so.
        let mut seen = slot.load(Ordering::Relaxed);
        loop {
            if Tag::on(seen) != tag {
                return;
            }
            let held = TimeSlot(Tag::strip(seen));
            let left = held.with_one_less().filter(|_| held.age_at(tick) == 0);
            let Some(left) = left else { return self.move_stalled(tag, MARKED) };
            let next = tag.mark(left.0);
            // Relaxed: it changes one number, in one word.
            match slot.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(changed) => seen = changed,
            }
        }
    }

    /// The number of stalled calls, for the first caller in a tick; `None` for the others, and
    /// where nothing is counted.
    pub(crate) fn check_stalled(&self, tag: Tag, now: Timestamp) -> Option<u64> {
        let ticks = self.ticks()?;
        let tick = ticks.tick(now);
        // Relaxed: the exchange below tells whether it is still so.
        let (looked, next) = (self.looked.load(Ordering::Relaxed), tag.mark(tick & MARKED));
        if looked == next || Tag::on(looked) != tag {
            return None;
        }
        // Relaxed: one thread wins the tick, and the others leave the check to it.
        let claim =
            self.looked.compare_exchange(looked, next, Ordering::Relaxed, Ordering::Relaxed);
        claim.ok()?;
        let moment = Moment { tick, gap: gap(looked, tick) };
        for slot in &self.slots {
            self.sweep(slot, tag, moment);
        }
        Some(self.moved(tag))
    }

    /// Moves the stalled calls in `slot` to the count of stalled calls.
    fn sweep(&self, slot: &AtomicU64, tag: Tag, now: Moment) {
        // Relaxed: the exchange below tells whether it is still so.
        let mut seen = slot.load(Ordering::Relaxed);
        loop {
            let held = TimeSlot(Tag::strip(seen));
            if held.calls() == 0 || Tag::on(seen) != tag || !held.hangs_at(now) {
                return;
            }
            let next = tag.mark(held.emptied().0);
            // Relaxed: the calls that this takes out of the slot are this thread's alone to move.
            match slot.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return self.move_stalled(tag, held.calls()),
                Err(changed) => seen = changed,
            }
        }
    }

    /// The number of stalled calls now; changes nothing. Calls that another thread is moving may be
    /// missed.
    pub(crate) fn stalled(&self, tag: Tag, now: Timestamp) -> u64 {
        let Some(ticks) = self.ticks() else { return 0 };
        let tick = ticks.tick(now);
        // Relaxed: only the tick of the last check is wanted.
        let now = Moment { tick, gap: gap(self.looked.load(Ordering::Relaxed), tick) };
        let in_slots = self.slots.iter().map(|slot| {
            // Relaxed: each slot is looked at by itself.
            let seen = slot.load(Ordering::Relaxed);
            let held = TimeSlot(Tag::strip(seen));
            if Tag::on(seen) == tag && held.hangs_at(now) { held.calls() } else { 0 }
        });
        in_slots.fold(self.moved(tag), u64::saturating_add)
    }

    /// The number of calls in flight; `None` where they are not counted. Calls that another thread is
    /// moving may be missed.
    pub(crate) fn all(&self, tag: Tag) -> Option<u64> {
        self.ticks()?;
        let in_slots = self.slots.iter().map(|slot| {
            // Relaxed: each slot is looked at by itself.
            let seen = slot.load(Ordering::Relaxed);
            if Tag::on(seen) == tag { TimeSlot(Tag::strip(seen)).calls() } else { 0 }
        });
        Some(in_slots.fold(self.moved(tag), u64::saturating_add))
    }

    /// The number of stalled calls that are in no slot.
    fn moved(&self, tag: Tag) -> u64 {
        // Relaxed: it is a number by itself.
        let seen = self.stalled_before.load(Ordering::Relaxed);
        let number = Tag::strip(seen);
        if Tag::on(seen) != tag || number > MARKED / 2 { 0 } else { number }
    }

    /// Adds `number`, modulo 2^48, to the stalled calls that are in no slot.
    #[inline(never)]
    fn move_stalled(&self, tag: Tag, number: u64) {
        // Relaxed: the exchange below tells whether it is still so.
        let mut seen = self.stalled_before.load(Ordering::Relaxed);
        while Tag::on(seen) == tag {
            let next = tag.mark(Tag::strip(seen).wrapping_add(number) & MARKED);
            // Relaxed: it changes one number, in one word.
            match self.stalled_before.compare_exchange_weak(
                seen,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(changed) => seen = changed,
            }
        }
    }

    #[inline]
    fn ticks(&self) -> Option<Ticks> {
        // Relaxed: published with the epoch; what a stale call does by it is cleared with its tag.
        match self.ticks.load(Ordering::Relaxed) {
            0 => None,
            ticks => Some(Ticks(ticks)),
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked to the number of slots")]
    fn slot(&self, tick: u64) -> Option<&AtomicU64> {
        self.slots.get(tick as usize & (SLOTS - 1))
    }
}

impl Ticks {
    const NONE: Self = Self(0);

    fn new(age: u64) -> Self {
        if age == 0 {
            return Self::NONE;
        }
        // Rounded so that a tick is too long rather than too short: no call is stalled early.
        let tick = age.div_ceil(TICKS.saturating_sub(1)).min(LONGEST_TICK);
        Self(u64::MAX.checked_div(tick).unwrap_or(u64::MAX))
    }

    /// A division by the length of a tick, at the price of a multiplication.
    #[inline]
    const fn tick(self, at: Timestamp) -> u64 {
        ((at.as_nanos() as u128).wrapping_mul(self.0 as u128) >> 64) as u64
    }
}

impl TimeSlot {
    const CALLS: u64 = (1 << 24) - 1;
    const TICK: u64 = (1 << 24) - 1;
    /// An age from here on means that the tick is yet to come.
    const FUTURE: u64 = 1 << 23;

    #[inline]
    const fn new(tick: u64, calls: u64) -> Self {
        Self((tick & Self::TICK) << 24 | calls)
    }

    #[inline]
    const fn calls(self) -> u64 {
        self.0 & Self::CALLS
    }

    /// How many ticks before `tick` the calls started, modulo 2^24.
    #[inline]
    const fn age_at(self, tick: u64) -> u64 {
        tick.wrapping_sub(self.0 >> 24) & Self::TICK
    }

    /// Whether all the calls are stalled, the last of which may have started one tick after the
    /// first.
    #[inline]
    fn hangs_at(self, now: Moment) -> bool {
        let age = self.age_at(now.tick);
        if now.gap >= Self::FUTURE {
            return age != 0;
        }
        (TICKS..Self::FUTURE).contains(&age)
    }

    /// Past 16 million calls in one tick further ones are not counted.
    const fn with_one_more(self) -> Self {
        if self.calls() == Self::CALLS { self } else { Self(self.0.wrapping_add(1)) }
    }

    const fn with_one_less(self) -> Option<Self> {
        if self.calls() == 0 { None } else { Some(Self(self.0.wrapping_sub(1))) }
    }

    const fn emptied(self) -> Self {
        Self(self.0 & !Self::CALLS)
    }
}

/// A tick, and how many ticks ago the last check for stalled calls was. Once that is so long ago
/// that slots cannot tell the age of their calls, all calls that are left are stalled.
#[derive(Debug, Clone, Copy)]
struct Moment {
    tick: u64,
    gap: u64,
}

/// From the tagged tick `looked` to `tick`.
const fn gap(looked: u64, tick: u64) -> u64 {
    tick.wrapping_sub(Tag::strip(looked)) & MARKED
}

/// The bits of a word besides its tag; as a number to add, minus one.
const MARKED: u64 = (1 << 48) - 1;
