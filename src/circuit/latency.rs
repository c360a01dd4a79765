//! How long the calls of a circuit took.

use crate::circuit::Circuit;
use crate::engine::record::histogram::LatencyHistogram;

impl Circuit {
    /// Returns how long calls took since the circuit was made; `None` where that is not kept.
    ///
    /// [`CircuitBuilder::latency`](crate::CircuitBuilder::latency) keeps it. A copy of 400 bytes,
    /// made without a lock. Not part of a [`snapshot`](Self::snapshot), which is taken often and of
    /// many circuits.
    #[must_use]
    pub fn latency(&self) -> Option<LatencyHistogram> {
        self.core.machine.latency()
    }
}
