//! What a fleet does to the circuit of one of its processes.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::machine::verdict::Verdict;
use crate::sync::Arc;

/// A circuit of one process, as the protocol of a fleet sees it. Implemented for [`Circuit`] alone.
pub trait Member: sealed::Sealed {
    /// Goes by what the fleet has agreed on, unless something newer is known.
    fn adopt(&self, verdict: Verdict);

    /// Stays open for `left` from now, if it is open under the verdict `epoch`; until the end of an
    /// open time that it began itself at least.
    fn hold(&self, epoch: u64, left: Duration);

    /// Probes no longer, and stays open as [`hold`](Self::hold) has it, under the verdict `epoch`.
    fn recall(&self, epoch: u64, left: Duration);

    /// What is left of an open time that the circuit began itself; zero where the fleet did.
    fn own_left(&self) -> Duration;

    /// The step of the backoff that the last open time was.
    fn backoff_step(&self) -> u32;

    /// How long a probe may take, after an open time of `open_for`.
    fn probe_lease(&self, open_for: Duration) -> Duration;

    /// How long the circuit would be open if it tripped for the first time.
    fn first_open_time(&self) -> Duration;

    /// Number of calls rejected so far: where it grows, callers want to be let in.
    fn rejections(&self) -> u64;

    /// Whether a task waits to be admitted.
    fn is_awaited(&self) -> bool;

    /// The name, which it shares.
    fn shared_name(&self) -> &Arc<str>;

    /// Whether an operator has imposed something on it, or a group isolates it.
    fn is_overridden(&self) -> bool;
}

impl Member for Circuit {
    fn adopt(&self, verdict: Verdict) {
        self.tell_effect(self.core.machine.adopt(verdict, self.now()));
    }

    fn hold(&self, epoch: u64, left: Duration) {
        self.tell_effect(self.core.machine.hold(epoch, left, self.now()));
    }

    fn recall(&self, epoch: u64, left: Duration) {
        self.tell_effect(self.core.machine.recall(epoch, left, self.now()));
    }

    fn own_left(&self) -> Duration {
        self.core.machine.own_left(self.now())
    }

    fn backoff_step(&self) -> u32 {
        self.core.machine.backoff_step()
    }

    fn probe_lease(&self, open_for: Duration) -> Duration {
        self.core.machine.settings().probe_lease(open_for)
    }

    fn first_open_time(&self) -> Duration {
        self.core.machine.settings().open.step(0, u64::MAX)
    }

    fn rejections(&self) -> u64 {
        self.core.machine.rejections()
    }

    fn is_awaited(&self) -> bool {
        self.core.wakers.is_awaited()
    }

    fn shared_name(&self) -> &Arc<str> {
        &self.core.name.text
    }

    fn is_overridden(&self) -> bool {
        self.core.machine.word().overridden().is_some()
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}

    impl Sealed for crate::circuit::Circuit {}
}

#[cfg(all(test, not(breaker_loom)))]
mod tests {
    use std::task::{Wake, Waker};
    use std::time::Duration;

    use crate::circuit::Circuit;
    use crate::circuit::fleet::Member;
    use crate::circuit::wakers::Awaited;
    #[cfg(all(feature = "test-util", feature = "tokio"))]
    use crate::engine::change::ChangeReason;
    use crate::engine::machine::verdict::{Ruling, Verdict};
    #[cfg(all(feature = "test-util", feature = "tokio"))]
    use crate::engine::state::CircuitState;
    use crate::engine::state::Override;
    #[cfg(all(feature = "test-util", feature = "tokio"))]
    use crate::events::event::CircuitEvent;
    use crate::sync::{Arc, AtomicU64, Ordering};

    #[cfg(all(feature = "test-util", feature = "tokio"))]
    #[test]
    fn a_health_probe_keeps_to_the_end_that_the_fleet_said_and_closes_for_all() {
        const SECOND: Duration = Duration::from_secs(1);
        let clock = crate::clock::manual::ManualClock::new();
        let circuit = Circuit::builder("api").clock(clock.clone()).build();
        let open = Ruling::Open { open_for: 10 * SECOND, left: 10 * SECOND, step: 0 };
        circuit.adopt(Verdict { epoch: 7, ruling: open });
        assert_eq!(circuit.open_epoch().unwrap().leave_alone, 10 * SECOND);
        clock.advance(10 * SECOND);

        let open_epoch = circuit.open_epoch().unwrap();
        circuit.extend_open(open_epoch, 20 * SECOND);
        circuit.hold(7, SECOND);
        let left = circuit.snapshot().retry_after;
        assert_eq!(left, Some(20 * SECOND), "the fleet does not end its asking");
        circuit.close_after_probe(open_epoch);

        let event = circuit.recent_events().pop().map(|recent| recent.event);
        assert!(
            matches!(
                event,
                Some(CircuitEvent::StateChanged {
                    to: CircuitState::Closed,
                    reason: ChangeReason::HealthProbe,
                    fleet_epoch: 7,
                    ..
                })
            ),
            "{event:?}"
        );
    }

    #[derive(Default)]
    struct Wakes(AtomicU64);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tasks that ask while it is forced open set no timer.
    #[test]
    fn all_who_wait_hear_that_the_fleet_no_longer_forces_the_circuit_open() {
        let circuit = Circuit::builder("api").build();
        let forced = Ruling::Forced(Override::ForcedOpen);
        circuit.adopt(Verdict { epoch: 1, ruling: forced });
        let wakes = [(); 3].map(|()| Arc::<Wakes>::default());
        for wakes in &wakes {
            circuit.wakers().put(Awaited::Admission, None, &Waker::from(Arc::clone(wakes)));
        }

        let time = Duration::from_secs(30);
        let open = Ruling::Open { open_for: time, left: time, step: 0 };
        circuit.adopt(Verdict { epoch: 2, ruling: open });

        assert_eq!(wakes.map(|wakes| wakes.0.load(Ordering::Relaxed)), [1, 1, 1]);
    }
}
