//! The state of a circuit that outlives its process: export and restore.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::Machine;
use crate::engine::machine::control::Control;
use crate::engine::machine::control::open_times::OpenTime;
use crate::engine::machine::own_override::OverrideWords;
use crate::engine::state::{CircuitState, Override};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// A circuit without its window and its counts. Durations only, since no clock outlives its
/// process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SavedState {
    pub(crate) state: CircuitState,
    pub(crate) overridden: Option<Override>,
    /// Until the override ends; `None` where it has no end.
    pub(crate) override_left: Option<Duration>,
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
        override_left: None,
        left: Duration::ZERO,
        open_for: Duration::ZERO,
        step: None,
    };

    /// The saved state of an isolated circuit: only the operators' override.
    fn said(overridden: Option<Override>, override_left: Option<Duration>) -> Self {
        let is_open = overridden == Some(Override::ForcedOpen);
        let state = if is_open { CircuitState::Open } else { CircuitState::Closed };
        Self { state, overridden, override_left, ..Self::CLOSED }
    }

    /// Whether restoring it changes nothing.
    fn is_blank(self) -> bool {
        self.state == CircuitState::Closed && self.overridden.is_none() && self.step.is_none()
    }

    /// The same state after `time` has passed. An override that has ended meanwhile leaves a closed
    /// circuit, as it does where the process goes on.
    pub(crate) fn after(self, time: Duration) -> Self {
        let override_left = self.override_left.map(|left| left.saturating_sub(time));
        if self.overridden.is_some() && override_left.is_some_and(|left| left.is_zero()) {
            return Self::CLOSED;
        }
        Self { left: self.left.saturating_sub(time), override_left, ..self }
    }

    /// The same state without the override: a circuit that was forced starts closed, as after a
    /// release.
    pub(crate) fn released(self) -> Self {
        match self.overridden {
            Some(Override::ForcedOpen | Override::ForcedClosed) => Self::CLOSED,
            Some(Override::Observing) | None => {
                Self { overridden: None, override_left: None, ..self }
            }
        }
    }
}

impl Machine {
    /// The state to save. An override by the fleet is not saved: the fleet will impose it again.
    pub(crate) fn export(&self, now: Timestamp) -> (SavedState, Option<Arc<OverrideWords>>) {
        self.look(|control| {
            let saved = self.export_under(control, now);
            (saved, control.said().cloned().filter(|_| saved.overridden.is_some()))
        })
    }

    /// The same with the lock held.
    fn export_under(&self, control: &Control, now: Timestamp) -> SavedState {
        let word = self.word();
        let own = control.own_override();
        if own.is_some_and(|own| own.by_fleet) {
            return SavedState::CLOSED;
        }
        let overridden = own.map(|own| own.overridden);
        let override_left = own.and_then(|own| own.left(now));
        if control.is_isolated() {
            return SavedState::said(overridden, override_left);
        }
        let (open_for, step) = (control.backoff().0, control.step());
        let left = match word.state() {
            _ if word.is_forced() => Duration::ZERO,
            CircuitState::Closed => control.left_to_recover(now),
            CircuitState::Open => self.until().since(now),
            CircuitState::HalfOpen => Duration::ZERO,
        };
        SavedState { state: word.state(), overridden, override_left, left, open_for, step }
    }

    /// Restores `memory`, if nothing has changed the circuit yet; an override that it was made with
    /// stays unless another was saved. A half-open circuit, whose probes
    /// are lost, is restored as open, and the next call probes.
    ///
    /// No open time is longer than the settings could have made it: the state may come from a file.
    pub(crate) fn restore(
        &self,
        memory: SavedState,
        words: Option<Arc<OverrideWords>>,
        now: Timestamp,
    ) -> Option<Change> {
        if memory.is_blank() {
            return None;
        }
        let mut control = self.lock();
        if control.has_changed() {
            return None;
        }
        let longest = control.settings().longest_open_time();
        let (open_for, open_left) = (memory.open_for.min(longest), memory.left.min(longest));
        let reason = ChangeReason::Restored;
        let initial = control.own_override();
        let left = memory.override_left;
        let saved = memory.overridden.map(|it| control.next_override(it, now).lasting(left));
        if let (Some(saved), Some(words)) = (saved, words) {
            control.say(saved.serial, words);
        }
        let own = saved.or(initial);
        let change = match (own.map(|own| own.overridden), memory.state) {
            (Some(Override::ForcedOpen | Override::ForcedClosed), _) => {
                return saved.map(|_| self.impose(&mut control, saved, reason, now));
            }
            (_, CircuitState::Closed) if own == initial => None,
            (_, CircuitState::Closed) if initial.is_some() => {
                Some(self.impose(&mut control, own, reason, now))
            }
            (_, CircuitState::Closed) => Some(self.override_with(&mut control, own, reason, now)),
            (observing, CircuitState::Open | CircuitState::HalfOpen) => {
                control.set_override(own);
                let to = Standing { state: CircuitState::Open, overridden: observing };
                let open_time = OpenTime::Left { of: open_for, left: open_left };
                Some(self.open_as(&mut control, to, reason, open_time, now))
            }
        };
        if let Some(step) = memory.step {
            // A closed circuit was closed for a while: only the rest of the time is still to come.
            let is_closed = memory.state == CircuitState::Closed;
            control.set_backoff((if is_closed { open_left } else { open_for }, step));
        }
        change
    }
}
