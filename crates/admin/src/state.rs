//! What the service knows of its circuits, for reading and for commands.

use std::sync::Arc;

use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitRegistry};

use crate::audit::Audit;
use crate::expiry::Expiries;
use crate::problem::Problem;
use crate::view::CircuitView;

/// The circuits, the ends of their overrides, and what operators did.
#[derive(Debug)]
pub(crate) struct AdminState {
    pub(crate) registry: CircuitRegistry,
    pub(crate) audit: Arc<Audit>,
    pub(crate) expiries: Arc<Expiries>,
    /// Whether the page is to show the commands; each is checked when it comes.
    pub(crate) shows_control: bool,
}

impl AdminState {
    pub(crate) fn views(&self) -> Vec<CircuitView> {
        self.registry.circuits().iter().map(|circuit| self.view(circuit)).collect()
    }

    pub(crate) fn view(&self, circuit: &Circuit) -> CircuitView {
        let mut view = CircuitView::new(&self.registry, circuit);
        let end = self.expiries.of(circuit.name()).filter(|_| view.snapshot.overridden.is_some());
        view.override_ends_in = end.map(|end| end.saturating_duration_since(Instant::now()));
        view
    }

    pub(crate) fn find(&self, name: &str) -> Result<Circuit, Problem> {
        self.registry.get(name).ok_or_else(|| Problem::no_circuit(name))
    }
}
