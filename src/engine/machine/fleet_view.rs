//! What a circuit knows about its fleet.

use crate::engine::change::ChangeReason;
use crate::engine::time::Timestamp;

/// What a circuit knows about its fleet; guarded by the machine's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FleetView {
    /// The epoch of the last verdict; 0 before the first.
    pub(crate) epoch: u64,
    /// Whether the present override came from the fleet.
    pub(crate) has_forced: bool,
    /// Whether a verdict has opened the circuit, and it has not been closed since.
    pub(crate) has_opened: bool,
    /// When the last open epoch ends without the fleet; `None` where the fleet began it.
    pub(crate) own_end: Option<Timestamp>,
}

impl FleetView {
    /// Notes whether the fleet began the open epoch that ends at `until`.
    pub(crate) fn note_opening(&mut self, reason: ChangeReason, until: Timestamp) {
        match reason {
            ChangeReason::Fleet => self.own_end = None,
            // Continues the open epoch from before the probes that are recalled.
            ChangeReason::LeaseOver => {}
            _ => self.own_end = Some(until),
        }
    }

    /// When the open epoch is to end if the fleet says `until`. The fleet's verdict may be older
    /// than an open epoch that the circuit began itself, and then only extends it.
    pub(super) fn end(&self, until: Timestamp) -> Timestamp {
        self.own_end.map_or(until, |own| until.max(own))
    }
}
