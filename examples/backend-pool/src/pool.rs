//! The pool: a circuit for each backend, in one registry.

use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitRegistry};

use crate::{Wrong, settings};

/// The circuits of all backends, as the environment sets them.
pub(crate) fn circuits() -> Result<CircuitRegistry, Wrong> {
    let registry = CircuitRegistry::new();
    // Without it the service is of no use; the others have a substitute, or can be missed.
    registry.mark_critical("llm");
    registry.on_event(tell);
    for service in ["llm", "redis", "postgres", "agents", "external"] {
        let circuit = Circuit::builder(service).config(settings::circuit(service)?).build();
        registry.insert(&circuit)?;
    }
    Ok(registry)
}

/// A line for each change.
fn tell(event: &CircuitEvent) {
    if let CircuitEvent::StateChanged { circuit, from, to, reason, .. } = event {
        crate::say(&format!("{circuit}: {from} -> {to} ({reason})"));
    }
}
