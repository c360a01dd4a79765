//! What a result changes that comes after its circuit has moved on: nothing but its own count.

use crate::conformance::case::Case;
use crate::conformance::promise::Promise;
use crate::conformance::report::Broken;
use crate::model::Call;
use tower_circuit_breaker::CircuitSnapshot;

impl Case<'_> {
    /// Whether a late result left the circuit as it was `before`.
    pub(super) fn check_late(
        &mut self,
        noted: Call,
        before: &CircuitSnapshot,
    ) -> Result<(), Broken> {
        if noted.epoch == before.epoch {
            return Ok(());
        }
        let mut expected = before.clone();
        expected.totals.stale += 1;
        let found = self.circuit.snapshot();
        self.checks.same(Promise::LateResults, "after a late result", &found, &expected)
    }
}
