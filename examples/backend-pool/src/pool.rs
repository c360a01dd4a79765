//! The pool: a circuit for each backend, in one registry.

use tower_circuit_breaker::{Circuit, CircuitGroup, CircuitRegistry};

use crate::log::CircuitLog;
use crate::settings::Limits;
use crate::{Wrong, settings};

/// The circuits of all backends, as the environment sets them.
pub(crate) struct Pool {
    pub(crate) registry: CircuitRegistry,
    /// The agents have a circuit each, and one switch for all of them.
    pub(crate) agents: CircuitGroup,
}

impl Pool {
    pub(crate) fn open(agents: &[String]) -> Result<Self, Wrong> {
        let pool = Self { registry: CircuitRegistry::new(), agents: CircuitGroup::new("agents") };
        // Without it the service is of no use; the others have a substitute, or can be missed.
        pool.registry.mark_critical("ollama");
        for service in ["ollama", "redis", "postgres", "external"] {
            pool.circuit(service, service)?;
        }
        for agent in agents {
            pool.agents.add(&pool.circuit(&agent_circuit(agent), "agents")?);
        }
        Ok(pool)
    }

    /// Makes a circuit with the settings of `service`.
    fn circuit(&self, name: &str, service: &str) -> Result<Circuit, Wrong> {
        let Limits { config, successes } = settings::circuit(service)?;
        let log = CircuitLog { successes };
        // That log is its own.
        let circuit = Circuit::builder(name).config(config).listener(log).quiet().build();
        self.registry.insert(&circuit)?;
        Ok(circuit)
    }
}

pub(crate) fn agent_circuit(agent: &str) -> String {
    format!("agents.{agent}")
}
