//! What those do to a circuit who watch over it from outside.

use std::time::Duration;

use crate::circuit::{Circuit, Core};
use crate::engine::healing::OpenStretch;
use crate::sync::{Counted, Weak};

/// A circuit that is not kept alive by it.
#[derive(Clone)]
pub(crate) struct WeakCircuit(Weak<Core>);

impl WeakCircuit {
    pub(crate) fn upgrade(&self) -> Option<Circuit> {
        self.0.upgrade().map(|core| Circuit { core })
    }
}

impl Circuit {
    pub(crate) fn downgrade(&self) -> WeakCircuit {
        WeakCircuit(Counted::downgrade(&self.core))
    }

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
