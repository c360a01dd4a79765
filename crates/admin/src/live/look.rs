//! One look at all circuits.

use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitRegistry, CircuitSnapshot, Health};

use crate::caught::unless_it_panics;
use crate::live::told::Told;
use crate::wall_clock::since_1970;

/// What was seen.
#[derive(Debug)]
pub(crate) struct Look {
    /// Since 1970, by this machine's clock.
    pub(crate) at: Duration,
    /// By name.
    pub(crate) circuits: Vec<Looked>,
    /// Those whose clock has panicked: what was known of them stays so.
    pub(crate) unseen: Vec<Arc<str>>,
    /// Of all together, unless a clock has panicked.
    pub(crate) health: Option<Health>,
}

#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) circuit: Circuit,
    pub(crate) snapshot: CircuitSnapshot,
    pub(crate) told: Told,
    pub(crate) is_critical: bool,
}

impl Look {
    /// Looks at the circuits of `registry`. It runs their clocks, which are user code: not to be called
    /// under a lock.
    pub(crate) fn at(registry: &CircuitRegistry) -> Self {
        let mut look =
            Self { at: since_1970(), circuits: Vec::new(), unseen: Vec::new(), health: None };
        for circuit in registry.circuits() {
            match Looked::at(registry, &circuit) {
                Some(looked) => look.circuits.push(looked),
                None => look.unseen.push(Arc::from(circuit.name())),
            }
        }
        // After them: what tripped meanwhile is at worst told too early, and never as well.
        look.health = unless_it_panics(|| registry.health());
        look
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.circuits.iter().map(|looked| &looked.snapshot.name).chain(&self.unseen)
    }
}

impl Looked {
    /// Looks at one circuit of `registry`; `None` where its clock panics.
    pub(crate) fn at(registry: &CircuitRegistry, circuit: &Circuit) -> Option<Self> {
        let snapshot = unless_it_panics(|| circuit.snapshot())?;
        Some(Self::new(registry, circuit.clone(), snapshot))
    }

    fn new(registry: &CircuitRegistry, circuit: Circuit, snapshot: CircuitSnapshot) -> Self {
        let limit = || circuit.config().thresholds().get("stalled_calls");
        let is_critical = registry.is_critical(circuit.name());
        let told = Told::of(&snapshot, is_critical, limit);
        Self { circuit, snapshot, told, is_critical }
    }
}
