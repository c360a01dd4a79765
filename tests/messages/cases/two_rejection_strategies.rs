//! A layer with two rejection strategies, of which the first would be lost.

use tower::BoxError;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Rejected};

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit).boxed();
    #[cfg(not(feature = "mended"))]
    let _ = layer.fallback(|_: u8, _: Rejected| async { Ok::<u8, BoxError>(0) });
    //~^ E0277 `boxed()`, `same_error()`, `respond_with(..)` and `fallback(..)`: call that alone
    #[cfg(feature = "mended")]
    let _ = layer;
}

fn main() {}
