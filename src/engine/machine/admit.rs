//! Admission: at once where the circuit is plainly closed; counted as in flight, or by share, where
//! it tracks, ramps or throttles its calls; else by a probe's slot.

use crate::engine::change::Change;
use crate::engine::in_flight::share::Share;
use crate::engine::machine::Machine;
use crate::engine::machine::effect::Effect;
use crate::engine::outcome::EndedCall;
use crate::engine::record::extras::RareReason;
use crate::engine::record::totals::FrequentCounter;
use crate::engine::state::{CircuitState, Override, Tag, Word};
use crate::engine::ticket::Ticket;
use crate::engine::time::{Nanos, TimeSource, Timestamp};

/// The purpose for which a probe's slot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// A call that begins.
    Call,
    /// A call that may be made later.
    CallToCome,
}

/// Why a call is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    Open {
        until: Timestamp,
    },
    /// Until the first of the leases ends.
    ProbesBusy {
        until: Timestamp,
    },
    /// Until then, or until an operator says otherwise.
    ForcedOpen {
        until: Timestamp,
    },
    /// Closed, but only for a share of the calls.
    Ramping,
    Throttled,
}

impl Rejection {
    /// Why, unless the circuit is simply open.
    pub(crate) const fn rare_reason(self) -> Option<RareReason> {
        match self {
            Self::Open { .. } => None,
            Self::ProbesBusy { .. } => Some(RareReason::ProbesBusy),
            Self::ForcedOpen { .. } => Some(RareReason::ForcedOpen),
            Self::Ramping => Some(RareReason::Ramping),
            Self::Throttled => Some(RareReason::Throttled),
        }
    }
}

impl Machine {
    /// Admits a call to a closed circuit, where nothing but that has to be looked at; else
    /// [`admit`](Self::admit) decides.
    #[inline]
    pub(crate) fn admit_at_once(&self, now: impl FnOnce() -> Timestamp) -> Option<Ticket> {
        let word = self.word();
        word.is_plainly_closed().then(|| Ticket::of_plain_call(word, now))
    }

    /// Admits a call or rejects it; with the change, if that ended the open time or tripped.
    pub(crate) fn admit(&self, now: Timestamp) -> (Result<Ticket, Rejection>, Option<Change>) {
        if let Some(answer) = self.admit_closed(self.word(), now) {
            return answer;
        }
        let (taken, change) = self.take_slot(For::Call, now);
        (taken.or_else(|(word, rejection)| self.reject(word, rejection, now)), change)
    }

    /// Takes a probe's slot, or a ticket that needs none. A rejection comes with the word that it
    /// was decided by, and is not counted.
    pub(crate) fn take_slot(
        &self,
        taker: For,
        now: Timestamp,
    ) -> (Result<Ticket, (Word, Rejection)>, Option<Change>) {
        let word = self.word();
        if let Some(rejection) = self.rejection_by(word, now) {
            return (Err((word, rejection)), None);
        }
        let mut control = self.lock();
        // The word cannot change while the lock is held.
        let word = self.word();
        if word.is_closed() {
            return (Ok(self.begin_tracked(word, now)), None);
        }
        if word.overridden() == Some(Override::ForcedOpen) {
            // It may have been imposed, for a moment, since the caller had one that was over ended.
            let until = self.override_ends();
            return (Err((word, Rejection::ForcedOpen { until })), None);
        }
        if let Some(rejection) = self.rejection_by(word, now) {
            return (Err((word, rejection)), None);
        }
        if let Some(missed) = control.fleet().missed_deadline(now) {
            let change = self.wait_for_link(&mut control, missed, now);
            return (Err((self.word(), Rejection::Open { until: self.until() })), change);
        }
        // Open => HalfOpen: the deadline has passed
        let change =
            (word.state() == CircuitState::Open).then(|| self.half_open(&mut control, now));
        if let Some(change) = self.end_leases(&mut control, now) {
            return (Err((self.word(), Rejection::Open { until: self.until() })), Some(change));
        }
        let probe = match taker {
            For::Call => control.admit_probe(now),
            For::CallToCome => control.reserve_probe(now),
        };
        let free_at = control.slot_free_at();
        self.set_until(free_at);
        let word = self.word();
        let taken = match probe {
            Some(probe) => Ok(Ticket::new(word, now).probing(probe)),
            None => Err((word, Rejection::ProbesBusy { until: free_at })),
        };
        (taken, change)
    }

    /// Rejects a call to the open circuit whose open time is not over, and returns how long it will
    /// be; `None` where that is not all that has to be looked at.
    #[inline]
    pub(crate) fn reject_at_once(&self, clock: &impl TimeSource) -> Option<Nanos> {
        let left = self.plainly_open_for(self.word(), clock)?;
        self.count_rejection();
        Some(left)
    }

    /// Whether a call would be rejected now; changes nothing.
    #[inline]
    pub(crate) fn is_rejecting(&self, clock: &impl TimeSource) -> bool {
        let word = self.word();
        if word.is_closed() {
            return false;
        }
        if word.is_plainly_open() {
            return clock.time_left(self.until()).is_some() && self.word() == word;
        }
        self.is_rejecting_otherwise(clock)
    }

    /// The same where the circuit is not simply open.
    #[inline(never)]
    fn is_rejecting_otherwise(&self, clock: &impl TimeSource) -> bool {
        self.would_reject(|| clock.now()).is_some()
    }

    /// How long the circuit will be open, where `word` says that it is, and nothing overrides that.
    #[inline]
    fn plainly_open_for<C: TimeSource>(&self, word: Word, clock: &C) -> Option<Nanos> {
        if !word.is_plainly_open() {
            return None;
        }
        let until = self.until();
        let left = clock.time_left(until)?;
        // A rough answer must not be longer than the whole time: that would be seen.
        let left = if C::IS_EXACT { left } else { left.min(until.nanos_since(self.began())) };
        (self.word() == word).then_some(left)
    }

    /// Why a call would be rejected now; `None` if it would be admitted. Changes nothing.
    #[inline]
    pub(crate) fn would_reject(&self, now: impl FnOnce() -> Timestamp) -> Option<Rejection> {
        let word = self.word();
        if word.is_closed() || word.overridden() == Some(Override::Observing) {
            return None;
        }
        self.rejection_by(word, now())
    }

    /// Counts a rejection by the open circuit.
    #[inline]
    fn count_rejection(&self) {
        self.tally.add_frequent(FrequentCounter::Rejected, self.recorder.stripes());
    }

    /// Counts a rejection by its reason; `None` where the circuit is simply open.
    #[inline(never)]
    pub(crate) fn count_rejection_for(&self, reason: Option<RareReason>) {
        match reason {
            None => self.count_rejection(),
            Some(reason) => self.extras().count_rejection(reason),
        }
    }

    /// Why `word` rejects a call now; `None` also where that can be decided only under the lock.
    fn rejection_by(&self, word: Word, now: Timestamp) -> Option<Rejection> {
        let is_forced_open = word.overridden() == Some(Override::ForcedOpen);
        let until = if is_forced_open { self.override_ends() } else { self.until() };
        // What has no end is not over, even when the clock can go no further.
        let is_endless = is_forced_open && until == Timestamp::NEVER;
        if (now >= until && !is_endless) || self.word() != word {
            return None;
        }
        match word.state() {
            CircuitState::Closed => None,
            CircuitState::Open if is_forced_open => Some(Rejection::ForcedOpen { until }),
            CircuitState::Open => Some(Rejection::Open { until }),
            CircuitState::HalfOpen => Some(Rejection::ProbesBusy { until }),
        }
    }

    /// Rejects the call; under observation, admits it and counts that it would have been rejected.
    fn reject(
        &self,
        word: Word,
        rejection: Rejection,
        now: Timestamp,
    ) -> Result<Ticket, Rejection> {
        if word.overridden() == Some(Override::Observing) {
            self.extras().count_would_have_rejected();
            return Ok(Ticket::new(word, now));
        }
        self.count_rejection_for(rejection.rare_reason());
        Err(rejection)
    }

    /// Admits a call to the closed circuit, and counts it as in flight where a rule asks for that.
    pub(crate) fn begin_tracked(&self, word: Word, now: Timestamp) -> Ticket {
        let ticket = Ticket::new(word, now);
        if word.is_plainly_closed() {
            return ticket;
        }
        if let Some(tracking) = self.recorder().tracking() {
            tracking.begin_anyway(Tag::of(word.epoch()), now);
        }
        ticket.checked()
    }

    /// Admits a call to a closed circuit if all that is left to do is to count it as in flight.
    #[inline]
    pub(crate) fn admit_tracked(&self, now: impl FnOnce() -> Timestamp) -> Option<Ticket> {
        let word = self.word();
        if !word.is_closed_and_only_tracked() {
            return None;
        }
        let tracking = self.recorder().tracking()?;
        if tracking.admission_share.has_throttle() || self.until() != Timestamp::ZERO {
            return None;
        }
        let now = now();
        let is_counted = tracking.begin(Tag::of(word.epoch()), now);
        is_counted.then(|| Ticket::new(word, now).checked())
    }

    /// Admits a call to the circuit that `word` says is closed, or rejects it: with the change, if
    /// it trips. `None` when it is not closed, or no longer.
    pub(super) fn admit_closed(
        &self,
        word: Word,
        now: Timestamp,
    ) -> Option<(Result<Ticket, Rejection>, Option<Change>)> {
        if word.is_plainly_closed() {
            return Some((Ok(Ticket::of_plain_call(word, || now)), None));
        }
        if let Some(change) = self.check_stalled(now) {
            let rejection = Rejection::Open { until: self.until() };
            return Some((self.reject(self.word(), rejection, now), Some(change)));
        }
        // Another call that looked for stalled ones may have tripped it.
        self.admit_by_share(self.word(), now).map(|admitted| (admitted, None))
    }

    /// Admits a call to the closed circuit; rejects some at random while it ramps or throttles.
    /// `None` when it is no longer closed.
    fn admit_by_share(&self, word: Word, now: Timestamp) -> Option<Result<Ticket, Rejection>> {
        if !word.is_closed() {
            return None;
        }
        let rejection = self.draw(word, now);
        // The end of the ramp that was read may be the deadline of another epoch.
        if self.word() != word && rejection == Some(Rejection::Ramping) {
            return None;
        }
        let Some(rejection) = rejection else { return Some(Ok(self.begin_tracked(word, now))) };
        if word.overridden() == Some(Override::Observing) {
            self.extras().count_would_have_rejected();
            return Some(Ok(self.begin_tracked(word, now)));
        }
        if let (Rejection::Throttled, Some(tracking)) = (rejection, self.recorder().tracking()) {
            tracking.admission_share.tried(Tag::of(word.epoch()), EndedCall::FAILURE, || now);
        }
        self.count_rejection_for(rejection.rare_reason());
        Some(Err(rejection))
    }

    /// Draws why a call is rejected, if it is.
    fn draw(&self, word: Word, now: Timestamp) -> Option<Rejection> {
        if word.overridden() == Some(Override::ForcedClosed) {
            return None;
        }
        let (admission_share, tag) =
            (&self.recorder().tracking()?.admission_share, Tag::of(word.epoch()));
        let until = self.until();
        if until != Timestamp::ZERO && now >= until {
            self.end_ramp(word);
        }
        if !admission_share.admits(admission_share.ramped(until.since(now))) {
            return Some(Rejection::Ramping);
        }
        (!admission_share.admits(admission_share.throttled(tag, now)))
            .then_some(Rejection::Throttled)
    }

    /// Admits all calls again, once the ramp that `word` began with is over.
    #[cold]
    fn end_ramp(&self, word: Word) {
        let mut control = self.lock();
        let current = self.word();
        if current.epoch() == word.epoch() {
            control.end_ramp();
            self.set_until(Timestamp::ZERO);
            let (state, overridden) = (current.state(), current.overridden());
            let flags = control.flags(current.interest());
            self.publish(Word::new(state, overridden, flags, current.epoch()));
        }
    }

    /// The share of calls that a closed circuit admits, if it is less than all; under observation,
    /// the share that it would admit.
    pub(crate) fn admitted_share(&self, now: Timestamp) -> Option<Share> {
        let word = self.word();
        let is_forced = word.overridden() == Some(Override::ForcedClosed);
        if !word.is_closed() || !word.has(Word::TRACKED) || is_forced {
            return None;
        }
        let admission_share = &self.recorder().tracking()?.admission_share;
        let ramped = admission_share.ramped(self.until().since(now));
        let throttled = admission_share.throttled(Tag::of(word.epoch()), now);
        Some(ramped.times(throttled)).filter(|share| *share != Share::ALL)
    }

    /// Trips the circuit if too many calls are stalled. Every call that comes asks; at most one in
    /// a tick is answered.
    pub(crate) fn check_stalled(&self, now: Timestamp) -> Option<Change> {
        let word = self.word();
        if !word.is_closed() || word.is_plainly_closed() {
            return None;
        }
        let cause = self.recorder().check_stalled(Tag::of(word.epoch()), now)?;
        match self.trip_by(word, cause, None, now) {
            Effect::Changed(change) => Some(*change),
            Effect::Nothing | Effect::SlotFreed | Effect::EndsSooner => None,
        }
    }
}
