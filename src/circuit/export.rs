//! A circuit that outlives its process.

use crate::circuit::Circuit;
use crate::circuit::saved::SavedCircuit;
use crate::engine::change::Change;
use crate::engine::time::Timestamp;
use crate::sync::Arc;

impl Circuit {
    /// What a circuit of the next process goes on from: see
    /// [`CircuitBuilder::restore`](crate::CircuitBuilder::restore).
    ///
    /// Takes a short lock, as [`snapshot`](Self::snapshot) does, and changes nothing. An override
    /// that came from the fleet (feature `redis`) is left out: the fleet will say so again. A circuit
    /// that the fleet has opened comes back open for what was left of that.
    #[must_use]
    pub fn export(&self) -> SavedCircuit {
        let memory = self.core.machine.export(self.now());
        SavedCircuit::now(Arc::clone(&self.core.name.0), memory)
    }

    /// Goes on from `saved`, if nothing has changed this circuit yet; who is to hear of that is told
    /// by [`tell_if`](Self::tell_if). Runs no user code.
    pub(crate) fn come_back(&self, saved: &SavedCircuit, now: Timestamp) -> Option<Change> {
        self.core.machine.restore(saved.memory(), now)
    }
}
