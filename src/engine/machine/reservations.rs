//! Reservations: slots held for a probe whose call has not begun, and that counts as nothing yet.

use crate::engine::change::Change;
use crate::engine::machine::Machine;
use crate::engine::machine::admit::{For, Rejection};
use crate::engine::machine::control::slot::ControlGuard;
use crate::engine::machine::effect::Effect;
use crate::engine::machine::probes::ProbeId;
use crate::engine::state::{Override, Word};
use crate::engine::ticket::{Role, Ticket};
use crate::engine::time::Timestamp;

#[cfg(all(test, breaker_loom))]
mod races;

impl Machine {
    /// Whether every call is admitted now without a slot.
    pub(crate) fn admits_all(&self) -> bool {
        admits_all(self.word())
    }

    /// Reserves a slot where a call needs one: `None` where it needs none. The change is the end
    /// of the open time.
    pub(crate) fn reserve(
        &self,
        now: Timestamp,
    ) -> (Result<Option<Ticket>, Rejection>, Option<Change>) {
        if self.admits_all() {
            return (Ok(None), None);
        }
        let (taken, change) = self.take_slot(For::CallToCome, now);
        let reserved = match taken {
            Ok(ticket) => Ok(ticket.is_probe().then_some(ticket)),
            Err((word, _)) if admits_all(word) => Ok(None),
            Err((_, rejection)) => Err(rejection),
        };
        (reserved, change)
    }

    /// Whether `reserved` still holds its slot.
    pub(crate) fn holds(&self, reserved: Ticket, now: Timestamp) -> bool {
        self.slots_of(reserved).is_some_and(|(control, probe)| control.holds(probe, now))
    }

    /// Turns a reservation into a probe, whose lease and time begin now; `None` when it no longer
    /// holds its slot.
    pub(crate) fn resume(&self, reserved: Ticket, now: Timestamp) -> Option<Ticket> {
        let (mut control, probe) = self.slots_of(reserved)?;
        if control.fleet().missed_deadline(now).is_some() {
            // The caller asks anew, as any other.
            control.give_back(probe);
            self.publish_slots(&control);
            return None;
        }
        if !control.begin_probe(probe, now) {
            return None;
        }
        self.publish_slots(&control);
        Some(Ticket::new(self.word(), now).probing(probe))
    }

    /// Gives the slot of a reservation back, if it still holds one.
    pub(crate) fn give_back(&self, reserved: Ticket) -> Effect {
        let Some((mut control, probe)) = self.slots_of(reserved) else { return Effect::Nothing };
        control.give_back(probe);
        self.publish_slots(&control)
    }

    /// The lock and the probe of `ticket`, while its epoch lasts.
    fn slots_of(&self, ticket: Ticket) -> Option<(ControlGuard<'_>, ProbeId)> {
        let Role::Probe(probe) = ticket.role() else { return None };
        let control = self.lock();
        ticket.is_of(self.word()).then_some((control, probe))
    }
}

/// Whether every call is admitted: the circuit is closed, or only observes.
fn admits_all(word: Word) -> bool {
    word.is_closed() || word.overridden() == Some(Override::Observing)
}

#[cfg(all(test, not(breaker_loom)))]
#[allow(clippy::unwrap_used, reason = "these are tests")]
mod tests;
