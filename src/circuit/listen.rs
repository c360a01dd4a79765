//! Listeners and subscriptions of a circuit.

use crate::circuit::Circuit;
use crate::engine::state::Word;
use crate::events::event::{CircuitEvent, Interest, Listener};
use crate::events::handle::{ListenerHandle, ListenerId};
use crate::events::history::{RecentEvent, Subscription};
use crate::sync::Arc;

impl Circuit {
    /// Adds a listener, which receives the circuit's events from now on.
    ///
    /// A listener lives as long as the circuit, or until it is
    /// [removed](ListenerHandle::remove); one that holds a clone of its circuit keeps it alive.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, CircuitEvent};
    ///
    /// let circuit = Circuit::builder("api").build();
    /// circuit.on_event(|event: &CircuitEvent| {
    ///     if let CircuitEvent::StateChanged { circuit, from, to, reason, .. } = event {
    ///         eprintln!("{circuit}: {from} -> {to} ({reason})");
    ///     }
    /// });
    /// # circuit.trip();
    /// ```
    pub fn on_event(&self, listener: impl Listener) -> ListenerHandle {
        let id = ListenerId::new();
        self.add_listener(id.clone(), Box::new(listener), None);
        self.tell_presence(None);
        let circuit = self.downgrade();
        ListenerHandle::new(move || circuit.upgrade().is_some_and(|it| it.remove_listener(&id)))
    }

    /// Adds a listener, unless it is here already; that it was added is delivered by
    /// [`tell_presence`](Self::tell_presence). No user code runs but `interest` and `is_log`.
    pub(crate) fn add_listener(
        &self,
        id: ListenerId,
        listener: Box<dyn Listener>,
        replaces: Option<&Arc<str>>,
    ) {
        let added = || self.added(replaces);
        self.core.listeners.make().add(id, listener, added, |interest| self.set_interest(interest));
    }

    /// Has the listener receive that the circuit left its registry; delivered by
    /// [`tell_presence`](Self::tell_presence).
    pub(crate) fn put_removed(&self, id: &ListenerId) {
        let circuit = self.shared_name();
        let removed = || CircuitEvent::Removed { circuit: Arc::clone(circuit) };
        self.core.listeners.put_presence(id, removed);
    }

    fn added(&self, replaces: Option<&Arc<str>>) -> CircuitEvent {
        let word = self.core.machine.word();
        CircuitEvent::Added {
            circuit: Arc::clone(self.shared_name()),
            state: word.state(),
            overridden: word.overridden(),
            replaces: replaces.cloned(),
        }
    }

    pub(crate) fn remove_listener(&self, id: &ListenerId) -> bool {
        self.core.listeners.remove(id, |interest| self.set_interest(interest))
    }

    /// Has calls make the events that listeners want. Under the lock of the listeners, so that the
    /// last to change them decides.
    fn set_interest(&self, interest: Interest) {
        let calls = if interest.contains(Interest::CALLS) { Word::CALL_EVENTS } else { 0 };
        let rejections =
            if interest.contains(Interest::REJECTIONS) { Word::REJECTION_EVENTS } else { 0 };
        self.core.machine.set_interest(calls | rejections);
    }

    /// Returns the last changes of state and override, at most 256, the oldest first.
    #[must_use]
    pub fn recent_events(&self) -> Vec<RecentEvent> {
        self.core.listeners.recent(self.now())
    }

    /// Subscribes to the changes of state and override from now on.
    ///
    /// The subscription reads at its own pace; no call waits for it. If it lags by more than 256
    /// events it gets the number of events it has lost. It does not keep the circuit alive, and
    /// ends when the last clone of the circuit is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitState, Delivery};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let circuit = Circuit::builder("api").build();
    /// let mut changes = circuit.subscribe();
    ///
    /// circuit.trip();
    /// drop(circuit);
    ///
    /// while let Some(delivery) = changes.next().await {
    ///     match delivery {
    ///         Delivery::Event(CircuitEvent::StateChanged { to, .. }) => {
    ///             assert_eq!(to, CircuitState::Open);
    ///         }
    ///         Delivery::Event(other) => println!("{other:?}"),
    ///         Delivery::Lagged(missed) => println!("{missed} went by"),
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.core.listeners.make().history().subscribe()
    }
}
