//! Reading and changing the settings of a running circuit.

use crate::circuit::Circuit;
use crate::circuit::config::CircuitConfig;
use crate::engine::rules::settings::Settings;

impl Circuit {
    /// Changes the settings; the circuit keeps its state and its totals.
    ///
    /// Window and runs start empty, and calls in flight no longer count, so that each call is
    /// judged by one set of settings. A throttle learns its share anew; a ramp continues from the
    /// share that it has gained. The present open time stays, and so do overrides and isolations;
    /// an [`initial_override`](crate::CircuitBuilder::initial_override) is for circuits that are
    /// built.
    /// Settings equal to the present ones change nothing, so this can be called on every reload of
    /// a file.
    pub fn reconfigure(&self, config: CircuitConfig) {
        let settings = config.into_settings().with_default_rules();
        self.tell_if(self.core.machine.reconfigure(settings, self.end_override()));
    }

    /// Returns the present settings, with the default rules if none was set.
    ///
    /// Takes a short lock, as [`snapshot`](Self::snapshot) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::Circuit;
    ///
    /// let one = Circuit::builder("one").failure_rate(0.2).build();
    /// let other = Circuit::builder("other").config(one.config()).build();
    ///
    /// assert_eq!(other.config(), one.config());
    /// ```
    #[must_use]
    pub fn config(&self) -> CircuitConfig {
        CircuitConfig::from_settings(Settings::clone(&self.core.machine.settings()))
    }
}
