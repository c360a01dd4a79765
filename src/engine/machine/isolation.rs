//! Isolation: a circuit is forced open while any handle isolates it, whatever its own override.

use crate::engine::change::{Change, ChangeReason};
use crate::engine::machine::Machine;
use crate::engine::machine::effect::Effect;
use crate::engine::machine::isolator::{IsolationRecord, Isolator};
use crate::engine::record::extras::RareReason;
use crate::engine::state::Override;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

#[cfg(all(test, breaker_loom))]
mod races;

impl Machine {
    /// Adds an isolation, and forces the circuit open; `None` when it is forced open already.
    pub(crate) fn isolate(&self, by: &Arc<Isolator>, now: Timestamp) -> Option<Change> {
        let mut control = self.lock();
        let forced = self.extras().rejections(RareReason::ForcedOpen);
        control.isolate(IsolationRecord { by: Arc::clone(by), since: now }, forced);
        if self.word().overridden() == Some(Override::ForcedOpen) {
            self.publish_with_end(&mut control, self.word());
            return None;
        }
        let own = control.own_override();
        Some(self.impose(&mut control, own, ChangeReason::Operator, now))
    }

    /// Takes one [`isolate`](Self::isolate) back. After the last one the circuit's own override
    /// holds again; where that is forced open, it may end sooner than the isolation said.
    pub(crate) fn end_isolation(&self, by: &Arc<Isolator>, now: Timestamp) -> Effect {
        let mut control = self.lock();
        control.end_isolation(by, self.extras().rejections(RareReason::ForcedOpen));
        if control.is_isolated() {
            return Effect::Nothing;
        }
        let own = control.own_override();
        if own.is_some_and(|own| own.overridden == Override::ForcedOpen) {
            let before = self.override_ends();
            self.publish_with_end(&mut control, self.word());
            let is_sooner = self.override_ends() < before;
            return if is_sooner { Effect::EndsSooner } else { Effect::Nothing };
        }
        Effect::changed(self.impose(&mut control, own, ChangeReason::Operator, now))
    }
}
