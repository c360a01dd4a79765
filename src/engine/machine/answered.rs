//! Calls that were answered by the head of a response, and are judged at the end of its body.
//!
//! The head ends the wait: from then on a call is neither slow nor stalled, however slowly its body
//! is read.

use crate::engine::machine::Machine;
use crate::engine::machine::effect::Effect;
use crate::engine::machine::probes::HeldProbe;
use crate::engine::state::CircuitState;
use crate::engine::ticket::{Role, Ticket};
use crate::engine::time::Timestamp;
use crate::sync::{Arc, Weak};

impl Machine {
    /// Notes that a call was answered: how long that took, and that it no longer waits.
    #[inline]
    pub(crate) fn answered(&self, ticket: Ticket, now: impl FnOnce() -> Timestamp) -> Ticket {
        let elapsed = ticket.elapsed(now).unwrap_or_default();
        if ticket.is_tracked() {
            if let Some(tracking) = self.recorder().tracking() {
                tracking.end(ticket.tag(), ticket.started());
            }
        }
        ticket.answered(elapsed)
    }

    /// Has a probe that was answered hold its slot for a little longer, and be judged then.
    pub(crate) fn hold_probe(
        &self,
        ticket: Ticket,
        held: Weak<dyn HeldProbe>,
        now: Timestamp,
    ) -> Effect {
        let Role::Probe(probe) = ticket.role() else { return Effect::Nothing };
        let mut control = self.lock();
        if !ticket.is_of(self.word()) {
            return Effect::Nothing;
        }
        control.hold_probe(probe, held, now);
        self.publish_slots(&control)
    }

    /// Frees the slots of probes that were held for long enough, for the caller to judge them.
    pub(crate) fn end_holds(&self, now: Timestamp) -> Vec<Arc<dyn HeldProbe>> {
        // The deadline is zero while a slot is free, though others may be held.
        if !self.is_half_open() || now < self.until() {
            return Vec::new();
        }
        let mut control = self.lock();
        let ended = control.end_holds(now);
        if !ended.is_empty() {
            self.publish_slots(&control);
        }
        ended
    }

    fn is_half_open(&self) -> bool {
        self.word().state() == CircuitState::HalfOpen
    }
}
