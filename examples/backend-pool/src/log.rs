//! What happens to circuits, in the words that the operators of this service look for.

use desk::Flood;
use tower_circuit_breaker::CircuitState::{Closed, HalfOpen, Open};
use tower_circuit_breaker::{ChangeReason, Circuit, CircuitEvent, CircuitState, Listener};
use tracing::{info, warn};

/// The log of one circuit, which so many successes close.
pub(crate) struct CircuitLog {
    pub(crate) successes: u64,
}

impl Listener for CircuitLog {
    fn on_event(&self, event: &CircuitEvent) {
        let CircuitEvent::StateChanged { circuit, from, to, reason, failures_in_a_row, .. } = event
        else {
            // An operator, in the words of the crate.
            return info!("{event}");
        };
        let why = match reason {
            ChangeReason::ConsecutiveFailures => {
                format!(" after {} consecutive failures", failures_in_a_row.unwrap_or_default())
            }
            ChangeReason::ProbesSucceeded => {
                format!(" after {} successful call(s)", self.successes)
            }
            ChangeReason::OpenTimeOver => String::new(),
            other => format!(" ({other})"),
        };
        let [before, after] = [*from, *to].map(name);
        let line =
            format!("Circuit breaker '{circuit}' transitioned from {before} to {after}{why}");
        match to {
            Open => warn!(circuit = &**circuit, %from, %to, %reason, "{line}"),
            HalfOpen | Closed => info!(circuit = &**circuit, %from, %to, %reason, "{line}"),
        }
    }
}

/// A request that was rejected: counted, and said once a second.
pub(crate) fn blocked(flood: &Flood, circuit: &Circuit, path: &str) {
    let (circuit, path) = (circuit.clone(), path.to_owned());
    flood.count(move |times| {
        let service = circuit.name();
        warn!(times, "Circuit breaker OPEN for service '{service}', request to {path} blocked");
    });
}

const fn name(state: CircuitState) -> &'static str {
    match state {
        Closed => "CLOSED",
        Open => "OPEN",
        HalfOpen => "HALF_OPEN",
    }
}
