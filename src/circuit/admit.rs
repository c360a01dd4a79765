//! Admits calls to a circuit, or rejects them.

use crate::circuit::Circuit;
use crate::circuit::permit::Permit;
use crate::engine::machine::admit::Rejection;
use crate::engine::record::extras::RareReason;
use crate::engine::state::Word;
use crate::engine::ticket::Ticket;
use crate::engine::time::{TimeSource, Timestamp};
use crate::error::Rejected;
use crate::sync::Arc;

impl Circuit {
    /// Admits one call, and returns the permit with which its outcome is recorded.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the circuit is open, half-open with all its probes in flight, or closed and
    /// shedding calls.
    pub fn try_acquire(&self) -> Result<Permit, Rejected> {
        self.admit().map(|ticket| Permit::new(self.clone(), ticket))
    }

    /// Admits a call or rejects it.
    #[inline]
    pub(crate) fn admit(&self) -> Result<Ticket, Rejected> {
        match self.core.machine.admit_at_once(|| self.core.clock.start()) {
            Some(ticket) => Ok(ticket),
            None => self.admit_or_reject(),
        }
    }

    /// Two functions, so that the one for calls that are tracked has little to keep on the stack.
    #[inline(never)]
    fn admit_or_reject(&self) -> Result<Ticket, Rejected> {
        match self.core.machine.admit_tracked(|| self.core.clock.start()) {
            Some(ticket) => Ok(ticket),
            None => self.admit_otherwise(),
        }
    }

    #[inline(never)]
    fn admit_otherwise(&self) -> Result<Ticket, Rejected> {
        if let Some(left) = self.core.machine.reject_at_once(&self.core.clock) {
            return Err(self.reject(Rejected::open(Arc::clone(&self.core.name), left)));
        }
        let now = self.now();
        self.end_override_for_call(now);
        self.end_holds(now);
        let (admitted, change) = self.core.machine.admit(now);
        self.tell_if(change);
        if admitted.as_ref().is_ok_and(|ticket| ticket.is_probe()) {
            self.tell_slot_taken();
        }
        admitted.map_err(|rejection| self.rejected(rejection, now))
    }

    /// Whether a call would be rejected now; changes nothing.
    #[inline]
    pub(crate) fn would_reject(&self) -> bool {
        self.core.machine.is_rejecting(&self.core.clock)
    }

    /// Rejects a call whose inner service was not polled for readiness.
    pub(crate) fn reject_unready(&self) -> Rejected {
        if let Some(left) = self.core.machine.reject_at_once(&self.core.clock) {
            return self.reject(Rejected::open(Arc::clone(&self.core.name), left));
        }
        self.reject_otherwise()
    }

    /// The same where the circuit is not simply open.
    #[cold]
    #[inline(never)]
    fn reject_otherwise(&self) -> Rejected {
        let now = self.now();
        let rejection = self.core.machine.would_reject(|| now);
        let reason = rejection.map_or(Some(RareReason::NotReady), Rejection::rare_reason);
        self.core.machine.count_rejection_for(reason);
        match rejection {
            Some(rejection) => self.rejected(rejection, now),
            None => self.reject(Rejected::not_ready(Arc::clone(&self.core.name))),
        }
    }

    #[inline]
    fn rejected(&self, rejection: Rejection, now: Timestamp) -> Rejected {
        let name = Arc::clone(&self.core.name);
        self.reject(match rejection {
            Rejection::Open { until } => Rejected::open(name, until.nanos_since(now)),
            Rejection::ProbesBusy { .. } => Rejected::busy(name),
            Rejection::ForcedOpen { until: Timestamp::NEVER } => Rejected::forced_open(name),
            Rejection::ForcedOpen { until } => {
                Rejected::forced_open_for(name, until.nanos_since(now))
            }
            Rejection::Ramping => Rejected::ramping(name),
            Rejection::Throttled => Rejected::throttled(name),
        })
    }

    /// Delivers the event of the rejection, and passes it on.
    #[inline]
    fn reject(&self, rejected: Rejected) -> Rejected {
        if self.core.machine.word().has(Word::REJECTION_EVENTS) {
            self.tell_rejection(&rejected);
        }
        rejected
    }
}
