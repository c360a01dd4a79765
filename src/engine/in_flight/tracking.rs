//! Calls under way, by when they started: how many of them hang.
//!
//! A call is counted in the slot of the tick in which it started, and taken out when it ends. What
//! is found in a slot of a tick long past is moved to one count of all that hang, so that memory
//! does not grow with the calls. Nothing here takes a lock, and each word carries the tag of its
//! epoch. At every moment, slots and count together hold as many as are under way; where a thread
//! that stood still puts its call in the wrong one of the two, that is over when the call ends.

use crate::engine::state::Tag;
use crate::engine::time::Timestamp;
use crate::sync::{AtomicU64, Bug, Ordering, planted};

#[cfg(all(test, breaker_loom))]
mod races;
#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// The calls under way in one epoch, held against one age.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// See [`Ticks`].
    ticks: AtomicU64,
    /// The tagged tick in which it was last asked who hangs.
    looked: AtomicU64,
    /// The tagged number of those that hang and are in no slot any more: modulo 2^48, since one may
    /// be taken out before the thread that moved it here has added it.
    hung: AtomicU64,
    slots: [AtomicU64; SLOTS],
}

/// How many ticks there are in 2^64 ns, for times to be multiplied by. A call hangs from
/// [`SLOTS`] ticks on: one more than its age makes, since it may have started at the end of its
/// first. 0 is no age.
#[derive(Debug, Clone, Copy)]
struct Ticks(u64);

/// What a slot holds besides its tag:
///
/// ```text
///   tick 24 | calls 24
/// ```
#[derive(Debug, Clone, Copy)]
struct Slot(u64);

/// Whether a call that starts was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    Counted,
    /// It was not: [`InFlight::look`] comes first, and then [`InFlight::begin_anyway`].
    LookFirst,
}

/// A call whose slot is used again hangs for certain. With fifteen ticks in an age, it is noticed
/// late by a fifteenth of it.
const SLOTS: usize = if cfg!(breaker_loom) { 2 } else { 16 };
const TICKS: u64 = SLOTS as u64;
/// So that the last tick of an age comes before the end of time, in 584 years.
const LONGEST_TICK: u64 = u64::MAX / (TICKS + 1);

impl InFlight {
    /// Nothing is counted: [`configure`](Self::configure) comes next.
    pub(crate) fn new() -> Self {
        Self {
            ticks: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            hung: AtomicU64::new(0),
            slots: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Sets from which age, in nanoseconds, a call hangs, 0 for never. The caller holds the lock, and
    /// restarts next.
    pub(crate) fn configure(&self, age: u64) {
        // Relaxed: published with the epoch.
        self.ticks.store(Ticks::new(age).0, Ordering::Relaxed);
    }

    /// Forgets everything, for a new epoch. The caller holds the lock.
    pub(crate) fn restart(&self, tag: Tag, now: Timestamp) {
        let tick = self.ticks().map_or(0, |ticks| ticks.tick(now));
        // AcqRel, in all three: a call of the old epoch that meets the new tag gives up.
        self.looked.swap(tag.mark(tick & MARKED), Ordering::AcqRel);
        for slot in &self.slots {
            slot.swap(tag.mark(0), Ordering::AcqRel);
        }
        self.hung.swap(tag.mark(0), Ordering::AcqRel);
    }

    /// Counts a call that starts, unless nobody has asked yet in its tick who hangs.
    #[inline]
    pub(crate) fn begin(&self, tag: Tag, started: Timestamp) -> Begun {
        let Some(ticks) = self.ticks() else { return Begun::Counted };
        let tick = ticks.tick(started);
        // Relaxed, here and below: a word stands for itself, and a trip goes through the lock.
        if self.looked.load(Ordering::Relaxed) != tag.mark(tick & MARKED) {
            return Begun::LookFirst;
        }
        if !self
            .change(tag, tick, |calls| calls.checked_add(1).filter(|calls| *calls <= Slot::CALLS))
        {
            self.begin_in(tag, tick);
        }
        Begun::Counted
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

    /// Changes the number of calls in the slot of `tick`: `false` when it is another's by now, when
    /// there is no such number, or when another thread was faster.
    #[inline]
    fn change(&self, tag: Tag, tick: u64, next: impl FnOnce(u64) -> Option<u64>) -> bool {
        let Some(slot) = self.slot(tick) else { return true };
        let seen = slot.load(Ordering::Relaxed);
        let empty = tag.mark(Slot::new(tick, 0).0);
        let calls = seen ^ empty;
        if calls > Slot::CALLS {
            return false;
        }
        let Some(next) = next(calls) else { return false };
        slot.compare_exchange(seen, empty | next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// As [`begin`](Self::begin), whatever is in the slot.
    #[inline(never)]
    fn begin_in(&self, tag: Tag, tick: u64) {
        let Some(slot) = self.slot(tick) else { return };
        let mut seen = slot.load(Ordering::Relaxed);
        loop {
            if Tag::on(seen) != tag && !planted(Bug::OldStart) {
                return;
            }
            let held = Slot(Tag::strip(seen));
            let age = held.age_at(tick);
            if age > Slot::FUTURE && held.calls() != 0 {
                // Another has gone on to a later tick meanwhile.
                return self.move_hung(tag, 1);
            }
            let next = if age == 0 { held.with_one_more() } else { Slot::new(tick, 1) };
            let next = tag.mark(next.0);
            match slot.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) if age == 0 || held.calls() == 0 => return,
                Ok(_) => return self.move_hung(tag, held.calls()),
                Err(changed) => seen = changed,
            }
        }
    }

    /// As [`end`](Self::end), whatever is in the slot.
    #[inline(never)]
    fn end_in(&self, tag: Tag, tick: u64) {
        let Some(slot) = self.slot(tick) else { return };
        let mut seen = slot.load(Ordering::Relaxed);
        loop {
            if Tag::on(seen) != tag && !planted(Bug::OldStart) {
                return;
            }
            let held = Slot(Tag::strip(seen));
            let left = held.with_one_less().filter(|_| held.age_at(tick) == 0);
            let Some(left) = left else { return self.move_hung(tag, MARKED) };
            let next = tag.mark(left.0);
            match slot.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(changed) => seen = changed,
            }
        }
    }

    /// How many calls hang, for the first that asks in a tick; `None` for the others, and where
    /// nothing is counted.
    pub(crate) fn check_stalled(&self, tag: Tag, now: Timestamp) -> Option<u64> {
        let ticks = self.ticks()?;
        let tick = ticks.tick(now);
        let (looked, next) = (self.looked.load(Ordering::Relaxed), tag.mark(tick & MARKED));
        if looked == next || Tag::on(looked) != tag {
            return None;
        }
        // Relaxed: who loses leaves it to the other.
        let claim =
            self.looked.compare_exchange(looked, next, Ordering::Relaxed, Ordering::Relaxed);
        claim.ok()?;
        let moment = Moment { tick, gap: gap(looked, tick) };
        for slot in &self.slots {
            self.sweep(slot, tag, moment);
        }
        Some(self.moved(tag))
    }

    /// Moves what hangs in `slot` to the others that hang.
    fn sweep(&self, slot: &AtomicU64, tag: Tag, now: Moment) {
        let mut seen = slot.load(Ordering::Relaxed);
        loop {
            let held = Slot(Tag::strip(seen));
            if held.calls() == 0 || Tag::on(seen) != tag || !held.hangs_at(now) {
                return;
            }
            let next = tag.mark(held.emptied().0);
            match slot.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return self.move_hung(tag, held.calls()),
                Err(changed) => seen = changed,
            }
        }
    }

    /// How many calls hang now; changes nothing.
    pub(crate) fn hung(&self, tag: Tag, now: Timestamp) -> u64 {
        let Some(ticks) = self.ticks() else { return 0 };
        let tick = ticks.tick(now);
        let now = Moment { tick, gap: gap(self.looked.load(Ordering::Relaxed), tick) };
        let in_slots = self.slots.iter().map(|slot| {
            let seen = slot.load(Ordering::Relaxed);
            let held = Slot(Tag::strip(seen));
            if Tag::on(seen) == tag && held.hangs_at(now) { held.calls() } else { 0 }
        });
        in_slots.fold(self.moved(tag), u64::saturating_add)
    }

    /// Those that hang and are in no slot.
    fn moved(&self, tag: Tag) -> u64 {
        let seen = self.hung.load(Ordering::Relaxed);
        let number = Tag::strip(seen);
        if Tag::on(seen) != tag || number > MARKED / 2 { 0 } else { number }
    }

    /// Adds `number`, modulo 2^48, to those that hang and are in no slot.
    #[inline(never)]
    fn move_hung(&self, tag: Tag, number: u64) {
        let mut seen = self.hung.load(Ordering::Relaxed);
        while Tag::on(seen) == tag {
            let next = tag.mark(Tag::strip(seen).wrapping_add(number) & MARKED);
            match self.hung.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(changed) => seen = changed,
            }
        }
    }

    #[inline]
    fn ticks(&self) -> Option<Ticks> {
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
        // Rounded so that a tick is too long rather than too short: nobody hangs early.
        let tick = age.div_ceil(TICKS.saturating_sub(1)).min(LONGEST_TICK);
        Self(u64::MAX.checked_div(tick).unwrap_or(u64::MAX))
    }

    /// A division by the length of a tick, at the price of a multiplication.
    #[inline]
    const fn tick(self, at: Timestamp) -> u64 {
        ((at.as_nanos() as u128).wrapping_mul(self.0 as u128) >> 64) as u64
    }
}

impl Slot {
    const CALLS: u64 = (1 << 24) - 1;
    const TICK: u64 = (1 << 24) - 1;
    /// From this age on it is meant that the tick is yet to come.
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

    /// Whether all the calls hang, the last of which may have started one tick after the first.
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

/// A tick, and how many ticks ago it was last asked who hangs: after so many that slots cannot tell
/// the age of their calls, all that are left hang.
#[derive(Debug, Clone, Copy)]
struct Moment {
    tick: u64,
    gap: u64,
}

/// From the tagged tick `looked` to `tick`.
const fn gap(looked: u64, tick: u64) -> u64 {
    tick.wrapping_sub(Tag::strip(looked)) & MARKED
}

/// What a word holds besides its tag; as a number to add, one less than nothing.
const MARKED: u64 = (1 << 48) - 1;
