//! A clock for tests.

use std::fmt;
use std::task::Waker;
use std::time::Duration;

use crate::clock::Clock;
use crate::engine::time::nanos;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering, lock};

/// A clock for tests, which stands still until it is advanced. Clones share the time.
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
#[derive(Clone)]
pub struct ManualClock {
    shared: Arc<ManualReading>,
}

struct ManualReading {
    nanos: AtomicU64,
    /// The tasks to wake when the time moves on.
    sleepers: Mutex<Vec<Waker>>,
}

impl ManualClock {
    /// Makes a clock that stands at zero.
    #[must_use]
    pub fn new() -> Self {
        let shared = ManualReading { nanos: AtomicU64::new(0), sleepers: Mutex::new(Vec::new()) };
        Self { shared: Arc::new(shared) }
    }

    /// Advances the clock by `by`; it stops at 584 years.
    ///
    /// Wakes the tasks that [asked for it](Self::wake_on_advance).
    pub fn advance(&self, by: Duration) {
        // SeqCst: as below.
        let mut seen = self.shared.nanos.load(Ordering::SeqCst);
        loop {
            let next = seen.saturating_add(nanos(by));
            // SeqCst: a test that advances the clock expects every thread to see it, in one order
            // with its own SeqCst atomics. Pairs with the load in `now`.
            let swapped =
                self.shared.nanos.compare_exchange(seen, next, Ordering::SeqCst, Ordering::SeqCst);
            match swapped {
                Ok(_) => break,
                Err(changed) => seen = changed,
            }
        }
        // Taken out first: wakers are the executor's code, which does not run under a lock.
        let sleepers = std::mem::take(&mut *lock(&self.shared.sleepers));
        sleepers.into_iter().for_each(Waker::wake);
    }

    /// Registers `waker` to be woken, once, when the clock is advanced next.
    ///
    /// For fakes that answer after some time of this clock: a future that is not due yet registers
    /// its task each time it is polled.
    pub fn wake_on_advance(&self, waker: Waker) {
        lock(&self.shared.sleepers).push(waker);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        // SeqCst: pairs with the exchange in `advance`.
        Duration::from_nanos(self.shared.nanos.load(Ordering::SeqCst))
    }

    fn is_monotonic(&self) -> bool {
        true
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("now", &self.now()).finish_non_exhaustive()
    }
}
