//! The commands of operators.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::Machine;
use crate::engine::machine::control::Control;
use crate::engine::machine::control::open_times::OpenTime;
use crate::engine::machine::open_cap::OpenCounter;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Tag, Word};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

impl Machine {
    /// Opens the circuit for `open_for`, or for the time of the backoff. An override stays.
    pub(crate) fn trip(&self, open_for: Option<Duration>, now: Timestamp) -> Change {
        let mut control = self.lock();
        match self.word().overridden() {
            Some(Override::ForcedOpen | Override::ForcedClosed) => {
                let overridden = control.own_override();
                self.impose(&mut control, overridden, ChangeReason::Operator, now)
            }
            Some(Override::Observing) | None => {
                let open_time = open_for.map_or(OpenTime::Backoff, OpenTime::Given);
                self.open(&mut control, ChangeReason::Operator, open_time, now)
            }
        }
    }

    /// Closes the circuit in any state, and clears all counts. An override stays.
    pub(crate) fn reset(&self, now: Timestamp) -> Change {
        let mut control = self.lock();
        let overridden = control.own_override();
        self.impose(&mut control, overridden, ChangeReason::Operator, now)
    }

    /// Forces the circuit open or closed until the override is dropped.
    pub(crate) fn force(&self, forced: Override, now: Timestamp) -> Change {
        let mut control = self.lock();
        let change = self.impose(&mut control, Some(forced), ChangeReason::Operator, now);
        // Also where the fleet had forced the same: from now on it is this operator's override.
        control.set_forced_by_fleet(false);
        change
    }

    /// The same machine, which nothing has changed yet, under `initial`, as if it had been made so.
    pub(crate) fn begin_under(self, initial: Override) -> Self {
        let (state, until) = match initial {
            Override::ForcedOpen => (CircuitState::Open, Timestamp::NEVER),
            Override::ForcedClosed | Override::Observing => (CircuitState::Closed, Timestamp::ZERO),
        };
        let epoch = self.word().epoch();
        let flags = self.look(|control| control.flags(0));
        self.set_until(until);
        // The control that is made of this word is under its override.
        self.publish(Word::new(state, Some(initial), flags, epoch));
        self
    }

    /// Admits all calls and goes on deciding; `None` when the circuit observes already.
    pub(crate) fn observe(&self, now: Timestamp) -> Option<Change> {
        let mut control = self.lock();
        let observing = Some(Override::Observing);
        let is_isolated = control.is_isolated();
        match control.own_override() {
            Some(Override::Observing) => None,
            Some(Override::ForcedOpen | Override::ForcedClosed) => {
                Some(self.impose(&mut control, observing, ChangeReason::Operator, now))
            }
            None if is_isolated => {
                Some(self.impose(&mut control, observing, ChangeReason::Operator, now))
            }
            None => Some(self.override_with(&mut control, observing, now)),
        }
    }

    /// Drops the override, and starts closed; `None` when there is none.
    pub(crate) fn release(&self, now: Timestamp) -> Option<Change> {
        let mut control = self.lock();
        control.own_override().map(|_| self.impose(&mut control, None, ChangeReason::Operator, now))
    }

    /// Begins a new epoch under `settings`; `None` when they are the present ones.
    pub(crate) fn reconfigure(&self, settings: Settings, now: Timestamp) -> Option<Change> {
        let settings = Arc::new(settings);
        let are_present = |control: &Control| *control.settings() == settings;
        // First without a control of its own: nearly every reload of a file changes nothing.
        if self.look(are_present) {
            return None;
        }
        let mut control = self.lock();
        if are_present(&control) {
            return None;
        }
        Some(self.renew(&mut control, settings, now))
    }

    /// The present settings.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.look(|control| Arc::clone(control.settings()))
    }

    /// Counts the circuit among the open members of a group whenever it is open.
    pub(crate) fn join(&self, places: &Arc<OpenCounter>) {
        let mut control = self.lock();
        control.join(places, self.word());
    }

    /// Takes [`join`](Self::join) back.
    pub(crate) fn leave(&self, places: &Arc<OpenCounter>) {
        self.lock().leave(places);
    }

    /// Sets which events listeners are interested in, as [`Word::interest`] has it.
    pub(crate) fn set_interest(&self, interest: u64) {
        self.look(|control| {
            let (old, flags) = (self.word(), control.flags(interest));
            self.publish(Word::new(old.state(), old.overridden(), flags, old.epoch()));
        });
    }

    /// The same epoch under another override.
    pub(crate) fn override_with(
        &self,
        control: &mut Control,
        overridden: Option<Override>,
        now: Timestamp,
    ) -> Change {
        let old = self.word();
        let word = Word::new(old.state(), overridden, control.flags(old.interest()), old.epoch());
        control.set_override(overridden);
        self.publish(word);
        control.update_places(word);
        Change {
            number: control.next_number(),
            at: now,
            epoch: old.epoch(),
            fleet_epoch: control.fleet().epoch(),
            from: Standing { state: old.state(), overridden: old.overridden() },
            to: Standing { state: old.state(), overridden },
            reason: ChangeReason::Operator,
            window: self.recorder().counts(Tag::of(old.epoch()), now),
            open_for: None,
            lasted: control.time_in_state(now),
            down_for: None,
        }
    }
}
