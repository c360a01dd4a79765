//! What the service knows of its circuits, for reading and for commands.

use std::sync::Arc;

use tower_circuit_breaker::{Circuit, CircuitRegistry, Override};

use crate::audit::Audit;
use crate::override_ends::{EndsWritten, OverrideEnds};
use crate::problem::Problem;
use crate::refused::Refused;
use crate::selection::Selection;
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
}

impl AdminState {
    pub(crate) fn views(&self) -> Vec<CircuitView> {
        self.registry.circuits().iter().map(|circuit| self.view(circuit)).collect()
    }

    /// Those that `selection` asks for, by name.
    pub(crate) fn selected(&self, selection: &Selection) -> impl Iterator<Item = CircuitView> {
        let circuits = self.registry.circuits().into_iter();
        let named = circuits.filter(|circuit| selection.may_have(circuit.name()));
        named.map(|circuit| self.view(&circuit)).filter(|view| {
            let snapshot = &view.snapshot;
            let overridden = snapshot.overridden.map(Override::as_str);
            selection.has_state(snapshot.state.as_str(), overridden)
        })
    }

    pub(crate) fn view(&self, circuit: &Circuit) -> CircuitView {
        CircuitView::new(&self.registry, circuit)
    }

    pub(crate) fn find(&self, name: &str) -> Result<Circuit, Problem> {
        self.registry.get(name).ok_or_else(|| Problem::no_circuit(name))
    }
}
