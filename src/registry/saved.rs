//! Export and restore of all circuits of a registry.

use std::collections::BTreeMap;

use crate::circuit::Circuit;
use crate::circuit::saved::SavedCircuit;
use crate::engine::change::Change;
use crate::engine::time::Timestamp;
use crate::registry::CircuitRegistry;
use crate::sync::{Arc, read, write};

impl CircuitRegistry {
    /// Exports the states of all circuits, sorted by name; see [`Circuit::export`].
    ///
    /// States that were [restored](Self::restore) and whose circuits have not been made since are
    /// among them while they matter: with an override, or a time that has not ended. So a circuit
    /// that an operator has forced outlives two restarts between which it is not called.
    #[must_use]
    pub fn export(&self) -> Vec<SavedCircuit> {
        // Before the circuits: a circuit that is made meanwhile is among those.
        let waiting: Vec<_> = read(&self.shared.entries).saved.values().cloned().collect();
        let waiting = waiting.into_iter().filter(SavedCircuit::says_anything);
        let here = self.circuits();
        let all = waiting.chain(here.iter().map(Circuit::export));
        let by_name: BTreeMap<_, _> =
            all.map(|saved| (Arc::<str>::from(saved.name()), saved)).collect();
        by_name.into_values().collect()
    }

    /// Restores exported states into the circuits that are added from now on, by name.
    ///
    /// From [`export`](Self::export) in an earlier process. For circuits that the template makes
    /// and for those that are [inserted](Self::insert) before anything has changed them, such as
    /// [keyed](crate::keyed) ones; circuits that are here already stay as they are. See
    /// [`CircuitBuilder::restore`](crate::CircuitBuilder::restore); here, listeners of the registry
    /// receive the event, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{CircuitRegistry, CircuitState};
    ///
    /// let registry = CircuitRegistry::new();
    /// registry.get_or_create("plants").trip();
    /// let saved = registry.export();
    ///
    /// let registry = CircuitRegistry::new();
    /// registry.restore(saved);
    /// assert_eq!(registry.get_or_create("plants").state(), CircuitState::Open);
    /// ```
    pub fn restore(&self, saved: impl IntoIterator<Item = SavedCircuit>) {
        // The caller's iterator runs before the lock.
        let saved: Vec<_> = saved.into_iter().collect();
        let mut entries = write(&self.shared.entries);
        for saved in saved {
            if !entries.circuits.contains(saved.name()) {
                entries.saved.insert(Arc::from(saved.name()), saved);
            }
        }
    }

    /// The circuit under this one's name: this one, unless there was another. A new one is restored
    /// from its saved state before any other thread can get it.
    pub(super) fn keep(&self, circuit: &Circuit) -> Circuit {
        // Read before the lock: a clock may be user code.
        let (kept, change) = self.keep_untold(circuit, None, circuit.now());
        kept.tell_presence(change);
        kept
    }

    /// The same for callers with a lock of their own: after releasing it, they deliver the change
    /// with [`tell_presence`](Circuit::tell_presence). Runs no user code. `replaces` is the circuit
    /// that was evicted to make room for it.
    pub(crate) fn keep_untold(
        &self,
        circuit: &Circuit,
        replaces: Option<&Circuit>,
        now: Timestamp,
    ) -> (Circuit, Option<Change>) {
        let mut entries = write(&self.shared.entries);
        let kept = entries.keep(circuit, replaces);
        let saved = if kept.is_same(circuit) { entries.saved.remove(circuit.name()) } else { None };
        let change = saved.and_then(|saved| circuit.come_back(&saved, now));
        (kept, change)
    }
}
