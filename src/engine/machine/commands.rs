//! The commands of operators.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::Machine;
use crate::engine::machine::control::Control;
use crate::engine::machine::control::open_times::OpenTime;
use crate::engine::machine::open_cap::OpenCounter;
use crate::engine::machine::own_override::{OrderedOverride, OverrideWords, OwnOverride};
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
                let own = control.own_override();
                self.impose(&mut control, own, ChangeReason::Operator, now)
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
        let own = control.own_override();
        self.impose(&mut control, own, ChangeReason::Operator, now)
    }

    /// Imposes an override; `None` where the circuit observes already, and neither has an end.
    pub(crate) fn order(&self, order: OrderedOverride, now: Timestamp) -> Option<Change> {
        let mut control = self.lock();
        let own = control.own_override();
        let next = control.next_override(order.overridden, now).lasting(order.lasting);
        let is_same = own.is_some_and(|own| {
            let both_observe = (own.overridden, next.overridden) == OBSERVING_ALREADY;
            both_observe && own.ends == next.ends && !own.by_fleet
        });
        if is_same && order.words.as_ref() == control.said() {
            return None;
        }
        if let Some(words) = order.words {
            control.say(next.serial, words);
        }
        // Also where the fleet had forced the same: from now on it is this operator's override.
        let was_forced = own.is_some_and(|own| own.overridden != Override::Observing);
        let keeps_state =
            order.overridden == Override::Observing && !control.is_isolated() && !was_forced;
        Some(if keeps_state {
            self.override_with(&mut control, Some(next), ChangeReason::Operator, now)
        } else {
            self.impose(&mut control, Some(next), ChangeReason::Operator, now)
        })
    }

    /// The same machine, which nothing has changed yet, under `initial`, as if it had been made so.
    pub(crate) fn begin_under(self, initial: Override) -> Self {
        let (state, until) = match initial {
            Override::ForcedOpen => (CircuitState::Open, Timestamp::NEVER),
            Override::ForcedClosed | Override::Observing => (CircuitState::Closed, Timestamp::ZERO),
        };
        let epoch = self.word().epoch();
        let flags = self.look(|control| control.flags(self.word().interest()));
        self.set_until(until);
        // The control that is made of this word is under its override.
        self.publish(Word::new(state, Some(initial), flags, epoch));
        self
    }

    /// Drops the override, and starts closed; `None` when there is none.
    pub(crate) fn release(&self, now: Timestamp) -> Option<Change> {
        let mut control = self.lock();
        control.own_override().map(|_| self.impose(&mut control, None, ChangeReason::Operator, now))
    }

    /// Drops the override if its end has come, and starts closed, as [`release`](Self::release)
    /// does. Whatever asks the circuit something asks for this first.
    pub(crate) fn end_override(&self, now: Timestamp) -> Option<Change> {
        // First without a control of its own: hardly any circuit has an override that ends.
        if !self.look(|control| control.is_override_over(now)) {
            return None;
        }
        let mut control = self.lock();
        // Another caller was faster, or an operator stepped in.
        let is_over = control.is_override_over(now);
        is_over.then(|| self.impose(&mut control, None, ChangeReason::OverrideOver, now))
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

    /// The operators' override and what was said of it, whatever isolates the circuit.
    pub(crate) fn own_override(&self) -> Option<(OwnOverride, Option<Arc<OverrideWords>>)> {
        self.look(|control| Some((control.own_override()?, control.said().cloned())))
    }

    /// Whether operators have changed the override that the circuit was made with, if `was_made_so`
    /// under one, or it is isolated. The clock is read where the override has an end.
    pub(crate) fn is_overridden_anew(
        &self,
        was_made_so: bool,
        now: impl FnOnce() -> Timestamp,
    ) -> bool {
        if self.word().overridden().is_none() {
            return was_made_so;
        }
        let (own, is_isolated) =
            self.look(|control| (control.own_override(), control.is_isolated()));
        let holds = own.filter(|own| own.ends == Timestamp::NEVER || !own.is_over(now()));
        is_isolated || holds.map_or(was_made_so, |own| own.serial != 0)
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

    /// Sets in which events listeners are interested, by the flags of a word.
    pub(crate) fn set_interest(&self, interest: u64) {
        self.look(|control| {
            let old = self.word();
            let flags = control.flags(interest | old.bits() & Word::LATENCY);
            self.publish(Word::new(old.state(), old.overridden(), flags, old.epoch()));
        });
    }

    /// The same epoch under another override.
    pub(crate) fn override_with(
        &self,
        control: &mut Control,
        own: Option<OwnOverride>,
        reason: ChangeReason,
        now: Timestamp,
    ) -> Change {
        let old = self.word();
        control.set_override(own);
        let overridden = own.map(|own| own.overridden);
        let word = Word::new(old.state(), overridden, control.flags(old.interest()), old.epoch());
        self.publish_with_end(control, word);
        control.update_places(word);
        Change {
            number: control.next_number(),
            at: now,
            epoch: old.epoch(),
            fleet_epoch: control.fleet().epoch(),
            from: Standing { state: old.state(), overridden: old.overridden() },
            to: Standing { state: old.state(), overridden },
            reason,
            window: self.recorder().counts(Tag::of(old.epoch()), now),
            open_for: None,
            lasted: control.time_in_state(now),
            down_for: None,
            failures_in_a_row: None,
        }
    }
}

const OBSERVING_ALREADY: (Override, Override) = (Override::Observing, Override::Observing);

/// As the models and tests of the machine give them.
#[cfg(test)]
impl Machine {
    pub(crate) fn force(
        &self,
        forced: Override,
        lasting: Option<Duration>,
        now: Timestamp,
    ) -> Change {
        let order = OrderedOverride { overridden: forced, lasting, words: None };
        self.order(order, now).expect("it forces")
    }

    #[cfg(not(breaker_loom))]
    pub(crate) fn observe(&self, lasting: Option<Duration>, now: Timestamp) -> Option<Change> {
        let order = OrderedOverride { overridden: Override::Observing, lasting, words: None };
        self.order(order, now)
    }
}
