//! Where the listeners of a circuit are kept: made when they are first needed, for most circuits of
//! a large registry have none, and change seldom.

use crate::engine::time::Timestamp;
use crate::events::event::Interest;
use crate::events::event::{CircuitEvent, ListenerFaults};
use crate::events::handle::ListenerId;
use crate::events::history::RecentEvent;
use crate::events::listeners::Listeners;
use crate::sync::OnceLock;

/// The listeners of one circuit, once there is a listener, a subscription or a change.
///
/// Who asks without making them finds none only if nothing was told before: the listener that an
/// event is for, and the change that is to be delivered, have made them.
#[derive(Debug, Default)]
pub(crate) struct ListenersSlot(OnceLock<Box<Listeners>>);

impl ListenersSlot {
    pub(crate) fn make(&self) -> &Listeners {
        self.0.get_or_init(|| Box::new(Listeners::new()))
    }

    /// As [`Listeners::remove`].
    pub(crate) fn remove(&self, id: &ListenerId, publish: impl FnOnce(Interest)) -> bool {
        self.made().is_some_and(|listeners| listeners.remove(id, publish))
    }

    /// As [`Listeners::put_presence`].
    pub(crate) fn put_presence(&self, id: &ListenerId, removed: impl FnOnce() -> CircuitEvent) {
        if let Some(listeners) = self.made() {
            listeners.put_presence(id, removed);
        }
    }

    /// As [`Listeners::attend`].
    pub(crate) fn attend(&self) {
        if let Some(listeners) = self.made() {
            listeners.attend();
        }
    }

    /// As [`Listeners::tell_now`].
    pub(crate) fn tell_now(&self, event: &CircuitEvent) {
        if let Some(listeners) = self.made() {
            listeners.tell_now(event);
        }
    }

    /// The last changes.
    pub(crate) fn recent(&self, now: Timestamp) -> Vec<RecentEvent> {
        self.made().map_or_else(Vec::new, |listeners| listeners.history().recent(now))
    }

    pub(crate) fn faults(&self) -> ListenerFaults {
        self.made().map_or_else(ListenerFaults::default, Listeners::faults)
    }

    fn made(&self) -> Option<&Listeners> {
        self.0.get().map(|listeners| &**listeners)
    }
}
