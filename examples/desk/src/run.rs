//! How many failures in a row there were.

use tower_circuit_breaker::{CircuitSnapshot, CircuitState};

/// The failures in a row of a closed circuit, or those that have opened one that is not: the circuit
/// itself counts anew with each state.
#[must_use]
pub fn failures_in_a_row(circuit: &CircuitSnapshot) -> u64 {
    let trip = circuit.last_trip.as_ref().filter(|_| circuit.state != CircuitState::Closed);
    let run = trip.and_then(|trip| trip.failures_in_a_row);
    run.map_or(circuit.consecutive_failures, u64::from)
}
