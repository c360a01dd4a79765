//! What a circuit knows of its fleet.

use crate::engine::change::ChangeReason;
use crate::engine::time::Timestamp;

/// What a circuit knows of its fleet; guarded by the machine's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FleetView {
    /// Of the last verdict; 0 before the first.
    pub(crate) epoch: u64,
    /// Whether the present override came from the fleet.
    pub(crate) has_forced: bool,
    /// Whether a verdict has opened the circuit, and it has not been closed since.
    pub(crate) has_opened: bool,
    /// When the last open epoch ends without the fleet; `None` where the fleet began it.
    pub(crate) own_end: Option<Timestamp>,
}

impl FleetView {
    /// Notes who began the open epoch that ends at `until`.
    pub(crate) fn note_opening(&mut self, reason: ChangeReason, until: Timestamp) {
        match reason {
            ChangeReason::Fleet => self.own_end = None,
            // It goes on with the epoch before the probes that are taken back.
            ChangeReason::LeaseOver => {}
            _ => self.own_end = Some(until),
        }
    }

    /// When the open epoch is to end if the fleet says `until`: what the fleet knows may be older
    /// than an epoch that the circuit began itself, and only prolongs that one.
    pub(super) fn end(&self, until: Timestamp) -> Timestamp {
        self.own_end.map_or(until, |own| until.max(own))
    }
}
