//! A predicate that takes the result by value.

use tower::BoxError;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let _ = layer.failure_if(|result: Result<u8, BoxError>| result.is_err());
    //~^ E0631 consider adjusting the signature so it borrows its argument
    #[cfg(feature = "mended")]
    let _ = layer.failure_if(|result: &Result<u8, BoxError>| result.is_err());
}

fn main() {}
