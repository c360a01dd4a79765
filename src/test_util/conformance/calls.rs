//! Calls, and what should come of them.

use std::time::Duration;

use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::state::{CircuitState, Override};
use crate::error::{RejectReason, Rejected};
use crate::test_util::conformance::books::{Admission, Call};
use crate::test_util::conformance::case::{Case, InFlight};
use crate::test_util::conformance::promise::Promise;
use crate::test_util::conformance::report::Broken;
use crate::test_util::conformance::subject::{Refused, UnderWay};

/// What a service said when it was asked whether it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readied {
    ToCall,
    /// The inner service was not asked.
    ToReject,
}

impl Case<'_> {
    pub(super) fn begin(&mut self, sample: usize) -> Result<Option<InFlight>, Broken> {
        let due = self.books.half_open_due(self.time.now());
        let begun = self.subject.begin(sample);
        self.expect_change(due)?;
        self.begun(begun, sample)
    }

    /// Has a service ready for a later call, where there is a service.
    pub(super) fn ready(&mut self) {
        if self.readied.is_none() && self.subject.ready() {
            self.adopt_unknown();
            let rejects = self.books.would_reject(self.time.now());
            self.readied = Some(if rejects { Readied::ToReject } else { Readied::ToCall });
        }
    }

    /// Begins a call of the service that was seen ready before, and abandons it.
    pub(super) fn call_readied(&mut self, sample: usize) -> Result<(), Broken> {
        let now = self.time.now();
        let call = match self.readied.take() {
            None => return Ok(()),
            Some(Readied::ToCall) => {
                let due = self.books.half_open_due(now);
                let begun = self.subject.begin_readied(sample);
                self.expect_change(due)?;
                self.begun(begun, sample)?
            }
            Some(Readied::ToReject) => {
                let begun = self.subject.begin_readied(sample);
                self.books.totals.rejected += 1;
                return self.check_unready(begun.map(drop));
            }
        };
        let Some(InFlight { call, noted, .. }) = call else { return Ok(()) };
        drop(call);
        self.end(noted, None)
    }

    /// A service that was ready only to reject does so, whatever the circuit would say by now.
    fn check_unready(&mut self, begun: Result<(), Refused>) -> Result<(), Broken> {
        let expected = if self.books.would_reject(self.time.now()) {
            self.books.admission(self.time.now())
        } else {
            Admission::Rejected(RejectReason::NotReady, None)
        };
        match (begun, expected) {
            (Err(Refused::Rejected(rejected)), Admission::Rejected(reason, left)) => {
                self.check_rejection(&rejected, reason, left)
            }
            (Err(Refused::Wrongly(what)), _) => Err(Broken::new(Promise::OpenRejects, what)),
            _ => Err(Broken::new(
                Promise::OpenRejects,
                "a service that was ready only to reject called its inner one",
            )),
        }
    }

    fn begun(
        &mut self,
        begun: Result<Box<dyn UnderWay>, Refused>,
        sample: usize,
    ) -> Result<Option<InFlight>, Broken> {
        let outcome = self.suite.outcomes[sample];
        let call = match begun {
            Ok(call) => call,
            Err(refused) => return self.refused(refused).map(|()| None),
        };
        Ok(self.admit()?.map(|noted| InFlight { call, noted, outcome }))
    }

    /// A call was admitted: was it to be?
    fn admit(&mut self) -> Result<Option<Call>, Broken> {
        self.admitted += 1;
        if self.adopt_unknown() {
            self.is_lost = true;
            return Ok(None);
        }
        self.adopt_shedding();
        let now = self.time.now();
        match self.books.admission(now) {
            Admission::Admitted => {
                self.checks.hold(Promise::Admission, true, String::new)?;
                Ok(Some(self.books.admit(now)))
            }
            Admission::Rejected(RejectReason::ProbesBusy, _) => Err(Broken::new(
                Promise::ProbeLimit,
                format!(
                    "a call was admitted beside {} probes under way",
                    self.books.settings.concurrent_probes
                ),
            )),
            Admission::Rejected(reason, left) => Err(Broken::new(
                Promise::OpenRejects,
                format!(
                    "a call was admitted that was to be rejected ({reason}), {left:?} too early"
                ),
            )),
        }
    }

    /// Under observation, takes over what a closed circuit would have shed: by lot, so that nobody
    /// can foretell it.
    fn adopt_shedding(&mut self) {
        if self.books.overridden == Some(Override::Observing)
            && self.books.state == CircuitState::Closed
        {
            let seen = self.circuit.snapshot().totals.would_have_rejected;
            self.books.totals.would_have_rejected = self.books.totals.would_have_rejected.max(seen);
        }
    }

    /// A call was not admitted: was it to be?
    fn refused(&mut self, refused: Refused) -> Result<(), Broken> {
        self.adopt_unknown();
        let rejected = match refused {
            Refused::Rejected(rejected) => rejected,
            Refused::Wrongly(what) => return Err(Broken::new(Promise::Admission, what)),
        };
        self.books.totals.rejected += 1;
        // A closed circuit that sheds calls may have said so when the service was asked.
        let is_shed =
            rejected.reason() == RejectReason::NotReady && self.books.state == CircuitState::Closed;
        if is_shed || !is_known(rejected.reason()) {
            return Ok(());
        }
        match self.books.admission(self.time.now()) {
            Admission::Rejected(reason, left) => self.check_rejection(&rejected, reason, left),
            Admission::Admitted => Err(Broken::new(
                Promise::Admission,
                format!("a call was rejected that was to be admitted: {rejected}"),
            )),
        }
    }

    fn check_rejection(
        &mut self,
        rejected: &Rejected,
        reason: RejectReason,
        left: Option<Duration>,
    ) -> Result<(), Broken> {
        let promise = match reason {
            RejectReason::ProbesBusy => Promise::ProbeLimit,
            _ => Promise::OpenRejects,
        };
        self.checks.same(promise, "the reason of a rejection", &rejected.reason(), &reason)?;
        self.checks.same(promise, "its retry_after", &rejected.retry_after(), &left)
    }

    pub(super) fn finish(&mut self, in_flight: InFlight) -> Result<(), Broken> {
        let InFlight { call, noted, outcome } = in_flight;
        let before = self.circuit.snapshot();
        call.finish().map_err(|what| Broken::new(Promise::SettledOnce, what))?;
        self.end(noted, Some(outcome))?;
        self.check_late(noted, &before)
    }

    pub(super) fn end(&mut self, noted: Call, outcome: Option<Outcome>) -> Result<(), Broken> {
        let due = self.books.end(noted, outcome, self.time.now());
        if outcome == Some(Outcome::Success) && due.is_none() {
            let change =
                self.changes.first().filter(|moved| moved.is_trip() && !self.has_hung_calls());
            self.checks.hold(Promise::FastSuccess, change.is_none(), || {
                format!("a success opened it: {change:?}")
            })?;
        }
        self.expect_change(due)
    }

    pub(super) fn panic(&mut self) -> Result<(), Broken> {
        let due = self.books.half_open_due(self.time.now());
        let panicked = self.subject.panic();
        self.expect_change(due)?;
        match panicked {
            Err(refused) => self.refused(refused),
            Ok(came_back) => {
                self.checks.hold(Promise::Panics, came_back, || {
                    "a call panicked, and its caller heard nothing of it".to_owned()
                })?;
                let Some(noted) = self.admit()? else { return Ok(()) };
                self.end(noted, Some(Outcome::Failure(FailureKind::PANIC)))
            }
        }
    }
}

/// Reasons that this suite can foretell.
const fn is_known(reason: RejectReason) -> bool {
    matches!(
        reason,
        RejectReason::Open
            | RejectReason::ProbesBusy
            | RejectReason::ForcedOpen
            | RejectReason::NotReady
    )
}
