//! A circuit that is not kept alive.

use crate::circuit::{Circuit, Core};
use crate::sync::{Counted, WeakCounted};

/// A circuit that is not kept alive by it.
#[derive(Clone)]
pub(crate) struct WeakCircuit(WeakCounted<Core>);

impl WeakCircuit {
    pub(crate) fn upgrade(&self) -> Option<Circuit> {
        self.0.upgrade().map(|core| Circuit { core })
    }

    /// Whether nobody holds the circuit any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    pub(crate) fn is(&self, circuit: &Circuit) -> bool {
        self.0.ptr_eq(&Counted::downgrade(&circuit.core))
    }
}

impl Circuit {
    pub(crate) fn downgrade(&self) -> WeakCircuit {
        WeakCircuit(Counted::downgrade(&self.core))
    }
}
