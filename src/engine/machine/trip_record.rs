//! The last trip of a circuit.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::time::Timestamp;
use crate::engine::window::counts::WindowCounts;

/// The last trip of a circuit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TripRecord {
    pub(crate) reason: ChangeReason,
    pub(crate) at: Timestamp,
    pub(crate) open_for: Duration,
    pub(crate) window: WindowCounts,
}
