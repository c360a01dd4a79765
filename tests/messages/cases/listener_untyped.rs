//! A listener whose closure does not name the type of its event.

use tower_circuit_breaker::Circuit;
#[cfg(feature = "mended")]
use tower_circuit_breaker::CircuitEvent;

pub fn run(circuit: Circuit) {
    #[cfg(not(feature = "mended"))]
    circuit.on_event(|event| println!("{event:?}"));
    //~^ - `FnOnce` is not general enough
    //~ guide
    #[cfg(feature = "mended")]
    circuit.on_event(|event: &CircuitEvent| println!("{event:?}"));
}

fn main() {}
