//! States as numbers.

use tower_circuit_breaker::CircuitState;

/// A number that grows with the trouble.
pub(crate) const fn level(state: CircuitState) -> u8 {
    match state {
        CircuitState::Closed => 0,
        CircuitState::HalfOpen => 1,
        CircuitState::Open => 2,
    }
}
