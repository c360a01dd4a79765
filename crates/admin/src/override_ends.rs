//! Overrides that end by themselves: in time, and written into the audit.
//!
//! Their ends belong to the circuits, which notice them when they are called or looked at. The task
//! here does not decide; it looks, so that listeners are told in time though nobody calls.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use tower_circuit_breaker::{
    ChangeReason, CircuitEvent, CircuitRegistry, Listener, ListenerHandle, Override,
};

use crate::audit::{Audit, AuditEntry};
use crate::command::Command;
use crate::sync::lock;

/// Looks at the circuits of a registry when an override is to end, while there is one that will.
#[derive(Debug)]
pub(crate) struct OverrideEnds {
    registry: CircuitRegistry,
    is_watched: Mutex<bool>,
    /// There may be an earlier end to wait for.
    changed: Notify,
}

impl OverrideEnds {
    pub(crate) fn new(registry: CircuitRegistry) -> Self {
        Self { registry, is_watched: Mutex::new(false), changed: Notify::new() }
    }

    /// An override with an end was imposed.
    pub(crate) fn watch(self: &Arc<Self>) {
        let is_watched = std::mem::replace(&mut *lock(&self.is_watched), true);
        if !is_watched {
            // Not under the lock: a runtime that ends drops the task at once.
            tokio::spawn(look_in_time(Watcher { ends: Arc::clone(self), has_left: false }));
        }
        self.changed.notify_one();
    }

    /// Ends what is over, and gives how long the next override lasts, whoever imposed it.
    fn look(&self) -> Option<Duration> {
        let circuits = self.registry.circuits();
        circuits.iter().filter_map(|circuit| circuit.operators_override()?.ends_in).min()
    }
}

async fn look_in_time(mut watcher: Watcher) {
    while let Some(left) = watcher.look() {
        // Either way there is something to look at. The circuits' clocks may not be tokio's.
        let _ = timeout(left.max(SOON), watcher.ends.changed.notified()).await;
    }
}

/// Goes with the task, and that with its runtime: then the next override has a task of its own.
struct Watcher {
    ends: Arc<OverrideEnds>,
    has_left: bool,
}

impl Watcher {
    fn look(&mut self) -> Option<Duration> {
        if let Some(left) = self.ends.look() {
            return Some(left);
        }
        *lock(&self.ends.is_watched) = false;
        self.has_left = true;
        // One that was imposed in between has found the watch on, and started none.
        let left = self.ends.look()?;
        let is_watched = std::mem::replace(&mut *lock(&self.ends.is_watched), true);
        self.has_left = is_watched;
        (!is_watched).then_some(left)
    }
}

impl Drop for Watcher {
    // Cannot panic: it sets a flag.
    fn drop(&mut self) {
        if !self.has_left {
            *lock(&self.ends.is_watched) = false;
        }
    }
}

/// Writes the ends of overrides into an audit, until it is dropped.
#[derive(Debug)]
pub(crate) struct EndsWritten(ListenerHandle);

struct Writer(Weak<Audit>);

impl EndsWritten {
    pub(crate) fn new(registry: &CircuitRegistry, audit: &Arc<Audit>) -> Self {
        Self(registry.on_event(Writer(Arc::downgrade(audit))))
    }
}

impl Drop for EndsWritten {
    // Cannot panic: it removes a listener.
    fn drop(&mut self) {
        self.0.remove();
    }
}

impl Listener for Writer {
    fn on_event(&self, event: &CircuitEvent) {
        let (circuit, ended) = match event {
            CircuitEvent::Overridden {
                circuit, from, reason: ChangeReason::OverrideOver, ..
            } => (circuit, from.map_or("its override", Override::as_str)),
            // Beneath an isolation.
            CircuitEvent::Renewed { circuit, reason: ChangeReason::OverrideOver, .. } => {
                (circuit, "its override")
            }
            _ => return,
        };
        if let Some(audit) = self.0.upgrade() {
            let mut entry = AuditEntry::now(Command::Release.as_str(), Some(circuit));
            entry.actor = Some("expiry".to_owned());
            entry.actor_checked = true;
            entry.reason = Some(format!("the time of {ended} was over"));
            audit.write(entry);
        }
    }
}

/// The shortest time between two looks.
const SOON: Duration = Duration::from_millis(10);
