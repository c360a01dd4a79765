//! The commands of operators.

use std::time::Duration;

use crate::circuit::Circuit;
use crate::engine::machine::own_override::OrderedOverride;
use crate::engine::state::Override;

impl Circuit {
    /// Opens the circuit now, for its usual open time; it recovers as usual.
    ///
    /// A circuit that is already open starts its open time again. Calls in flight no longer count.
    /// A circuit that is forced open or closed stays so.
    pub fn trip(&self) {
        self.tell(self.core.machine.trip(None, self.end_override()));
    }

    /// Opens the circuit now, for `open_for`; it recovers as usual.
    ///
    /// See [`trip`](Self::trip). The limit for what an upstream may ask for does not apply.
    pub fn trip_for(&self, open_for: Duration) {
        self.tell(self.core.machine.trip(Some(open_for), self.end_override()));
    }

    /// Closes the circuit, whatever its state, and clears window, runs and backoff.
    ///
    /// Calls in flight no longer count. The totals stay. An override stays; see
    /// [`release`](Self::release).
    pub fn reset(&self) {
        self.tell(self.core.machine.reset(self.end_override()));
    }

    /// Rejects every call until [`release`](Self::release).
    ///
    /// Better with an end, [`force_open_for`](Self::force_open_for): what is forced is easily
    /// forgotten. A fleet cannot change that, even where it had forced the circuit open before.
    #[doc(alias = "transitionToForcedOpenState")]
    pub fn force_open(&self) {
        self.override_for(Override::ForcedOpen, None);
    }

    /// Rejects every call for `time`, then starts closed with everything cleared.
    ///
    /// As [`force_open`](Self::force_open) with its [`release`](Self::release), which no timer has
    /// to give. The end belongs to this override alone: one that takes its place meanwhile, by
    /// whomever, goes by its own. It is noticed as the end of an open time is, by the next call,
    /// command or snapshot; an isolation does not stop the time. Callers that are rejected learn
    /// from [`Rejected::retry_after`](crate::Rejected::retry_after) what is left.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_circuit_breaker::{Circuit, ManualClock, Override};
    ///
    /// let clock = ManualClock::new();
    /// let circuit = Circuit::builder("plants").clock(clock.clone()).build();
    ///
    /// circuit.force_open_for(Duration::from_secs(600));
    /// assert_eq!(circuit.snapshot().overridden, Some(Override::ForcedOpen));
    ///
    /// clock.advance(Duration::from_secs(600));
    /// assert!(circuit.try_acquire().is_ok());
    /// assert_eq!(circuit.snapshot().overridden, None);
    /// ```
    pub fn force_open_for(&self, time: Duration) {
        self.override_for(Override::ForcedOpen, Some(time));
    }

    /// Admits every call, whatever the outcomes, until [`release`](Self::release).
    ///
    /// A fleet cannot change that: see [`force_open`](Self::force_open).
    #[doc(alias = "disable")]
    #[doc(alias = "transitionToDisabledState")]
    pub fn force_closed(&self) {
        self.override_for(Override::ForcedClosed, None);
    }

    /// Admits every call for `time`, whatever the outcomes, then starts closed with everything
    /// cleared.
    ///
    /// What [`force_open_for`](Self::force_open_for) says of the end holds here, too.
    pub fn force_closed_for(&self, time: Duration) {
        self.override_for(Override::ForcedClosed, Some(time));
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
        self.override_for(Override::Observing, None);
    }

    /// Admits every call for `time`, but goes on deciding, as [`observe`](Self::observe) does.
    ///
    /// Then the circuit starts closed with everything cleared.
    ///
    /// What [`force_open_for`](Self::force_open_for) says of the end holds here, too. A circuit that
    /// observes already goes on with its state and counts, until the new end.
    pub fn observe_for(&self, time: Duration) {
        self.override_for(Override::Observing, Some(time));
    }

    /// Ends the override, if there is one; the circuit starts closed with everything cleared.
    #[doc(alias = "close")]
    pub fn release(&self) {
        self.tell_if(self.core.machine.release(self.end_override()));
    }

    fn override_for(&self, overridden: Override, lasting: Option<Duration>) {
        self.order(OrderedOverride { overridden, lasting, words: None });
    }
}
