//! What a fleet does to the circuit of one of its processes.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::fleet::Verdict;
use crate::waiters::Awaited;

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
        self.core.machine.lock().backoff().1
    }

    /// How long a probe may take, after an open time of `open_for`.
    pub(crate) fn probe_lease(&self, open_for: Duration) -> Duration {
        self.core.machine.lock().settings.probe_lease(open_for)
    }

    /// How long the circuit would be open if it tripped for the first time.
    pub(crate) fn first_open_time(&self) -> Duration {
        self.core.machine.lock().settings.open.step(0, u64::MAX)
    }

    /// How many calls were rejected so far: who grows wants to be let in.
    pub(crate) fn rejections(&self) -> u64 {
        self.core.machine.rejections()
    }

    /// Whether a task waits to be admitted.
    pub(crate) fn is_awaited(&self) -> bool {
        self.core.waiters.is_awaited(Awaited::Admission)
    }
}
