//! A layer that waits while its circuit is open, and shall have a circuit for each key.

use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, OnOpen};

pub fn run(circuit: Circuit, circuits: KeyedCircuits) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.on_open(OnOpen::Wait);
    #[cfg(feature = "mended")]
    let _ = OnOpen::Wait;
    let _ = layer.keyed_by(|tenant: &u64| tenant.to_string(), circuits);
    //~^ E0277 Leave out `on_open(..)`: calls are rejected at once
}

fn main() {}
