//! A clock for tests.

use std::time::Duration;

use crate::clock::Clock;
use crate::engine::time::nanos;
use crate::sync::{Arc, AtomicU64, Ordering};

/// A clock that stands still until it is advanced. Clones share the time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::{Circuit, CircuitState, ManualClock};
///
/// let clock = ManualClock::new();
/// let circuit = Circuit::builder("api").clock(clock.clone()).build();
/// circuit.trip_for(Duration::from_secs(60));
/// assert!(circuit.try_acquire().is_err());
///
/// clock.advance(Duration::from_secs(60));
/// assert!(circuit.try_acquire().is_ok());
/// # assert_eq!(circuit.state(), CircuitState::HalfOpen);
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self { nanos: Arc::new(AtomicU64::new(0)) }
    }

    /// Moves the time on; it stops at 584 years.
    pub fn advance(&self, by: Duration) {
        let mut seen = self.nanos.load(Ordering::SeqCst);
        loop {
            let next = seen.saturating_add(nanos(by));
            // SeqCst: a test that advances the clock expects every thread to see it.
            let swapped =
                self.nanos.compare_exchange(seen, next, Ordering::SeqCst, Ordering::SeqCst);
            match swapped {
                Ok(_) => return,
                Err(changed) => seen = changed,
            }
        }
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }

    fn never_goes_back(&self) -> bool {
        true
    }
}
