//! Recording: what an ended call counts as, and what that changes.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason};
use crate::engine::machine::Machine;
use crate::engine::machine::control::Control;
use crate::engine::machine::control::open_times::OpenTime;
use crate::engine::machine::effect::{CountedAs, Effect, Judged};
use crate::engine::machine::probes::{ProbeId, ProbeResult, ProbeVerdict};
use crate::engine::outcome::{EndedCall, FailureKind, Outcome, Recorded};
use crate::engine::record::totals::Counter;
use crate::engine::state::{Override, Tag, Word};
use crate::engine::ticket::{Role, Ticket};
use crate::engine::time::{Reading, Timestamp};

impl Machine {
    /// Records the outcome of a call as a circuit does: by the short path, where it is enough.
    #[cfg(test)]
    pub(crate) fn record(
        &self,
        ticket: Ticket,
        outcome: Option<Outcome>,
        now: impl Fn() -> Timestamp + Copy,
    ) -> Judged {
        let is_success = outcome == Some(Outcome::Success);
        let is_counted =
            || self.count_success(ticket, &now) || self.count_watched_success(ticket, &now);
        if is_success && is_counted() {
            return Judged { counted: CountedAs::Success, elapsed: None, effect: Effect::Nothing };
        }
        self.judge(ticket, outcome, now)
    }

    /// Records the outcome of a call; `None` where it was dropped before it had one: without an
    /// answer, unless the ticket says that there was one.
    #[inline]
    pub(crate) fn judge(
        &self,
        ticket: Ticket,
        outcome: Option<Outcome>,
        now: impl FnOnce() -> Timestamp + Copy,
    ) -> Judged {
        if ticket.is_tracked() {
            self.end_tracked(ticket, outcome, now);
        }
        let word = self.word();
        if !ticket.is_of(word) {
            return self.stale_at_once(ticket, outcome, now);
        }
        let now = Reading::new(now);
        if ticket.is_call() && outcome == Some(Outcome::Success) {
            return self.record_success(word, ticket, now);
        }
        self.record_other(word, ticket, outcome, now)
    }

    /// The end of a call that was tracked when it was admitted.
    #[inline(never)]
    pub(super) fn end_tracked(
        &self,
        ticket: Ticket,
        outcome: Option<Outcome>,
        now: impl FnOnce() -> Timestamp,
    ) {
        let Some(tracking) = self.recorder().tracking() else { return };
        if !ticket.is_answered() {
            tracking.end(ticket.tag(), ticket.started());
        }
        if outcome == Some(Outcome::Success) {
            tracking.admission_share.tried(ticket.tag(), EndedCall::SUCCESS, now);
        }
    }

    #[inline]
    fn record_success<F: FnOnce() -> Timestamp>(
        &self,
        word: Word,
        ticket: Ticket,
        mut now: Reading<F>,
    ) -> Judged {
        let elapsed = ticket.elapsed(|| now.get());
        let call = self.recorder().ended(Outcome::Success, elapsed);
        let recorded = self.recorder().succeed(Tag::of(word.epoch()), call, || now.get());
        let Recorded::InTime { follows: cause, is_counted } = recorded else {
            return self.stale(CountedAs::Success, elapsed);
        };
        if !is_counted {
            self.count_success_in_totals();
        }
        if call.was_slow {
            self.tally().add(Counter::SlowCalls);
        }
        let effect =
            cause.map_or(Effect::Nothing, |cause| self.trip_by(word, cause, None, now.get()));
        Judged { counted: CountedAs::Success, elapsed, effect }
    }

    #[inline(never)]
    fn record_other<F: FnOnce() -> Timestamp>(
        &self,
        word: Word,
        ticket: Ticket,
        outcome: Option<Outcome>,
        mut now: Reading<F>,
    ) -> Judged {
        let elapsed = ticket.elapsed(|| now.get());
        if let Role::Probe(probe) = ticket.role() {
            return self.record_probe(ticket, probe, outcome, now.get());
        }
        let Some(outcome) = self.counts_as(ticket, outcome, elapsed) else {
            self.tally().add(Counter::Abandoned);
            return Judged { counted: CountedAs::Abandoned, elapsed, effect: Effect::Nothing };
        };
        let call = self.recorder().ended(outcome, elapsed);
        match (ticket.role(), outcome) {
            (Role::Call, Outcome::Failure(_) | Outcome::TripFor(_)) => {
                self.record_failure(word, outcome, call, elapsed, now)
            }
            // In no window: ignored or not sent, or not a call of the closed circuit.
            _ => {
                let is_failure = outcome.failure_kind().is_some();
                self.count(outcome, call, if is_failure { now.get() } else { Timestamp::ZERO });
                Judged { counted: Some(outcome).into(), elapsed, effect: Effect::Nothing }
            }
        }
    }

    /// What a call counts as that ended after `elapsed`; `None` where it is abandoned.
    fn counts_as(
        &self,
        ticket: Ticket,
        outcome: Option<Outcome>,
        elapsed: Option<Duration>,
    ) -> Option<Outcome> {
        outcome.or_else(|| {
            let is_failure = !ticket.is_answered()
                && elapsed.is_some_and(|it| self.recorder().is_failure_when_abandoned(it));
            is_failure.then_some(Outcome::Failure(FailureKind::ABANDONED))
        })
    }

    fn record_failure<F: FnOnce() -> Timestamp>(
        &self,
        word: Word,
        outcome: Outcome,
        call: EndedCall,
        elapsed: Option<Duration>,
        mut now: Reading<F>,
    ) -> Judged {
        let kind = outcome.failure_kind().unwrap_or(FailureKind::OTHER);
        let recorded = self.recorder().fail(Tag::of(word.epoch()), kind, call, || now.get());
        let Recorded::InTime { follows: cause, .. } = recorded else {
            return self.stale(Some(outcome).into(), elapsed);
        };
        self.count(outcome, call, now.get());
        let effect = match (outcome, cause) {
            // What the upstream asks for goes before any rule that holds.
            (Outcome::TripFor(open_for), _) => {
                self.trip_when_asked(word, open_for, kind, now.get())
            }
            (_, Some(cause)) => self.trip_by(word, cause, Some(kind), now.get()),
            (_, None) => Effect::Nothing,
        };
        Judged { counted: Some(outcome).into(), elapsed, effect }
    }

    fn record_probe(
        &self,
        ticket: Ticket,
        probe: ProbeId,
        outcome: Option<Outcome>,
        now: Timestamp,
    ) -> Judged {
        let mut control = self.lock();
        if !ticket.is_of(self.word()) {
            return self.stale(outcome.into(), ticket.elapsed(|| now));
        }
        if let Some(missed) = control.fleet().missed_deadline(now) {
            // Another process may have the lease, and its probe is newer.
            let change = self.wait_for_link(&mut control, missed, now);
            let effect = change.map_or(Effect::Nothing, Effect::changed);
            return Judged { effect, ..self.stale(outcome.into(), ticket.elapsed(|| now)) };
        }
        let elapsed = ticket.elapsed(|| now).unwrap_or_default();
        let is_late = control.settings().probe_limit().is_some_and(|limit| elapsed >= limit);
        let is_unanswered = outcome.is_none() && !ticket.is_answered();
        let outcome = match self.counts_as(ticket, outcome, Some(elapsed)) {
            None if is_unanswered && is_late => Some(Outcome::Failure(FailureKind::ABANDONED)),
            outcome => outcome,
        };
        let answer = match outcome {
            Some(_) if is_unanswered => ProbeResult::TimedOut,
            None if is_unanswered => ProbeResult::Unanswered,
            Some(Outcome::Success) if !is_late => ProbeResult::Passed,
            Some(Outcome::Success | Outcome::Failure(_) | Outcome::TripFor(_)) => {
                ProbeResult::Failed
            }
            Some(Outcome::NotSent) => ProbeResult::NotSent,
            Some(Outcome::Ignored) | None => ProbeResult::Ignored,
        };
        match outcome {
            Some(outcome) => {
                self.count(outcome, self.recorder().ended(outcome, Some(elapsed)), now);
            }
            None => self.tally().add(Counter::Abandoned),
        }
        let decision = control.finish_probe(probe, answer, ticket.started(), now);
        let effect = match outcome {
            // HalfOpen => Open: the upstream said for how long
            Some(Outcome::TripFor(open_for)) => {
                let open_time = control.open_time_asked(open_for);
                let reason = ChangeReason::UpstreamAsked;
                Effect::changed(self.open(&mut control, reason, open_time, now))
            }
            _ => match self.decide(&mut control, decision, now) {
                Some(change) => Effect::changed(change),
                None => self.publish_slots(&control),
            },
        };
        Judged { counted: outcome.into(), elapsed: Some(elapsed), effect }
    }

    /// Carries out the verdict of the probes. The lock is held.
    fn decide(
        &self,
        control: &mut Control,
        decision: ProbeVerdict,
        now: Timestamp,
    ) -> Option<Change> {
        let backoff = OpenTime::Backoff;
        match decision {
            ProbeVerdict::Undecided => None,
            // HalfOpen => Open: too many probes have failed
            ProbeVerdict::StillFailing => {
                Some(self.open(control, ChangeReason::ProbesFailed, backoff, now))
            }
            // HalfOpen => Open: no probe is answered
            ProbeVerdict::Unanswered => {
                Some(self.open(control, ChangeReason::ProbesUnanswered, backoff, now))
            }
            // HalfOpen => Closed: enough probes have succeeded
            ProbeVerdict::Recovered => {
                Some(self.close(control, ChangeReason::ProbesSucceeded, now))
            }
            // HalfOpen => Closed: the upstream answers
            ProbeVerdict::Answering => Some(self.close(control, ChangeReason::ProbesIgnored, now)),
        }
    }

    /// Ends the leases that are over; the probes that had them may decide. The lock is held.
    pub(crate) fn end_leases(&self, control: &mut Control, now: Timestamp) -> Option<Change> {
        let decision = control.end_leases(now);
        self.decide(control, decision, now)
    }

    /// Closed => Open: a rule holds, since a call failed with `kind` if one did.
    #[cold]
    #[inline(never)]
    pub(crate) fn trip_by(
        &self,
        word: Word,
        cause: ChangeReason,
        kind: Option<FailureKind>,
        now: Timestamp,
    ) -> Effect {
        self.trip_from(word, kind, now, |control| (cause, control.open_time_of(cause)))
    }

    /// Closed => Open: the upstream asked for it.
    fn trip_when_asked(
        &self,
        word: Word,
        open_for: Duration,
        kind: FailureKind,
        now: Timestamp,
    ) -> Effect {
        self.trip_from(word, Some(kind), now, |control| {
            (ChangeReason::UpstreamAsked, control.open_time_asked(open_for))
        })
    }

    fn trip_from(
        &self,
        word: Word,
        kind: Option<FailureKind>,
        now: Timestamp,
        why: impl FnOnce(&Control) -> (ChangeReason, OpenTime),
    ) -> Effect {
        if word.overridden() == Some(Override::ForcedClosed) {
            return Effect::Nothing;
        }
        let mut control = self.lock();
        let current = self.word();
        // Another call was faster, or an operator stepped in.
        let is_over = current.epoch() != word.epoch();
        if is_over || current.overridden() == Some(Override::ForcedClosed) {
            return Effect::Nothing;
        }
        if !control.take_places(current, now) {
            return Effect::Nothing;
        }
        let (reason, open_time) = why(&control);
        let change = self.open(&mut control, reason, open_time, now);
        if let Some(kind) = kind.filter(|_| reason.follows_failure()) {
            // The failure at hand: another may have ended in the same tick of the clock.
            control.name_trip(kind);
        }
        Effect::changed(change)
    }

    /// Counts a call for the totals; `at` is when it ended, if it is a failure.
    fn count(&self, outcome: Outcome, call: EndedCall, at: Timestamp) {
        match outcome {
            Outcome::NotSent => return self.extras().count_not_sent(),
            Outcome::Ignored => return self.tally().add(Counter::Ignored),
            Outcome::Success => self.count_success_in_totals(),
            Outcome::Failure(kind) => self.count_failure(kind, at),
            Outcome::TripFor(_) => self.count_failure(FailureKind::OTHER, at),
        }
        if call.was_slow {
            self.tally().add(Counter::SlowCalls);
        }
    }

    fn count_failure(&self, kind: FailureKind, at: Timestamp) {
        if !self.kinds().add(kind, at) {
            self.tally().add(Counter::Failures);
        }
    }

    /// A call of another epoch than the present one.
    #[cold]
    #[inline(never)]
    fn stale_at_once(
        &self,
        ticket: Ticket,
        outcome: Option<Outcome>,
        now: impl FnOnce() -> Timestamp,
    ) -> Judged {
        let elapsed = if ticket.is_for_latency() { ticket.elapsed(now) } else { None };
        self.stale(outcome.into(), elapsed)
    }

    /// A call that would have been counted as `otherwise`.
    #[cold]
    fn stale(&self, otherwise: CountedAs, elapsed: Option<Duration>) -> Judged {
        self.tally().add(Counter::Stale);
        let elapsed = elapsed.filter(|_| otherwise.is_answered());
        Judged { counted: CountedAs::Stale, elapsed, effect: Effect::Nothing }
    }
}
