//! A wrong closure for `classify_by` is found where it is given.

use tower::BoxError;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Outcome};

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let _ = layer.classify_by(|result: &Result<u8, BoxError>| result.is_err());
    //~^ E0308 expected `Outcome`, found `bool`
    #[cfg(feature = "mended")]
    let _ = layer.classify_by(|_: &Result<u8, BoxError>| Outcome::Success);
}

fn main() {}
