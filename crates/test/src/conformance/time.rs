//! The time of the circuits under test.

use std::time::Duration;

use crate::conformance::promise::Promise;
use crate::conformance::report::{Broken, Checks};
use std::sync::Arc;
use tower_circuit_breaker::{Clock, ManualClock};

/// A clock and what moves it.
pub(super) struct Time {
    clock: Arc<dyn Clock>,
    advance: Box<dyn Fn(Duration)>,
}

impl Time {
    pub(super) fn manual() -> Self {
        Self::new(ManualClock::new(), &Arc::new(ManualClock::advance))
    }

    /// A clock that `advance` moves.
    pub(super) fn new<C: Clock>(clock: C, advance: &Arc<impl Fn(&C, Duration) + 'static>) -> Self {
        let (clock, advance) = (Arc::new(clock), Arc::clone(advance));
        let moved = Arc::clone(&clock);
        Self { clock, advance: Box::new(move |by| advance(&moved, by)) }
    }

    /// The same clock, for a circuit.
    pub(super) fn clock(&self) -> impl Clock + use<> {
        Lent(Arc::clone(&self.clock))
    }

    /// As a circuit counts it: for 584 years, and then it stands still.
    pub(super) fn now(&self) -> Duration {
        self.clock.now().min(Duration::from_nanos(u64::MAX))
    }

    pub(super) fn advance(&self, by: Duration) {
        (self.advance)(by);
    }

    /// Whether the clock stands still, moves by what it is told, and goes on.
    pub(super) fn check(&self, checks: &mut Checks) -> Result<(), Broken> {
        for by in STEPS {
            let (before, again) = (self.clock.now(), self.clock.now());
            checks.hold(Promise::Clock, before == again, || {
                format!("the clock went from {before:?} to {again:?} while nobody moved it")
            })?;
            self.advance(by);
            let after = self.clock.now();
            checks.hold(Promise::Clock, after == before + by, || {
                let fault = match after {
                    after if after < before => "goes back",
                    after if after == before => "stands still",
                    _ => "moves by something else",
                };
                format!("the clock {fault}: at {before:?} it was moved on by {by:?}, and shows {after:?}")
            })?;
        }
        Ok(())
    }
}

/// What any clock can tell apart, and times as long as windows and open times are.
const STEPS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_millis(250),
    Duration::from_secs(90),
    Duration::from_secs(7_200),
];

struct Lent(Arc<dyn Clock>);

impl Clock for Lent {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn is_monotonic(&self) -> bool {
        self.0.is_monotonic()
    }
}
