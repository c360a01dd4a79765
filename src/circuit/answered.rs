//! What response bodies report to a circuit about calls that were answered and are not judged yet.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::machine::effect::Effect;
use crate::engine::machine::probes::HeldProbe;
use crate::engine::ticket::Ticket;
use crate::engine::time::Timestamp;
use crate::sync::Weak;

impl Circuit {
    /// Notes that a call was answered; returns the ticket to go on with.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    #[inline]
    pub(crate) fn answered(&self, ticket: Ticket) -> Ticket {
        self.core.machine.answered(ticket, || self.now())
    }

    /// The same for a call whose answer is not judged: its duration is not measured, as the clock
    /// is user code.
    pub(crate) fn unjudged(&self, ticket: Ticket) -> Ticket {
        self.core.machine.answered(ticket, || ticket.started())
    }

    /// Has a probe that was answered hold its slot for a little longer, and be judged then.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    pub(crate) fn hold_probe(&self, ticket: Ticket, held: Weak<dyn HeldProbe>) {
        self.tell_effect(self.core.machine.hold_probe(ticket, held, self.now()));
    }

    /// Judges the probes that were held for long enough.
    pub(super) fn end_holds(&self, now: Timestamp) {
        let ended = self.core.machine.end_holds(now);
        if ended.is_empty() {
            return;
        }
        for probe in ended {
            probe.end_hold(now);
        }
        // There may be more free slots than the coming call takes.
        self.tell_effect(Effect::SlotFreed);
    }

    /// Whether an abandoned call whose caller had waited for `waited` counts as a failure.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
    pub(crate) fn is_failure_when_abandoned(&self, waited: Duration) -> bool {
        self.core.machine.recorder().is_failure_when_abandoned(waited)
    }
}
