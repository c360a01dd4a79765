//! By when a circuit of a fleet hears from its link.

use std::time::Duration;

use crate::engine::time::Timestamp;

/// By when a circuit hears from its link, which may have no processor to say something in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkDeadline {
    pub(crate) at: Timestamp,
    /// For how long the circuit then stays open, once, so that the link can.
    pub(crate) grace: Duration,
    /// Whether it is the end of a lease: then it ends probes, too, and not only keeps them from beginning.
    pub(crate) ends_lease: bool,
}

impl LinkDeadline {
    pub(crate) fn is_missed(&self, now: Timestamp) -> bool {
        self.at <= now
    }
}
