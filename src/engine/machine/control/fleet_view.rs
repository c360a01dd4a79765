//! What a circuit knows about its fleet.

use crate::engine::change::ChangeReason;
use crate::engine::machine::link_deadline::LinkDeadline;
use crate::engine::time::Timestamp;

/// What a circuit knows about its fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FleetView {
    /// The epoch of the last verdict; 0 before the first.
    epoch: u64,
    /// Whether a verdict has opened the circuit, and it has not been closed since.
    has_opened: bool,
    /// When the last open epoch ends without the fleet; `None` where the fleet began it.
    own_end: Option<Timestamp>,
    /// When the last open epoch began.
    begun: Timestamp,
    /// By when the link says more of probes; `None` where the circuit probes by itself.
    deadline: Option<LinkDeadline>,
}

impl FleetView {
    /// Notes that a verdict of `epoch` has come.
    pub(super) fn hear(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Notes that a verdict keeps the circuit open.
    pub(super) fn open(&mut self) {
        self.has_opened = true;
    }

    /// Notes that the circuit is closed: no verdict keeps it open any more.
    pub(super) fn close(&mut self) {
        self.has_opened = false;
        self.deadline = None;
    }

    /// Notes that the circuit probes: what was said of when it may begin to is over.
    pub(super) fn begin_probes(&mut self) {
        self.deadline = self.deadline.filter(|deadline| deadline.ends_lease);
    }

    /// Sets by when the link says more.
    pub(super) fn set_deadline(&mut self, deadline: Option<LinkDeadline>) {
        self.deadline = deadline;
    }

    /// The deadline of the link that it has missed, if it has.
    pub(crate) fn missed_deadline(&self, now: Timestamp) -> Option<LinkDeadline> {
        self.deadline.filter(|deadline| deadline.is_missed(now))
    }

    /// Notes whether the fleet began the open epoch that begins at `now` and ends at `until`.
    pub(super) fn note_opening(&mut self, reason: ChangeReason, until: Timestamp, now: Timestamp) {
        self.deadline = None;
        if reason != ChangeReason::LeaseOver {
            self.begun = now;
        }
        match reason {
            ChangeReason::Fleet => self.own_end = None,
            // Continues the open epoch from before the probes that are recalled.
            ChangeReason::LeaseOver => {}
            _ => self.own_end = Some(until),
        }
    }

    /// Sets when the present open epoch ends without the fleet.
    #[cfg_attr(
        not(feature = "tokio"),
        allow(dead_code, reason = "only a health probe asks for it")
    )]
    pub(super) fn set_own_end(&mut self, until: Timestamp) {
        self.own_end = Some(until);
    }

    /// The epoch of the last verdict; 0 before the first.
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a verdict has opened the circuit, and it has not been closed since.
    pub(crate) const fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// When the last open epoch ends without the fleet; `None` where the fleet began it.
    pub(crate) const fn own_end(&self) -> Option<Timestamp> {
        self.own_end
    }

    /// When the last open epoch began, if the circuit began it itself.
    pub(crate) fn own_begun(&self) -> Option<Timestamp> {
        self.own_end.map(|_| self.begun)
    }

    /// When the open epoch is to end if the fleet says `until`. The fleet's verdict may be older
    /// than an open epoch that the circuit began itself, and then only extends it.
    pub(crate) fn end(&self, until: Timestamp) -> Timestamp {
        self.own_end.map_or(until, |own| until.max(own))
    }
}
