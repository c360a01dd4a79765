//! A predicate that shall be added to a classifier which takes no addition.

use tower::BoxError;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, FailureKind, Outcome};

pub fn run(circuit: Circuit) {
    #[cfg(not(feature = "mended"))]
    let _ = CircuitBreakerLayer::new(circuit)
        .classify_by(|result: &Result<u8, BoxError>| match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure(FailureKind::new("shop")),
        })
        .failure_if(|result: &Result<u8, BoxError>| matches!(result, Ok(7)));
    //~^ E0277 return `Outcome::Failure` where the predicate holds
    #[cfg(feature = "mended")]
    let _ = CircuitBreakerLayer::new(circuit).classify_by(|result: &Result<u8, BoxError>| {
        match result {
            Ok(7) => Outcome::Failure(FailureKind::OTHER),
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure(FailureKind::new("shop")),
        }
    });
}

fn main() {}
