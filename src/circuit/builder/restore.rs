//! Restore: a circuit that continues from an exported one.

use crate::circuit::builder::CircuitBuilder;
use crate::circuit::saved::SavedCircuit;

impl CircuitBuilder {
    /// Restores the state that an earlier process [exported](crate::Circuit::export).
    ///
    /// An open circuit is open for the time that was left, less the time the process was away, and
    /// then recovers by its backoff as if nothing had happened. If that time has ended, or the
    /// circuit was half-open, it is open and the next call probes. An override is restored, too,
    /// even one that the admin service was to end at some time: use
    /// [`without_override`](SavedCircuit::without_override) where that is not wanted. A closed
    /// circuit stays closed, and keeps its backoff until it has been closed for long enough; a
    /// [`ramp`](Self::ramp) is over. Window, runs and totals start empty. The state of a circuit
    /// with another name is not used.
    ///
    /// The builder's listeners receive this as any change, with
    /// [`ChangeReason::Restored`](crate::ChangeReason::Restored); a circuit that is restored as
    /// open has tripped once more. No open time is longer than the settings could have made it (the
    /// longest of the open times and [`max_trip_for`](Self::max_trip_for)), so a file that says
    /// otherwise cannot keep a circuit open.
    ///
    /// The wall clock is read only to find out how long the process was away; see
    /// [`away_for`](SavedCircuit::away_for).
    ///
    /// **For** processes that restart often, or all at once in a roll-out, before an upstream that
    /// must not meet all of their calls while it is down; and for overrides that are to outlive a
    /// restart. **Not** where a restart repairs the upstream or the way to it, nor among many
    /// processes that can share their circuits through Redis: the fleet keeps the
    /// state.
    ///
    /// # Examples
    ///
    #[cfg_attr(feature = "serde", doc = "```")]
    #[cfg_attr(not(feature = "serde"), doc = "```text")]
    /// use std::fs;
    /// use tower_circuit_breaker::{Circuit, CircuitState, SavedCircuit};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = std::env::temp_dir().join(format!("plants-{}.json", std::process::id()));
    /// let circuit = Circuit::builder("plants").build();
    /// circuit.trip();
    /// fs::write(&file, serde_json::to_vec(&circuit.export())?)?;
    ///
    /// // In the next process: without a file, or with one that is no good, it starts closed.
    /// let saved =
    ///     fs::read(&file).ok().and_then(|text| serde_json::from_slice::<SavedCircuit>(&text).ok());
    /// let circuit = Circuit::builder("plants").restore(saved).build();
    ///
    /// assert_eq!(circuit.state(), CircuitState::Open);
    /// # fs::remove_file(file)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn restore(mut self, saved: impl Into<Option<SavedCircuit>>) -> Self {
        self.saved = saved.into();
        self
    }
}
