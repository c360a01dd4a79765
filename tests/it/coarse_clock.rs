//! Clocks that cost less to read.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitState, Clock, CoarseClock, ManualClock, SystemClock};

use crate::support::{SECOND, fail, rejection, succeed};

/// A clock that says nothing of itself.
struct Plain(Arc<AtomicU64>);

impl Clock for Plain {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[test]
fn the_coarse_clock_goes_on_and_never_back() {
    let clock = CoarseClock::new();
    let mut last = clock.now();
    // Until it has ticked twice: some milliseconds each.
    for _ in 0..2 {
        let next = std::iter::repeat_with(|| clock.now()).find(|now| *now != last).unwrap();
        assert!(next > last, "{next:?} after {last:?}");
        last = next;
    }
}

#[test]
fn a_circuit_on_the_coarse_clock_opens_for_its_time() {
    let circuit = Circuit::builder("api").failure_count(1).clock(CoarseClock::new()).build();
    fail(&circuit);

    let left = rejection(&circuit).retry_after().unwrap();
    assert!(left <= 30 * SECOND && left > 20 * SECOND, "{left:?}");
    circuit.trip_for(Duration::ZERO);
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn clocks_that_never_go_back_say_so() {
    assert!(SystemClock::new().is_monotonic());
    assert!(CoarseClock::new().is_monotonic());
    assert!(ManualClock::new().is_monotonic());
    assert!(!Plain(Arc::default()).is_monotonic());
}
