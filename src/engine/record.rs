//! Recording: what a finished call was worth, and what that changes.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason};
use crate::engine::control::{Control, OpenTime};
use crate::engine::machine::Machine;
use crate::engine::outcome::{FailureKind, Outcome, Pace, Verdict};
use crate::engine::probes::{Answer, Decision, ProbeId};
use crate::engine::recorder::{Cause, Keeper, Taken};
use crate::engine::state::{Override, Tag, Word};
use crate::engine::ticket::{Role, Ticket};
use crate::engine::time::{Reading, Timestamp};
use crate::engine::totals::Counter;
use crate::sync::{Bug, planted};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Finished(Outcome),
    Abandoned,
}

/// What a call was counted as, and what that changed.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) credit: Credit,
    /// How long the call took, where that was measured.
    pub(crate) elapsed: Option<Duration>,
    pub(crate) effect: Effect,
}

/// What a call's end changes for others.
#[derive(Debug)]
pub(crate) enum Effect {
    Nothing,
    /// A probe's slot is free where none was.
    SlotFreed,
    Changed(Change),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credit {
    Success,
    Failure(FailureKind),
    NotSent,
    /// Ignored or abandoned.
    Neutral,
    Stale,
}

impl Recorded {
    #[cfg(test)]
    pub(crate) fn change(&self) -> Option<&Change> {
        match &self.effect {
            Effect::Changed(change) => Some(change),
            Effect::Nothing | Effect::SlotFreed => None,
        }
    }
}

impl Machine {
    /// Records how a call ended.
    #[inline]
    pub(crate) fn record(
        &self,
        ticket: Ticket,
        ending: Ending,
        now: impl FnOnce() -> Timestamp + Copy,
    ) -> Recorded {
        if ticket.is_checked() {
            self.check_out(ticket, ending, now);
        }
        let now = Reading::new(now);
        let word = self.word();
        if !ticket.is_of(word) {
            return self.stale();
        }
        // First, and with a branch of its own: it is what nearly every call comes to.
        if ticket.is_call() && ending == Ending::Finished(Outcome::Success) {
            return self.record_success(word, ticket, now);
        }
        self.record_other(word, ticket, ending, now)
    }

    /// The way out of a call that was looked at on its way in.
    #[inline(never)]
    fn check_out(&self, ticket: Ticket, ending: Ending, now: impl FnOnce() -> Timestamp) {
        let Some(checks) = self.recorder().checks() else { return };
        checks.end(ticket.tag(), ticket.started());
        if ending == Ending::Finished(Outcome::Success) {
            checks.odds.tried(ticket.tag(), Verdict::Succeeded, now);
        }
    }

    #[inline]
    fn record_success<F: FnOnce() -> Timestamp>(
        &self,
        word: Word,
        ticket: Ticket,
        mut now: Reading<F>,
    ) -> Recorded {
        let (elapsed, pace) = if ticket.is_timed() {
            let elapsed = now.get().since(ticket.started());
            (Some(elapsed), self.recorder().pace(elapsed))
        } else {
            (None, Pace::Fast)
        };
        let taken = self.recorder().succeed(Tag::of(word.epoch()), pace, || now.get());
        let Taken::InTime { cause, keeper } = taken else {
            return self.stale();
        };
        if keeper == Keeper::Tally {
            self.tally().add(Counter::Successes);
        }
        if pace == Pace::Slow {
            self.tally().add(Counter::SlowCalls);
        }
        let effect = cause.map_or(Effect::Nothing, |cause| self.trip_by(word, cause, now.get()));
        Recorded { credit: Credit::Success, elapsed, effect }
    }

    fn record_other<F: FnOnce() -> Timestamp>(
        &self,
        word: Word,
        ticket: Ticket,
        ending: Ending,
        mut now: Reading<F>,
    ) -> Recorded {
        let elapsed = ticket.is_timed().then(|| now.get().since(ticket.started()));
        let outcome = match ending {
            Ending::Finished(outcome) => outcome,
            Ending::Abandoned
                if elapsed.is_some_and(|e| self.recorder().is_failure_when_abandoned(e)) =>
            {
                Outcome::Failure(FailureKind::ABANDONED)
            }
            Ending::Abandoned => return self.abandoned(ticket, elapsed),
        };
        let pace = elapsed.map_or(Pace::Fast, |elapsed| self.recorder().pace(elapsed));
        match (ticket.role(), outcome) {
            (Role::Call, Outcome::Failure(_) | Outcome::TripFor(_)) => {
                self.record_failure(word, outcome, pace, elapsed, now)
            }
            (Role::Probe(probe), _) => self.record_probe(ticket, probe, outcome, pace, now.get()),
            // In no window, unless it succeeded, and that of a closed circuit does not come here.
            (Role::Call | Role::Observed, _) => {
                let credit = self.count(outcome, pace);
                Recorded { credit, elapsed, effect: Effect::Nothing }
            }
        }
    }

    fn record_failure<F: FnOnce() -> Timestamp>(
        &self,
        word: Word,
        outcome: Outcome,
        pace: Pace,
        elapsed: Option<Duration>,
        mut now: Reading<F>,
    ) -> Recorded {
        let kind = match outcome {
            Outcome::Failure(kind) => kind,
            _ => FailureKind::OTHER,
        };
        let taken = self.recorder().fail(Tag::of(word.epoch()), kind, pace, || now.get());
        let Taken::InTime { cause, .. } = taken else {
            return self.stale();
        };
        let credit = self.count(outcome, pace);
        let effect = match (outcome, cause) {
            // Whatever rule holds, the upstream's word goes before it.
            (Outcome::TripFor(open_for), _) => self.trip_when_asked(word, open_for, now.get()),
            (_, Some(cause)) => self.trip_by(word, cause, now.get()),
            (_, None) => Effect::Nothing,
        };
        Recorded { credit, elapsed, effect }
    }

    fn record_probe(
        &self,
        ticket: Ticket,
        probe: ProbeId,
        outcome: Outcome,
        pace: Pace,
        now: Timestamp,
    ) -> Recorded {
        let mut control = self.lock();
        if !ticket.is_of(self.word()) && !planted(Bug::OldProbe) {
            return self.stale();
        }
        let credit = self.count(outcome, pace);
        let elapsed = Some(now.since(ticket.started()));
        let control = &mut *control;
        let answer = match outcome {
            Outcome::Success if pace == Pace::Fast => Answer::Passed,
            Outcome::Success | Outcome::Failure(_) | Outcome::TripFor(_) => Answer::Failed,
            Outcome::Ignored => Answer::Ignored,
            Outcome::NotSent => Answer::NotSent,
        };
        let decision = control.probes.finish(&control.settings, probe, answer);
        let effect = match (outcome, decision) {
            // HalfOpen => Open: the upstream said for how long
            (Outcome::TripFor(open_for), _) => {
                let open_for = open_for.min(control.settings.longest_trip_for);
                let open_time = OpenTime::Given(open_for);
                Effect::Changed(self.open(control, ChangeReason::UpstreamAsked, open_time, now))
            }
            (_, Decision::StillFailing) => {
                let reason = ChangeReason::ProbesFailed;
                Effect::Changed(self.open(control, reason, OpenTime::Backoff, now))
            }
            (_, Decision::Recovered) => {
                Effect::Changed(self.close(control, ChangeReason::ProbesSucceeded, now))
            }
            (_, Decision::Answering) => {
                Effect::Changed(self.close(control, ChangeReason::ProbesIgnored, now))
            }
            (_, Decision::Undecided) => self.publish_slots(control),
        };
        Recorded { credit, elapsed, effect }
    }

    fn abandoned(&self, ticket: Ticket, elapsed: Option<Duration>) -> Recorded {
        let mut effect = Effect::Nothing;
        if let Role::Probe(probe) = ticket.role() {
            let mut control = self.lock();
            if !ticket.is_of(self.word()) && !planted(Bug::OldProbe) {
                return self.stale();
            }
            control.probes.give_back(probe);
            effect = self.publish_slots(&control);
        }
        self.tally().add(Counter::Abandoned);
        Recorded { credit: Credit::Neutral, elapsed, effect }
    }

    /// Closed => Open: a rule holds.
    pub(crate) fn trip_by(&self, word: Word, cause: Cause, now: Timestamp) -> Effect {
        self.trip_from(word, now, |control| (cause.into(), control.open_time_of(cause)))
    }

    /// Closed => Open: the upstream asked for it.
    fn trip_when_asked(&self, word: Word, open_for: Duration, now: Timestamp) -> Effect {
        self.trip_from(word, now, |control| {
            let open_for = open_for.min(control.settings.longest_trip_for);
            (ChangeReason::UpstreamAsked, OpenTime::Given(open_for))
        })
    }

    fn trip_from(
        &self,
        word: Word,
        now: Timestamp,
        why: impl FnOnce(&Control) -> (ChangeReason, OpenTime),
    ) -> Effect {
        if word.overridden() == Some(Override::ForcedClosed) {
            return Effect::Nothing;
        }
        let mut control = self.lock();
        let current = self.word();
        // Another call was faster, or an operator stepped in.
        let is_over = current.epoch() != word.epoch() && !planted(Bug::OldTrip);
        if is_over || current.overridden() == Some(Override::ForcedClosed) {
            return Effect::Nothing;
        }
        if !control.seats.take(current) {
            return Effect::Nothing;
        }
        let (reason, open_time) = why(&control);
        Effect::Changed(self.open(&mut control, reason, open_time, now))
    }

    /// Counts a finished call.
    fn count(&self, outcome: Outcome, pace: Pace) -> Credit {
        let (counter, credit) = match outcome {
            Outcome::NotSent => {
                self.count_not_sent();
                return Credit::NotSent;
            }
            Outcome::Success => (Counter::Successes, Credit::Success),
            Outcome::Failure(kind) => (Counter::Failures, Credit::Failure(kind)),
            Outcome::TripFor(_) => (Counter::Failures, Credit::Failure(FailureKind::OTHER)),
            Outcome::Ignored => (Counter::Ignored, Credit::Neutral),
        };
        match credit {
            Credit::Failure(kind) if self.kinds().add(kind) => {}
            _ => self.tally().add(counter),
        }
        if pace == Pace::Slow && outcome != Outcome::Ignored {
            self.tally().add(Counter::SlowCalls);
        }
        credit
    }

    fn stale(&self) -> Recorded {
        self.tally().add(Counter::Stale);
        Recorded { credit: Credit::Stale, elapsed: None, effect: Effect::Nothing }
    }
}
