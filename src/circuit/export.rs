//! Export: the state of a circuit that outlives its process.

use crate::circuit::Circuit;
use crate::circuit::saved::SavedCircuit;
use crate::engine::change::Change;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

impl Circuit {
    /// Exports the circuit's state, to be restored by the next process.
    ///
    /// See [`CircuitBuilder::restore`](crate::CircuitBuilder::restore). Takes a short lock, as
    /// [`snapshot`](Self::snapshot) does, and changes nothing. An override that came from the fleet
    /// is left out: the fleet will impose it again. A circuit that the fleet has
    /// opened is restored as open for the time that was left.
    #[must_use]
    pub fn export(&self) -> SavedCircuit {
        let (memory, words) = self.core.machine.export(self.end_override());
        SavedCircuit::now(Arc::clone(self.core.name.text()), memory, words)
    }

    /// Restores `saved`, if nothing has changed this circuit yet; the caller delivers the change
    /// with [`tell_if`](Self::tell_if). Runs no user code.
    pub(crate) fn come_back(&self, saved: &SavedCircuit, now: Timestamp) -> Option<Change> {
        self.core.machine.restore(saved.memory(), saved.words(), now)
    }
}
