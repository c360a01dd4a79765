//! The commands of operators.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::state::Override;

impl Circuit {
    /// Opens the circuit now, for its usual open time; it recovers as usual.
    ///
    /// A circuit that is already open starts its open time again. Calls in flight no longer count.
    /// A circuit that is forced open or closed stays so.
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
    /// Calls in flight no longer count. The totals stay. An override stays; see
    /// [`release`](Self::release).
    pub fn reset(&self) {
        self.tell(self.core.machine.reset(self.now()));
    }

    /// Rejects every call until [`release`](Self::release).
    ///
    /// A fleet cannot change that, even where it had forced the circuit open
    /// before.
    #[doc(alias = "transitionToForcedOpenState")]
    pub fn force_open(&self) {
        self.tell(self.core.machine.force(Override::ForcedOpen, self.now()));
    }

    /// Admits every call, whatever the outcomes, until [`release`](Self::release).
    ///
    /// A fleet cannot change that: see [`force_open`](Self::force_open).
    #[doc(alias = "disable")]
    #[doc(alias = "transitionToDisabledState")]
    pub fn force_closed(&self) {
        self.tell(self.core.machine.force(Override::ForcedClosed, self.now()));
    }

    /// Admits every call, but goes on deciding and counts the calls it would have rejected.
    ///
    /// Until [`release`](Self::release). For trying out settings on real traffic. A circuit that is
    /// not forced keeps its state and counts; a forced one starts closed. An override by a fleet
    /// replaces it.
    #[doc(alias = "metricsOnly")]
    #[doc(alias = "transitionToMetricsOnlyState")]
    #[doc(alias = "manual_mode")]
    pub fn observe(&self) {
        self.tell_if(self.core.machine.observe(self.now()));
    }

    /// Ends the override, if there is one; the circuit starts closed with everything cleared.
    #[doc(alias = "close")]
    pub fn release(&self) {
        self.tell_if(self.core.machine.release(self.now()));
    }
}
