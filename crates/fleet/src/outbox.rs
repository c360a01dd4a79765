//! What circuits have done since the task last looked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tower_circuit_breaker::{ChangeReason, CircuitEvent, CircuitState, Listener};

use crate::lock::lock;

/// The last change of each circuit; as many as there are circuits at most.
#[derive(Debug)]
pub struct Outbox {
    /// `None` once nobody takes them any longer.
    changes: Mutex<Option<HashMap<Arc<str>, LocalChange>>>,
    filled: Notify,
}

/// A change of a circuit of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalChange {
    pub from: CircuitState,
    pub to: CircuitState,
    pub reason: ChangeReason,
    /// Zero where it is not known.
    pub open_for: Duration,
    /// The fleet's epoch that the circuit went by.
    pub fleet_epoch: u64,
}

/// Puts changes into an outbox.
#[derive(Debug)]
pub struct OutboxListener(pub Arc<Outbox>);

impl Default for Outbox {
    fn default() -> Self {
        Self { changes: Mutex::new(Some(HashMap::new())), filled: Notify::new() }
    }
}

impl Outbox {
    /// Takes what there is.
    pub fn take(&self) -> HashMap<Arc<str>, LocalChange> {
        lock(&self.changes).as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes no more.
    pub fn close(&self) {
        let left = lock(&self.changes).take();
        drop(left);
    }

    /// Waits until there is something. Cancel safe.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    fn put(&self, circuit: &Arc<str>, change: LocalChange) {
        if let Some(changes) = lock(&self.changes).as_mut() {
            changes.insert(Arc::clone(circuit), change);
        }
        self.filled.notify_one();
    }
}

impl Listener for OutboxListener {
    fn on_event(&self, event: &CircuitEvent) {
        if let CircuitEvent::StateChanged {
            circuit, from, to, reason, open_for, fleet_epoch, ..
        } = event
        {
            // A probe is no news; what the fleet did it knows; and what was before a restart is over.
            let is_told = matches!(
                reason,
                ChangeReason::Fleet | ChangeReason::LeaseOver | ChangeReason::Restored
            );
            if is_told || *to == CircuitState::HalfOpen {
                return;
            }
            let change = LocalChange {
                from: *from,
                to: *to,
                reason: *reason,
                open_for: open_for.unwrap_or_default(),
                fleet_epoch: *fleet_epoch,
            };
            self.0.put(circuit, change);
        }
    }
}

#[cfg(test)]
mod tests;
