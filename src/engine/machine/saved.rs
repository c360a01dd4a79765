//! The state of a circuit that outlives its process: export and restore.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::Machine;
use crate::engine::machine::control::Control;
use crate::engine::machine::control::open_times::OpenTime;
use crate::engine::state::{CircuitState, Override};
use crate::engine::time::Timestamp;

/// A circuit without its window and its counts. Durations only, since no clock outlives its
/// process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SavedState {
    pub(crate) state: CircuitState,
    pub(crate) overridden: Option<Override>,
    /// Open: until a probe may go. Closed: until the backoff starts over.
    pub(crate) left: Duration,
    /// The last open time.
    pub(crate) open_for: Duration,
    /// The backoff step of the last open epoch; `None` before the first and after a reset.
    pub(crate) step: Option<u32>,
}

impl SavedState {
    /// A circuit with nothing to save.
    const CLOSED: Self = Self {
        state: CircuitState::Closed,
        overridden: None,
        left: Duration::ZERO,
        open_for: Duration::ZERO,
        step: None,
    };

    /// The saved state of an isolated circuit: only the operators' override.
    fn said(overridden: Option<Override>) -> Self {
        let is_open = overridden == Some(Override::ForcedOpen);
        let state = if is_open { CircuitState::Open } else { CircuitState::Closed };
        Self { state, overridden, ..Self::CLOSED }
    }

    /// Whether restoring it changes nothing.
    fn is_blank(self) -> bool {
        self.state == CircuitState::Closed && self.overridden.is_none() && self.step.is_none()
    }

    /// The same state after `time` has passed.
    pub(crate) const fn after(self, time: Duration) -> Self {
        Self { left: self.left.saturating_sub(time), ..self }
    }

    /// The same state without the override: a circuit that was forced starts closed, as after a
    /// release.
    pub(crate) fn released(self) -> Self {
        match self.overridden {
            Some(Override::ForcedOpen | Override::ForcedClosed) => Self::CLOSED,
            Some(Override::Observing) | None => Self { overridden: None, ..self },
        }
    }
}

impl Machine {
    /// The state to save. An override by the fleet is not saved: the fleet will impose it again.
    pub(crate) fn export(&self, now: Timestamp) -> SavedState {
        self.look(|control| self.export_under(control, now))
    }

    /// The same with the lock held.
    fn export_under(&self, control: &Control, now: Timestamp) -> SavedState {
        let word = self.word();
        if control.fleet().has_forced() {
            return SavedState::CLOSED;
        }
        if control.is_isolated() {
            return SavedState::said(control.own_override());
        }
        let (open_for, step) = (control.backoff().0, control.step());
        let left = match word.state() {
            _ if word.is_forced() => Duration::ZERO,
            CircuitState::Closed => control.left_to_recover(now),
            CircuitState::Open => self.until().since(now),
            CircuitState::HalfOpen => Duration::ZERO,
        };
        SavedState { state: word.state(), overridden: word.overridden(), left, open_for, step }
    }

    /// Restores `memory`, if nothing has changed the circuit yet; an override that it was made with
    /// stays unless another was saved. A half-open circuit, whose probes
    /// are lost, is restored as open, and the next call probes.
    ///
    /// No open time is longer than the settings could have made it: the state may come from a file.
    pub(crate) fn restore(&self, memory: SavedState, now: Timestamp) -> Option<Change> {
        if memory.is_blank() {
            return None;
        }
        let mut control = self.lock();
        if control.has_changed() {
            return None;
        }
        let longest = control.settings().longest_open_time();
        let (open_for, left) = (memory.open_for.min(longest), memory.left.min(longest));
        let reason = ChangeReason::Restored;
        let initial = control.own_override();
        let change = match (memory.overridden.or(initial), memory.state) {
            (forced @ Some(Override::ForcedOpen | Override::ForcedClosed), _) => {
                let is_saved = memory.overridden.is_some();
                return is_saved.then(|| self.impose(&mut control, forced, reason, now));
            }
            (same, CircuitState::Closed) if same == initial => None,
            (observing, CircuitState::Closed) if initial.is_some() => {
                Some(self.impose(&mut control, observing, reason, now))
            }
            (observing, CircuitState::Closed) => {
                Some(self.override_with(&mut control, observing, now))
            }
            (observing, CircuitState::Open | CircuitState::HalfOpen) => {
                let to = Standing { state: CircuitState::Open, overridden: observing };
                let open_time = OpenTime::Left { of: open_for, left };
                Some(self.open_as(&mut control, to, reason, open_time, now))
            }
        };
        if let Some(step) = memory.step {
            // A closed circuit was closed for a while: only the rest of the time is still to come.
            let is_closed = memory.state == CircuitState::Closed;
            control.set_backoff((if is_closed { left } else { open_for }, step));
        }
        change
    }
}
