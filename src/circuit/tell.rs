//! Telling of changes, calls and rejections: wakers first, then listeners.

use std::time::Duration;

use crate::circuit::Circuit;
#[cfg(feature = "tracing")]
use crate::circuit::Marks;
use crate::engine::change::Change;
use crate::engine::machine::effect::{CountedAs, Effect, Judged};
use crate::engine::state::Word;
use crate::error::Rejected;
use crate::events::event::CircuitEvent;
use crate::events::listeners::MakeLog;
use crate::sync::Arc;
#[cfg(feature = "tracing")]
use crate::tracing::TracingListener;

impl Circuit {
    /// Delivers the events of a call that changed something for others.
    #[inline(never)]
    pub(super) fn tell_end(&self, judged: &mut Judged) {
        // Listeners of calls are user code, and may panic or not return: the change is deposited
        // first.
        let effect = std::mem::replace(&mut judged.effect, Effect::Nothing);
        let change = match effect {
            Effect::Changed(change) => Some(self.deposit(*change)),
            effect => {
                self.tell_effect(effect);
                None
            }
        };
        if self.core.machine.word().has(Word::CALL_EVENTS | Word::LATENCY) {
            self.tell_call(judged.counted, judged.elapsed);
        }
        if let Some(change) = change {
            self.attend(&change);
        }
    }

    #[inline(never)]
    pub(super) fn tell_rejection(&self, rejected: &Rejected) {
        self.core.listeners.tell_now(&CircuitEvent::Rejected {
            circuit: Arc::clone(rejected.name()),
            reason: rejected.reason(),
            retry_after: rejected.retry_after(),
        });
    }

    /// Keeps how long a call took, and delivers its event, as far as that is asked for.
    #[inline(never)]
    pub(super) fn tell_call(&self, counted: CountedAs, elapsed: Option<Duration>) {
        self.core.machine.keep_latency(counted, elapsed);
        if !self.core.machine.word().has(Word::CALL_EVENTS) {
            return;
        }
        let circuit = Arc::clone(self.core.name.text());
        let event = match counted {
            CountedAs::Success => CircuitEvent::Succeeded { circuit, elapsed },
            CountedAs::Failure(kind) => CircuitEvent::Failed { circuit, kind, elapsed },
            CountedAs::NotSent => CircuitEvent::NotSent { circuit, elapsed },
            CountedAs::Ignored | CountedAs::Abandoned | CountedAs::Stale => return,
        };
        self.core.listeners.tell_now(&event);
    }

    #[inline]
    pub(crate) fn tell_if(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.tell(change);
        }
    }

    /// Delivers that the circuit has come or gone, with the change that came of it, if any.
    pub(crate) fn tell_presence(&self, change: Option<Change>) {
        match change {
            Some(change) => self.tell(change),
            None => self.core.listeners.attend(),
        }
    }

    /// Wakes waiting tasks and delivers the change to listeners, in the order of the changes.
    #[inline(never)]
    pub(super) fn tell(&self, change: Change) {
        let change = self.deposit(change);
        self.attend(&change);
    }

    /// Puts a change into history and inboxes, in its turn. No user code runs before: whatever
    /// clocks, wakers and listeners do, no later change waits for this one.
    pub(super) fn deposit(&self, change: Change) -> Change {
        let events = self.events(&change);
        self.core.listeners.make().deposit(change.number, events, change.at, self.log());
        change
    }

    /// What makes the listener that logs the changes of this circuit.
    #[cfg(feature = "tracing")]
    fn log(&self) -> Option<MakeLog> {
        let log: MakeLog = || Box::new(TracingListener::new());
        (!self.core.marks.has(Marks::QUIET)).then_some(log)
    }

    #[cfg(not(feature = "tracing"))]
    #[expect(clippy::unused_self, reason = "a circuit without the feature logs nothing")]
    const fn log(&self) -> Option<MakeLog> {
        None
    }

    /// Wakes the tasks that wait for a change that was deposited, and delivers it to listeners.
    pub(super) fn attend(&self, change: &Change) {
        self.wake_after(change);
        self.core.listeners.attend();
    }

    #[inline(never)]
    pub(super) fn tell_effect(&self, effect: Effect) {
        match effect {
            Effect::Nothing => {}
            // One task is enough: it asks again, and so learns of a new deadline, too.
            Effect::SlotFreed | Effect::EndsSooner => self.core.wakers.wake_next(),
            Effect::Changed(change) => self.tell(*change),
        }
    }

    pub(super) fn events(&self, change: &Change) -> Vec<CircuitEvent> {
        let circuit = self.core.name.text();
        let state = (change.from.state != change.to.state).then(|| CircuitEvent::StateChanged {
            circuit: Arc::clone(circuit),
            from: change.from.state,
            to: change.to.state,
            reason: change.reason,
            epoch: change.epoch,
            fleet_epoch: change.fleet_epoch,
            window: change.window,
            lasted: change.lasted,
            down_for: change.down_for,
            open_for: change.open_for,
            failures_in_a_row: change.failures_in_a_row,
        });
        let overridden =
            (change.from.overridden != change.to.overridden).then(|| CircuitEvent::Overridden {
                circuit: Arc::clone(circuit),
                from: change.from.overridden,
                to: change.to.overridden,
                reason: change.reason,
                epoch: change.epoch,
            });
        let renewed = (change.from == change.to).then(|| CircuitEvent::Renewed {
            circuit: Arc::clone(circuit),
            state: change.to.state,
            reason: change.reason,
            epoch: change.epoch,
            fleet_epoch: change.fleet_epoch,
            window: change.window,
            open_for: change.open_for,
        });
        state.into_iter().chain(overridden).chain(renewed).collect()
    }
}
