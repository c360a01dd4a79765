//! Isolation: a circuit is forced open while any handle isolates it, whatever its own override.

use crate::engine::change::{Change, ChangeReason};
use crate::engine::machine::Machine;
use crate::engine::state::Override;
use crate::engine::time::Timestamp;

#[cfg(all(test, breaker_loom))]
mod races;

impl Machine {
    /// Adds an isolation, and forces the circuit open; `None` when it is forced open already.
    pub(crate) fn isolate(&self, now: Timestamp) -> Option<Change> {
        let mut control = self.lock();
        control.isolate();
        if self.word().overridden() == Some(Override::ForcedOpen) {
            self.publish_with_end(&mut control, self.word());
            return None;
        }
        let own = control.own_override();
        Some(self.impose(&mut control, own, ChangeReason::Operator, now))
    }

    /// Takes one [`isolate`](Self::isolate) back. After the last one the circuit's own override
    /// holds again; `None` when that is forced open.
    pub(crate) fn end_isolation(&self, now: Timestamp) -> Option<Change> {
        let mut control = self.lock();
        control.end_isolation();
        if control.is_isolated() {
            return None;
        }
        let own = control.own_override();
        if own.is_some_and(|own| own.overridden == Override::ForcedOpen) {
            self.publish_with_end(&mut control, self.word());
            return None;
        }
        Some(self.impose(&mut control, own, ChangeReason::Operator, now))
    }
}
