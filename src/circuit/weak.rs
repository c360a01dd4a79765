//! A weak reference to a circuit.

use crate::circuit::{Circuit, Core};
use crate::sync::{Counted, WeakCounted};

/// A reference that does not keep its circuit alive.
#[derive(Clone)]
pub(crate) struct WeakCircuit(WeakCounted<Core>);

impl WeakCircuit {
    pub(crate) fn upgrade(&self) -> Option<Circuit> {
        self.0.upgrade().map(|core| Circuit { core })
    }

    /// Whether the circuit has been dropped.
    pub(crate) fn is_gone(&self) -> bool {
        // std's count is read Relaxed: once it is 0 it stays 0, and nothing is read after it.
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
