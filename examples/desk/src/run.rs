//! How many failures in a row there were.

use tower_circuit_breaker::{ChangeReason, CircuitSnapshot, CircuitState};

/// The failures in a row of a closed circuit, or those that have opened one that is not: the circuit
/// itself counts anew with each state.
#[must_use]
pub fn failures_in_a_row(circuit: &CircuitSnapshot) -> u64 {
    let trip = circuit.last_trip.as_ref().filter(|_| circuit.state != CircuitState::Closed);
    let limit = trip.and_then(|trip| match trip.reason {
        ChangeReason::ConsecutiveFailures => trip.limits.get("consecutive_failures"),
        _ => None,
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    limit.map_or(circuit.consecutive_failures, |limit| limit as u64)
}
