//! What operators do to a circuit.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::state::Override;

impl Circuit {
    /// Opens the circuit now, for its open time; it recovers as usual.
    ///
    /// Also when it is open already: the open time starts again. Calls under way no longer count.
    /// While the circuit is forced open or closed it stays so.
    pub fn trip(&self) {
        self.tell(self.core.machine.trip(None, self.now()));
    }

    /// Opens the circuit now, for `open_for`; it recovers as usual.
    ///
    /// See [`trip`](Self::trip). The limit for what an upstream may ask for does not apply.
    pub fn trip_for(&self, open_for: Duration) {
        self.tell(self.core.machine.trip(Some(open_for), self.now()));
    }

    /// Closes the circuit, whatever its state, and clears window, runs and backoff.
    ///
    /// Calls under way no longer count. Totals go on. An override stays; see
    /// [`release`](Self::release).
    pub fn reset(&self) {
        self.tell(self.core.machine.reset(self.now()));
    }

    /// Rejects every call until [`release`](Self::release).
    ///
    /// A fleet (feature `redis`) changes nothing of that, also where it had forced the circuit open
    /// before.
    #[doc(alias = "transitionToForcedOpenState")]
    pub fn force_open(&self) {
        self.tell(self.core.machine.force(Override::ForcedOpen, self.now()));
    }

    /// Admits every call, whatever the results, until [`release`](Self::release).
    ///
    /// A fleet changes nothing of that: see [`force_open`](Self::force_open).
    #[doc(alias = "disable")]
    #[doc(alias = "transitionToDisabledState")]
    pub fn force_closed(&self) {
        self.tell(self.core.machine.force(Override::ForcedClosed, self.now()));
    }

    /// Rejects nothing, but goes on deciding and counts what it would have rejected, until
    /// [`release`](Self::release). For trying out settings on real traffic.
    ///
    /// A circuit that is not forced keeps its state and counts; a forced one starts closed. What a fleet
    /// forces takes the place of it.
    #[doc(alias = "metricsOnly")]
    #[doc(alias = "transitionToMetricsOnlyState")]
    pub fn observe(&self) {
        self.tell_if(self.core.machine.observe(self.now()));
    }

    /// Drops the override, if there is one, and starts closed with everything cleared.
    #[doc(alias = "close")]
    pub fn release(&self) {
        self.tell_if(self.core.machine.release(self.now()));
    }
}
