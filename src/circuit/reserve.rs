//! What services that wait for a circuit ask of it.

use std::time::Duration;

use crate::circuit::wakers::Wakers;
use crate::circuit::{Circuit, FORCED_OPEN};
use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::admit::Rejection;
use crate::engine::ticket::Ticket;
use crate::engine::time::Timestamp;

/// How long a call is rejected, if nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RejectedUntil {
    /// Until `due`, which is `left` from now.
    Time { due: Timestamp, left: Duration },
    /// An operator forced the circuit open, without an end.
    Change,
}

impl Circuit {
    pub(crate) fn wakers(&self) -> &Wakers {
        &self.core.wakers
    }

    /// Whether a call would be rejected now, and for how long; changes nothing.
    pub(crate) fn ask(&self) -> Result<(), RejectedUntil> {
        let now = self.now();
        match self.core.machine.would_reject(|| now) {
            Some(rejection) => Err(RejectedUntil::new(rejection, now)),
            None => Ok(()),
        }
    }

    /// Reserves a probe's slot for a call to come: `None` where it needs none.
    pub(crate) fn reserve(&self) -> Result<Option<Ticket>, RejectedUntil> {
        if self.core.machine.admits_all() {
            return Ok(None);
        }
        let now = self.now();
        self.end_override_for_call(now);
        self.end_holds(now);
        let (reserved, change) = self.core.machine.reserve(now);
        self.tell_if(change);
        if reserved.is_ok_and(|ticket| ticket.is_some()) {
            self.tell_slot_taken();
        }
        reserved.map_err(|rejection| RejectedUntil::new(rejection, now))
    }

    /// Whether `reserved` still holds its slot.
    pub(crate) fn holds(&self, reserved: Ticket) -> bool {
        self.core.machine.holds(reserved, self.now())
    }

    /// Turns a reservation into a probe that begins now, if it still holds its slot.
    pub(crate) fn resume(&self, reserved: Ticket) -> Option<Ticket> {
        self.core.machine.resume(reserved, self.now())
    }

    /// Gives back the slot of a reservation that was not used.
    pub(crate) fn give_back(&self, reserved: Ticket) {
        self.tell_effect(self.core.machine.give_back(reserved));
    }

    /// Wakes the tasks that wait for a busy inner service: if the slot was the last one, they are
    /// rejected now.
    pub(super) fn tell_slot_taken(&self) {
        self.core.wakers.wake_for_inner();
    }

    /// Wakes the tasks that have to ask again after `change`.
    pub(super) fn wake_after(&self, change: &Change) {
        let wakers = &self.core.wakers;
        wakers.wake_for_inner();
        let is_forced_open = |standing: Standing| standing.overridden == FORCED_OPEN;
        let has_time_again = is_forced_open(change.from) && !is_forced_open(change.to);
        if self.core.machine.admits_all() || has_time_again {
            // A task that asked while it was forced open has no timer.
            wakers.wake_all();
        } else if change.reason != ChangeReason::OpenTimeOver {
            // Slots may be free, or the deadline is another one: one task that asks again is
            // enough.
            wakers.wake_next();
        }
        // Open => HalfOpen: the timekeeper among the waiting tasks has a timer for that.
    }
}

impl RejectedUntil {
    fn new(rejection: Rejection, now: Timestamp) -> Self {
        match rejection {
            Rejection::Open { until: due } | Rejection::ProbesBusy { until: due } => {
                Self::Time { due, left: due.since(now) }
            }
            Rejection::ForcedOpen { until: Timestamp::NEVER } => Self::Change,
            Rejection::ForcedOpen { until: due } => Self::Time { due, left: due.since(now) },
            // Not rejected for a time: the next call may be admitted.
            Rejection::Ramping | Rejection::Throttled => {
                Self::Time { due: now, left: Duration::ZERO }
            }
        }
    }
}
