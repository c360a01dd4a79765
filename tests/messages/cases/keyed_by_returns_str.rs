//! A key that is a `&str`, found where it is given.

use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

pub struct Ask {
    tenant: &'static str,
}

pub fn run(circuit: Circuit, circuits: KeyedCircuits) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let _ = layer.keyed_by(|ask: &Ask| ask.tenant, circuits);
    //~^ E0308 expected `String`, found `&str`
    //~| try using a conversion method
    #[cfg(feature = "mended")]
    let _ = layer.keyed_by(|ask: &Ask| ask.tenant.to_string(), circuits);
}

fn main() {}
