//! What a fleet does to the circuit of one of its processes.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::machine::verdict::Verdict;

impl Circuit {
    /// Goes by what the fleet has agreed on, unless something newer is known.
    pub(crate) fn adopt(&self, verdict: Verdict) {
        self.tell_effect(self.core.machine.adopt(verdict, self.now()));
    }

    /// Stays open for `left` from now, if it is open under the verdict `epoch`; until the end of an
    /// open time that it began itself at least.
    pub(crate) fn hold(&self, epoch: u64, left: Duration) {
        self.tell_effect(self.core.machine.hold(epoch, left, self.now()));
    }

    /// Probes no longer, and stays open as [`hold`](Self::hold) has it, under the verdict `epoch`.
    pub(crate) fn recall(&self, epoch: u64, left: Duration) {
        self.tell_effect(self.core.machine.recall(epoch, left, self.now()));
    }

    /// What is left of an open time that the circuit began itself; zero where the fleet did.
    pub(crate) fn own_left(&self) -> Duration {
        self.core.machine.own_left(self.now())
    }

    /// The step of the backoff that the last open time was.
    pub(crate) fn backoff_step(&self) -> u32 {
        self.core.machine.backoff_step()
    }

    /// How long a probe may take, after an open time of `open_for`.
    pub(crate) fn probe_lease(&self, open_for: Duration) -> Duration {
        self.core.machine.settings().probe_lease(open_for)
    }

    /// How long the circuit would be open if it tripped for the first time.
    pub(crate) fn first_open_time(&self) -> Duration {
        self.core.machine.settings().open.step(0, u64::MAX)
    }

    /// How many calls were rejected so far: who grows wants to be let in.
    pub(crate) fn rejections(&self) -> u64 {
        self.core.machine.rejections()
    }

    /// Whether a task waits to be admitted.
    pub(crate) fn is_awaited(&self) -> bool {
        self.core.wakers.is_awaited()
    }
}

#[cfg(all(test, not(breaker_loom)))]
mod tests {
    use std::task::{Wake, Waker};
    use std::time::Duration;

    use crate::circuit::Circuit;
    use crate::circuit::wakers::Awaited;
    use crate::engine::machine::verdict::{Ruling, Verdict};
    use crate::engine::state::Override;
    use crate::sync::{Arc, AtomicU64, Ordering};

    #[derive(Default)]
    struct Wakes(AtomicU64);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Those who ask while it is forced open set no alarm.
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
