//! Changes of state, as listeners are to receive them.

use std::time::Duration;

use tower_circuit_breaker::{ChangeReason, CircuitEvent, CircuitState};

/// What matters of a change of state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub from: CircuitState,
    pub to: CircuitState,
    pub reason: ChangeReason,
    /// The epoch that began.
    pub epoch: u64,
    /// How long the old state lasted.
    pub lasted: Duration,
    /// How long it opens for, if it does and that has an end.
    pub open_for: Option<Duration>,
}

impl Change {
    /// The change of state that a listener received, if it was one.
    pub fn told(event: &CircuitEvent) -> Option<Self> {
        match event {
            CircuitEvent::StateChanged { from, to, reason, epoch, lasted, open_for, .. } => {
                let (from, to, reason, epoch) = (*from, *to, *reason, *epoch);
                Some(Self { from, to, reason, epoch, lasted: *lasted, open_for: *open_for })
            }
            _ => None,
        }
    }

    /// Whether it is no rule's, probe's or command's doing: a circuit goes on from an earlier
    /// process, or somebody else than its calls speaks for the upstream.
    pub fn is_from_outside(&self) -> bool {
        matches!(
            self.reason,
            ChangeReason::HealthProbe
                | ChangeReason::Restored
                | ChangeReason::Fleet
                | ChangeReason::LeaseOver
        )
    }
}
