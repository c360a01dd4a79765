//! A layer with two rejection strategies, of which the first would be lost.

use tower::BoxError;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Rejected};

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit).boxed();
    #[cfg(not(feature = "mended"))]
    let _ = layer.fallback(|_: u8, _: Rejected| async { Ok::<u8, BoxError>(0) });
    //~^ E0277 `fallback_on_failure(..)`: call that alone
    #[cfg(feature = "mended")]
    let _ = layer;
}

fn main() {}
