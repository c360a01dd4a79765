//! What those do to a circuit who watch over it from outside.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::machine::health::OpenStretch;

impl Circuit {
    pub(crate) fn open_stretch(&self) -> Option<OpenStretch> {
        self.core.machine.open_stretch(self.now())
    }

    /// Has the stretch stay open for `left`.
    pub(crate) fn prolong(&self, stretch: OpenStretch, left: Duration) {
        self.tell_effect(self.core.machine.prolong(stretch.epoch, left, self.now()));
    }

    /// Closes the circuit.
    pub(crate) fn heal(&self, stretch: OpenStretch) {
        self.tell_if(self.core.machine.heal(stretch.epoch, self.now()));
    }
}
