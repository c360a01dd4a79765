//! A listener that cannot be called on another thread.

use std::sync::Arc;

use tower_circuit_breaker::{Circuit, CircuitEvent};

pub fn run(circuit: Circuit) {
    #[cfg(not(feature = "mended"))]
    let seen = std::rc::Rc::new(());
    #[cfg(feature = "mended")]
    let seen = Arc::new(());
    circuit.on_event(move |_: &CircuitEvent| drop(seen.clone()));
    //~^ E0277 an `Arc` instead of an `Rc`
}

fn main() {}
