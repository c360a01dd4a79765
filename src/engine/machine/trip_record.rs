//! The last trip of a circuit.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::FailureKind;
use crate::engine::rules::settings::Settings;
use crate::engine::time::Timestamp;
use crate::engine::window::counts::WindowCounts;
use crate::sync::Arc;

/// The last change from closed to open, or command of an operator to open.
#[derive(Debug, Clone)]
pub(crate) struct TripRecord {
    pub(crate) reason: ChangeReason,
    /// The kind of the failure that did it, where one did.
    pub(crate) kind: Option<FailureKind>,
    pub(crate) at: Timestamp,
    pub(crate) open_for: Duration,
    pub(crate) window: WindowCounts,
    /// How many calls were stalled.
    pub(crate) stalled_calls: u64,
    /// The settings that held.
    pub(crate) settings: Arc<Settings>,
}
