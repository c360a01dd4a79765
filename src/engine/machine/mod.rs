//! The state machine of a circuit.
//!
//! One atomic word publishes state and epoch. Calls to a closed circuit are admitted and recorded
//! without a lock; a rejection reads the word and the deadline. Only probes and changes of state
//! take the lock.

pub(crate) mod admit;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
pub(crate) mod answered;
pub(crate) mod commands;
mod control;
pub(crate) mod effect;
#[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "only a health probe asks for it"))]
pub(crate) mod health;
pub(crate) mod isolation;
pub(crate) mod isolator;
mod latency;
pub(crate) mod link_deadline;
pub(crate) mod open_cap;
pub(crate) mod own_override;
pub(crate) mod plain;
pub(crate) mod probes;
#[cfg(all(test, breaker_loom))]
pub(crate) mod races;
pub(crate) mod record;
pub(crate) mod reservations;
pub(crate) mod saved;
pub(crate) mod snapshot;
#[cfg(all(test, not(breaker_loom)))]
mod tests;
mod transitions;
pub(crate) mod trip_record;
pub(crate) mod verdict;

use crate::engine::machine::control::slot::{ControlGuard, ControlSlot};
use crate::engine::machine::control::{Beginning, Control};
use crate::engine::machine::effect::Effect;
use crate::engine::outcome::FailureKind;
use crate::engine::record::extras::Extras;
#[cfg(test)]
use crate::engine::record::kinds::KindsWith;
use crate::engine::record::kinds::{KindCounts, SharedKinds};
use crate::engine::record::recorder::Recorder;
use crate::engine::record::totals::Tally;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Tag, Word};
use crate::engine::time::Timestamp;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, lock};

/// The state machine of one circuit.
#[derive(Debug)]
pub(crate) struct Machine {
    /// See [`Word`].
    word: AtomicU64,
    /// The deadline. While open: the end of the open time. While half-open: when a slot is free at
    /// the latest. While closed: the end of a ramp, or zero.
    until: AtomicU64,
    /// When the epoch began.
    began: AtomicU64,
    recorder: Recorder,
    tally: Tally,
    /// Rejections name the last failure, too.
    kinds: SharedKinds,
    control: Mutex<ControlSlot>,
}

impl Machine {
    /// A closed circuit in its first epoch; `seed` is for jitter.
    #[cfg(test)]
    pub(crate) fn new(settings: impl Into<Arc<Settings>>, seed: u64, now: Timestamp) -> Self {
        Self::with_kinds(Arc::new(KindsWith::new(())), settings, seed, now)
    }

    /// The same; it counts its failures in `kinds`.
    pub(crate) fn with_kinds(
        kinds: SharedKinds,
        settings: impl Into<Arc<Settings>>,
        seed: u64,
        now: Timestamp,
    ) -> Self {
        let settings = settings.into();
        let epoch = 1;
        let recorder = Recorder::new(&settings);
        recorder.configure(&settings, seed);
        recorder.restart(Tag::of(epoch), now);
        let control = ControlSlot::Fresh { settings, seed };
        let beginning = Beginning { began: now, overridden: None };
        let flags = control.look(beginning, |control| control.flags(0));
        let word = Word::new(CircuitState::Closed, None, flags, epoch);
        Self {
            word: AtomicU64::new(word.bits()),
            until: AtomicU64::new(0),
            began: AtomicU64::new(now.as_nanos()),
            recorder,
            tally: Tally::new(),
            kinds,
            control: Mutex::new(control),
        }
    }

    #[inline]
    pub(crate) fn word(&self) -> Word {
        // Acquire: pairs with the Release in `publish`; a thread that sees an epoch sees its
        // limits, its cleared windows and runs, and a deadline no older than the zero that precedes
        // it.
        Word::from_bits(self.word.load(Ordering::Acquire))
    }

    /// The deadline; without the lock it is to be trusted only if the word, read after it, is still
    /// the one that was read before.
    #[inline]
    pub(crate) fn until(&self) -> Timestamp {
        // Acquire: pairs with the Release in `set_until`, and keeps the load of the word that
        // checks it behind this one.
        Timestamp::from_nanos(self.until.load(Ordering::Acquire))
    }

    pub(crate) const fn extras(&self) -> &Extras {
        self.recorder.extras()
    }

    pub(crate) const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The failures by kind, `other` first.
    pub(crate) fn failures_by_kind(&self) -> Vec<(FailureKind, u64)> {
        let others = (FailureKind::OTHER, self.tally.unnamed_failures());
        std::iter::once(others).chain(self.kinds().counts()).collect()
    }

    #[inline]
    pub(crate) fn kinds(&self) -> &KindCounts {
        &self.kinds.kinds
    }

    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The lock of the control, which is made if it is the first time.
    fn lock(&self) -> ControlGuard<'_> {
        let slot = lock(&self.control);
        ControlGuard::new(slot, self.beginning())
    }

    /// Has `read` read the control under the lock, and makes none for that.
    fn look<R>(&self, read: impl FnOnce(&Control) -> R) -> R {
        let slot = lock(&self.control);
        slot.look(self.beginning(), read)
    }

    /// What the control begins with, if it is not made yet. The lock is held, so that no epoch
    /// begins meanwhile.
    fn beginning(&self) -> Beginning {
        Beginning { began: self.began(), overridden: self.word().overridden() }
    }

    /// When the epoch began, or the next one that is about to.
    #[inline]
    pub(crate) fn began(&self) -> Timestamp {
        // Relaxed: who reads it wants a time that has come, and both have.
        Timestamp::from_nanos(self.began.load(Ordering::Relaxed))
    }

    /// Sets when the epoch began. The lock is held.
    pub(crate) fn set_began(&self, began: Timestamp) {
        // Relaxed: as in `began`.
        self.began.store(began.as_nanos(), Ordering::Relaxed);
    }

    /// Publishes `word`. The lock is held.
    pub(crate) fn publish(&self, word: Word) {
        // Release: pairs with the Acquire in `word`; publishes the limits, windows and runs of the
        // epoch, and the zero before its deadline.
        self.word.store(word.bits(), Ordering::Release);
    }

    /// Publishes `word`, and when its override ends if that is new. The lock is held.
    fn publish_with_end(&self, control: &mut Control, word: Word) {
        match control.end_to_publish() {
            None => self.publish(word),
            Some(end) => {
                // Zero sends readers to the lock until word and end belong together.
                self.extras().set_override_ends(Timestamp::ZERO);
                self.publish(word);
                self.extras().set_override_ends(end);
            }
        }
    }

    /// Whether the override of the circuit has an end that has come: [`end_override`] ends it.
    ///
    /// [`end_override`]: Self::end_override
    pub(crate) fn is_override_over(&self, now: Timestamp) -> bool {
        // Without the lock, an override that is being changed looks as if it were over, too.
        self.word().overridden().is_some()
            && self.override_ends() <= now
            && self.look(|control| control.is_override_over(now))
    }

    /// Whether the open time, if the circuit is open, is over: the next call may be a probe.
    pub(crate) fn is_open_time_over(&self, now: Timestamp) -> bool {
        // As in `is_override_over`, for an open epoch that begins.
        self.until() <= now
            && self.look(|_| self.word().state() == CircuitState::Open && self.until() <= now)
    }

    /// When the override ends; without the lock to be trusted as [`until`](Self::until) is.
    pub(crate) fn override_ends(&self) -> Timestamp {
        self.extras().override_ends()
    }

    /// Publishes when a slot is free, and returns what that changes for waiting callers. The lock
    /// is held.
    pub(crate) fn publish_slots(&self, control: &Control) -> Effect {
        let free_at = control.slot_free_at();
        let before = self.until();
        self.set_until(free_at);
        if free_at == before {
            Effect::Nothing
        } else if free_at == Timestamp::ZERO {
            Effect::SlotFreed
        } else if free_at < before {
            Effect::EndsSooner
        } else {
            Effect::Nothing
        }
    }

    /// Sets the deadline. The lock is held.
    pub(crate) fn set_until(&self, until: Timestamp) {
        // Release: pairs with the Acquire in `until`. A thread that reads this deadline and then
        // the word finds the word of this deadline or a later one, and so notices when the word
        // that it read before does not belong to the deadline.
        self.until.store(until.as_nanos(), Ordering::Release);
    }
}
