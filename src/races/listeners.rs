//! Race models of the listeners of a circuit; see `engine::explore`.

use crate::engine::explore::{Depth, explore, race};
use crate::engine::outcome::Outcome;
use crate::events::event::{CircuitEvent, Interest, Listener};
use crate::races::circuit;
use crate::sync::{Arc, AtomicU64, Ordering};

/// One listener of calls goes as another comes: calls make events for the other.
#[test]
fn a_listener_that_goes_against_one_that_comes() {
    explore(Depth::Three, 4, &["old-roster"], || {
        let circuit = circuit().build();
        let first = circuit.on_event(OfCalls::new());
        let (second, adds) = (OfCalls::new(), circuit.clone());
        let heard = Arc::clone(&second.0);
        race(move || first.remove(), move || adds.on_event(second));
        circuit.try_acquire().expect("it is closed").record(Outcome::Success);
        assert_eq!(heard.load(Ordering::Relaxed), 1);
    });
}

/// Counts the calls that it hears of.
struct OfCalls(Arc<AtomicU64>);

impl OfCalls {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }
}

impl Listener for OfCalls {
    fn on_event(&self, _: &CircuitEvent) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn interest(&self) -> Interest {
        Interest::CALLS
    }
}
