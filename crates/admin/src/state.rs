//! What the service knows of its circuits, for reading and for commands.

use std::sync::Arc;

use tower_circuit_breaker::{Circuit, CircuitGroup, CircuitRegistry, Health};

use crate::audit::Audit;
use crate::caught::unless_it_panics;
use crate::override_ends::{EndsWritten, OverrideEnds};
use crate::problem::Problem;
use crate::refused::Refused;
use crate::view::CircuitView;

/// The circuits, and what operators did.
#[derive(Debug)]
pub(crate) struct AdminState {
    pub(crate) registry: CircuitRegistry,
    pub(crate) audit: Arc<Audit>,
    pub(crate) refused: Refused,
    pub(crate) override_ends: Arc<OverrideEnds>,
    #[expect(dead_code, reason = "what it does ends with it")]
    pub(crate) ends_written: EndsWritten,
    pub(crate) groups: Vec<CircuitGroup>,
}

impl AdminState {
    pub(crate) fn view(&self, circuit: &Circuit) -> CircuitView {
        CircuitView::new(circuit, circuit.snapshot(), self.registry.is_critical(circuit.name()))
    }

    /// Of all circuits together: degraded where a clock panics, so that nothing is known.
    pub(crate) fn health(&self) -> Health {
        unless_it_panics(|| self.registry.health()).unwrap_or(Health::Degraded)
    }

    pub(crate) fn find(&self, name: &str) -> Result<Circuit, Problem> {
        self.registry.get(name).ok_or_else(|| Problem::no_circuit(name))
    }
}
