//! What a health probe does to its circuit.

use std::future::Future;
use std::time::Duration;

use crate::circuit::{Circuit, Core};
use crate::engine::healing::OpenStretch;
use crate::engine::rules::not_zero;
use crate::health_probe::HealthProbe;
use crate::sync::Counted;

/// A circuit that is not kept alive by it.
#[derive(Clone)]
pub(crate) struct WeakCircuit(std::sync::Weak<Core>);

impl WeakCircuit {
    pub(crate) fn upgrade(&self) -> Option<Circuit> {
        self.0.upgrade().map(|core| Circuit { core })
    }
}

impl Circuit {
    /// Asks `probe` in the background while the circuit is open, instead of probing with calls
    /// (feature `tokio`).
    ///
    /// See [`HealthProbe`] for all of it.
    ///
    /// # Panics
    ///
    /// When `interval` is zero.
    #[track_caller]
    #[doc(alias = "healthCheck")]
    pub fn health_probe<P, F>(&self, interval: Duration, probe: P) -> HealthProbe<P>
    where
        P: FnMut() -> F,
        F: Future<Output = bool>,
    {
        HealthProbe::new(self, not_zero("interval", interval), probe)
    }

    pub(crate) fn downgrade(&self) -> WeakCircuit {
        WeakCircuit(Counted::downgrade(&self.core))
    }

    pub(crate) fn open_stretch(&self) -> Option<OpenStretch> {
        self.core.machine.open_stretch(self.now())
    }

    /// Has the stretch stay open for `left`.
    pub(crate) fn prolong(&self, stretch: OpenStretch, left: Duration) {
        self.tell_effect(self.core.machine.prolong(stretch.epoch, left, self.now()));
    }

    /// Closes the circuit.
    pub(crate) fn heal(&self, stretch: OpenStretch) {
        self.tell_if(self.core.machine.heal(stretch.epoch, self.now()));
    }
}
