//! What a fleet does to the circuit of one of its processes.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::circuit::fleet::command::FleetOrder;
use crate::engine::machine::link_deadline::LinkDeadline;
use crate::engine::machine::own_override::OverrideWords;
use crate::engine::machine::verdict::Verdict;
use crate::sync::Arc;

/// A circuit of one process, as the protocol of a fleet sees it. Implemented for [`Circuit`] alone.
pub trait Member: sealed::Sealed {
    /// Goes by what the fleet has agreed on, unless something newer is known.
    fn adopt(&self, verdict: Verdict);

    /// The same, where `order` has imposed what it says: its words are shown.
    fn adopt_order(&self, verdict: Verdict, order: &FleetOrder);

    /// Stays open for `left` from now, if it is open under the verdict `epoch`; until the end of an
    /// open time that it began itself at least.
    fn hold(&self, epoch: u64, left: Duration);

    /// Probes no longer, and stays open as [`hold`](Self::hold) has it, under the verdict `epoch`.
    fn recall(&self, epoch: u64, left: Duration);

    /// May probe until `lasts` from now, and no longer, as [`hold`](Self::hold) with `left` has it, under
    /// the verdict `epoch`: whoever wants in later finds it open for `wait` more, and what a probe shows
    /// later says nothing. So it is also where nobody comes to [`recall`](Self::recall) it in time.
    fn lease(&self, epoch: u64, left: Duration, lasts: Duration, wait: Duration);

    /// Hears before `within` is over, or before its open time is, whether it may probe: whoever wants in
    /// later finds it open for `wait` more, once. Then it goes by itself, and so it does from the next
    /// [`hold`](Self::hold) or [`recall`](Self::recall) on.
    fn expect_link(&self, epoch: u64, within: Duration, wait: Duration);

    /// Notes that the fleet has closed the circuit before the outage began that it is in by itself: what
    /// the fleet had said before that no longer prolongs it.
    fn pass_over(&self, epoch: u64);

    /// Forgets which epoch it has heard last: the store's clock was set back, and all are before it now.
    fn forget_epoch(&self);

    /// How long ago the circuit began the outage that it is in by itself; `None` where it is closed, or
    /// the fleet began it.
    fn own_outage(&self) -> Option<Duration>;

    /// The epoch of the last verdict that it has heard; 0 before the first.
    fn fleet_epoch(&self) -> u64;

    /// What is left of an open time that the circuit began itself; zero where the fleet did.
    fn own_left(&self) -> Duration;

    /// The step of the backoff that the last open time was.
    fn backoff_step(&self) -> u32;

    /// How long a probe may take, after an open time of `open_for`.
    fn probe_lease(&self, open_for: Duration) -> Duration;

    /// How long the circuit would be open if it tripped for the first time.
    fn first_open_time(&self) -> Duration;

    /// The longest that the circuit may be open for: by its rules, its backoff or what an upstream asks.
    fn longest_open_time(&self) -> Duration;

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
        self.tell_effect(self.core.machine.adopt_said(verdict, None, self.end_override()));
    }

    fn adopt_order(&self, verdict: Verdict, order: &FleetOrder) {
        let words = OverrideWords {
            actor: order.actor.as_deref().map(Arc::from),
            actor_checked: order.actor_checked,
            reason: order.reason.as_deref().map(Arc::from),
        };
        let words = (words != OverrideWords::default()).then(|| Arc::new(words));
        self.tell_effect(self.core.machine.adopt_said(verdict, words, self.end_override()));
    }

    fn hold(&self, epoch: u64, left: Duration) {
        self.tell_effect(self.core.machine.hold(epoch, left, self.now()));
    }

    fn recall(&self, epoch: u64, left: Duration) {
        self.tell_effect(self.core.machine.recall(epoch, left, self.now()));
    }

    fn lease(&self, epoch: u64, left: Duration, lasts: Duration, wait: Duration) {
        let now = self.now();
        self.tell_effect(self.core.machine.hold(epoch, left, now));
        let deadline = LinkDeadline { at: now.after(lasts), grace: wait, ends_lease: true };
        self.core.machine.set_link_deadline(epoch, deadline);
    }

    fn expect_link(&self, epoch: u64, within: Duration, wait: Duration) {
        let at = self.now().after(within);
        let deadline = LinkDeadline { at, grace: wait, ends_lease: false };
        self.core.machine.set_link_deadline(epoch, deadline);
    }

    fn pass_over(&self, epoch: u64) {
        self.tell_effect(self.core.machine.pass_over(epoch));
    }

    fn forget_epoch(&self) {
        self.core.machine.forget_epoch();
    }

    fn own_outage(&self) -> Option<Duration> {
        self.core.machine.own_outage(self.now())
    }

    fn fleet_epoch(&self) -> u64 {
        self.core.machine.fleet_epoch()
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

    fn longest_open_time(&self) -> Duration {
        self.core.machine.settings().longest_open_time()
    }

    fn rejections(&self) -> u64 {
        self.core.machine.rejections()
    }

    fn is_awaited(&self) -> bool {
        self.core.wakers.is_awaited()
    }

    fn shared_name(&self) -> &Arc<str> {
        self.core.name.text()
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
mod tests;
