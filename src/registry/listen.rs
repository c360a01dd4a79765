//! Listeners of all circuits of a registry.

use crate::circuit::Circuit;
use crate::events::event::{CircuitEvent, Interest, Listener};
use crate::events::handle::{ListenerHandle, ListenerId};
use crate::registry::{CircuitRegistry, Entries};
use crate::sync::{Arc, write};

/// A listener of all circuits.
#[derive(Clone)]
pub(super) struct OfAll {
    id: ListenerId,
    listener: Arc<dyn Listener>,
    /// Asked once, so that no user code runs under the lock.
    interest: Interest,
    is_log: bool,
}

impl CircuitRegistry {
    /// Adds a listener to every circuit, present and future.
    ///
    /// It receives each circuit's events in their order; see [`Listener`]. The handle
    /// [removes](ListenerHandle::remove) it from all circuits of the registry.
    pub fn on_event(&self, listener: impl Listener) -> ListenerHandle {
        let (interest, is_log) = (listener.interest(), listener.is_log());
        let id = ListenerId::new();
        let listener = OfAll { id: id.clone(), listener: Arc::new(listener), interest, is_log };
        let circuits = write(&self.shared.entries).listen(listener);
        // After the lock, as all user code.
        circuits.iter().for_each(|circuit| circuit.tell_presence(None));
        let registry = Arc::downgrade(&self.shared);
        ListenerHandle::new(move || {
            let shared = registry.upgrade();
            shared.is_some_and(|shared| Self { shared }.remove_listener(&id))
        })
    }

    fn remove_listener(&self, id: &ListenerId) -> bool {
        let mut entries = write(&self.shared.entries);
        let place = entries.listeners.iter().position(|listener| listener.id.is(id));
        let removed = place.map(|place| entries.listeners.remove(place));
        let circuits: Vec<_> = entries.all().cloned().collect();
        // After the lock: the drop of a listener is user code.
        drop(entries);
        for circuit in circuits {
            circuit.remove_listener(id);
        }
        removed.is_some()
    }
}

impl Entries {
    /// Adds a listener to the circuits that are here, and returns those that have something to
    /// tell it.
    fn listen(&mut self, listener: OfAll) -> Vec<Circuit> {
        for circuit in self.all() {
            listener.add_to(circuit, None);
        }
        let is_told = listener.interest.contains(Interest::PRESENCE);
        self.listeners.push(listener);
        self.all().filter(|_| is_told).cloned().collect()
    }
}

impl OfAll {
    pub(super) fn add_to(&self, circuit: &Circuit, replaces: Option<&Circuit>) {
        let replaces = replaces.map(Circuit::shared_name);
        circuit.add_listener(self.id.clone(), Box::new(self.clone()), replaces);
    }

    pub(super) fn put_removed(&self, circuit: &Circuit) {
        if self.interest.contains(Interest::PRESENCE) {
            circuit.put_removed(&self.id);
        }
    }
}

impl Listener for OfAll {
    fn on_event(&self, event: &CircuitEvent) {
        self.listener.on_event(event);
    }

    fn interest(&self) -> Interest {
        self.interest
    }

    fn is_log(&self) -> bool {
        self.is_log
    }
}
