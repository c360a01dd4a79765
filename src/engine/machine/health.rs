//! What a health probe, which watches the upstream, does to an open circuit.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason};
use crate::engine::machine::Machine;
use crate::engine::machine::effect::Effect;
use crate::engine::state::CircuitState;
use crate::engine::time::Timestamp;

/// An open epoch, as a health probe sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenEpoch {
    pub(crate) epoch: u64,
    /// How long the upstream is not to be asked, because it or an operator said so.
    pub(crate) leave_alone: Duration,
}

impl Machine {
    /// The present epoch, if it is open and not forced.
    pub(crate) fn open_epoch(&self, now: Timestamp) -> Option<OpenEpoch> {
        let control = self.lock();
        let word = self.word();
        if word.state() != CircuitState::Open || word.is_forced() {
            return None;
        }
        let left = self.until().since(now);
        let leave_alone = if control.is_ordered() { left } else { Duration::ZERO };
        Some(OpenEpoch { epoch: word.epoch(), leave_alone })
    }

    /// Lets the open epoch of this number, if it still lasts, end `left` from now; with zero, the
    /// next call is a probe.
    pub(crate) fn extend_open(&self, epoch: u64, left: Duration, now: Timestamp) -> Effect {
        let mut control = self.lock();
        if !self.is_open_in(epoch) {
            return Effect::Nothing;
        }
        let until = now.after(left);
        control.set_own_end(until);
        self.reschedule(until)
    }

    /// `Open` => `Closed`: a health probe found the upstream well. Only in the epoch of this
    /// number.
    pub(crate) fn close_after_probe(&self, epoch: u64, now: Timestamp) -> Option<Change> {
        let mut control = self.lock();
        self.is_open_in(epoch).then(|| self.close(&mut control, ChangeReason::HealthProbe, now))
    }

    /// Whether `epoch` is the present one, open, and not forced. The lock is held.
    fn is_open_in(&self, epoch: u64) -> bool {
        let word = self.word();
        word.epoch() == epoch && word.state() == CircuitState::Open && !word.is_forced()
    }
}
