//! Calls, and what should come of them.

use std::time::Duration;

use crate::conformance::case::{Case, InFlight};
use crate::conformance::changes::promise_of;
use crate::conformance::promise::Promise;
use crate::conformance::report::Broken;
use crate::conformance::subject::{CallInFlight, NotAdmitted};
use crate::model::{Call, Change, rejection};
use tower_circuit_breaker::{CircuitState, FailureKind, Outcome, RejectReason, Rejected};

/// What a service said when it was asked whether it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readied {
    ToCall,
    /// The inner service was not asked.
    ToReject,
}

impl Case<'_> {
    pub(super) fn begin(&mut self, sample: usize) -> Result<Option<InFlight>, Broken> {
        let begun = self.subject.begin(sample);
        self.begun(begun, sample)
    }

    /// Has a service ready for a later call, where there is a service.
    pub(super) fn ready(&mut self) {
        if self.readied.is_none() && self.subject.ready() {
            let rejects = self.model.would_reject();
            self.readied = Some(if rejects { Readied::ToReject } else { Readied::ToCall });
        }
    }

    /// Begins a call of the service that was seen ready before, and abandons it.
    pub(super) fn call_readied(&mut self, sample: usize) -> Result<(), Broken> {
        let Some(readied) = self.readied.take() else { return Ok(()) };
        let begun = self.subject.begin_readied(sample);
        if readied == Readied::ToReject {
            self.model.count_rejection();
            return self.check_unready(begun.map(drop));
        }
        let Some(InFlight { call, noted, .. }) = self.begun(begun, sample)? else { return Ok(()) };
        drop(call);
        self.end(noted, None)
    }

    /// A service that was ready only to reject does so, whatever the circuit would say by now.
    fn check_unready(&mut self, begun: Result<(), NotAdmitted>) -> Result<(), Broken> {
        let (reason, left) = if self.model.would_reject() {
            rejection(&self.model)
        } else {
            (RejectReason::NotReady, None)
        };
        match begun {
            Err(NotAdmitted::Rejected(rejected)) => self.check_rejection(&rejected, reason, left),
            Err(NotAdmitted::Wrongly(what)) => Err(Broken::new(Promise::OpenRejects, what)),
            Ok(()) => Err(Broken::new(
                Promise::OpenRejects,
                "a service that was ready only to reject called its inner one",
            )),
        }
    }

    fn begun(
        &mut self,
        begun: Result<Box<dyn CallInFlight>, NotAdmitted>,
        sample: usize,
    ) -> Result<Option<InFlight>, Broken> {
        let outcome = self.suite.outcomes[sample];
        let admitted = self.admit(begun)?;
        Ok(admitted.map(|(call, noted)| InFlight { call, noted, outcome }))
    }

    /// A call was admitted or not: was it to be?
    fn admit<T>(&mut self, begun: Result<T, NotAdmitted>) -> Result<Option<(T, Call)>, Broken> {
        let expected = self.model.admit();
        self.expect_change()?;
        match (begun, expected) {
            (Ok(call), Some(noted)) => {
                self.admitted += 1;
                self.checks.hold(Promise::Admission, true, String::new)?;
                self.adopt_shedding();
                Ok(Some((call, noted)))
            }
            (Ok(_), None) => Err(self.admitted_wrongly()),
            (Err(why), expected) => self.not_admitted(why, expected).map(|()| None),
        }
    }

    fn admitted_wrongly(&self) -> Broken {
        let (reason, left) = rejection(&self.model);
        if reason == RejectReason::ProbesBusy {
            let probes = self.model.settings.concurrent_probes;
            let what = format!("a call was admitted beside {probes} probes in flight");
            return Broken::new(Promise::ProbeLimit, what);
        }
        let what =
            format!("a call was admitted that was to be rejected ({reason}), {left:?} too early");
        Broken::new(Promise::OpenRejects, what)
    }

    /// Under observation, takes over what a closed circuit would have shed.
    fn adopt_shedding(&mut self) {
        if self.model.may_shed() {
            let seen = self.circuit.snapshot().totals.would_have_rejected;
            self.model.adopt_would_have_rejected(seen);
        }
    }

    /// A call was not admitted: was it to be?
    fn not_admitted(&mut self, why: NotAdmitted, expected: Option<Call>) -> Result<(), Broken> {
        let rejected = match why {
            NotAdmitted::Rejected(rejected) => rejected,
            NotAdmitted::Wrongly(what) => return Err(Broken::new(Promise::Admission, what)),
        };
        if expected.is_none() {
            let (reason, left) = rejection(&self.model);
            return self.check_rejection(&rejected, reason, left);
        }
        let is_shed = matches!(rejected.reason(), RejectReason::Ramping | RejectReason::Throttled);
        if is_shed && self.model.may_shed() {
            self.model.adopt_shed_call();
            return Ok(());
        }
        let what = format!("a call was rejected that was to be admitted: {rejected}");
        Err(Broken::new(Promise::Admission, what))
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
        self.model.finish(noted, outcome);
        if outcome == Some(Outcome::Success) && self.model.change.is_none() {
            let change = self.changes.first().filter(is_trip);
            self.checks.hold(Promise::FastSuccess, change.is_none(), || {
                format!("a success opened it: {change:?}")
            })?;
        }
        self.expect_change()
    }

    pub(super) fn panic(&mut self) -> Result<(), Broken> {
        let panicked = self.subject.panic();
        let Some((came_back, noted)) = self.admit(panicked)? else { return Ok(()) };
        self.checks.hold(Promise::Panics, came_back, || {
            "a call panicked, and its caller heard nothing of it".to_owned()
        })?;
        self.end(noted, Some(Outcome::Failure(FailureKind::PANIC)))
    }
}

/// Whether a rule, or the upstream's word, opened a closed circuit.
fn is_trip(change: &Change) -> bool {
    change.from == CircuitState::Closed && promise_of(change) == Promise::Limits
}
