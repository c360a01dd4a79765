//! A listener that changes a variable: it is called through a shared reference.

use tower_circuit_breaker::{Circuit, CircuitEvent};

pub fn run(circuit: Circuit) {
    #[cfg(not(feature = "mended"))]
    let mut changes = 0;
    #[cfg(feature = "mended")]
    let changes = std::sync::Mutex::new(0);
    circuit.on_event(move |_: &CircuitEvent| {
        //~^ E0277 a `Mutex` instead of a `RefCell` or of a variable that it changes
        #[cfg(not(feature = "mended"))]
        let count = &mut changes;
        #[cfg(feature = "mended")]
        let mut count = changes.lock().unwrap();
        *count += 1;
    });
}

fn main() {}
