//! A classifier that takes the result by value.

use tower::BoxError;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Outcome};

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let _ = layer.classify_by(|_: Result<u8, BoxError>| Outcome::Success);
    //~^ E0631 consider adjusting the signature so it borrows its argument
    #[cfg(feature = "mended")]
    let _ = layer.classify_by(|_: &Result<u8, BoxError>| Outcome::Success);
}

fn main() {}
