//! A deadline for bodies where none is waited for.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Outcome};

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(feature = "mended")]
    let layer = layer.judge_body();
    let _ = layer.body_deadline(Duration::from_secs(60), Outcome::Success);
    //~^ E0277 call `judge_body()` before `body_deadline(..)`
}

fn main() {}
