//! Settings as a value: from and to text with the `serde` feature.

use crate::engine::rules::settings::Settings;
use crate::engine::state::Override;

#[cfg(feature = "serde")]
mod check;
#[cfg(feature = "serde")]
mod error;
#[cfg(feature = "serde")]
mod fields;
#[cfg(feature = "serde")]
mod rules;
#[cfg(feature = "serde")]
mod scalar;
#[cfg(feature = "serde")]
mod text;

#[cfg(feature = "serde")]
pub(crate) use self::error::ConfigError;
#[cfg(feature = "serde")]
pub(crate) use self::fields::parse_sum;
#[cfg(feature = "serde")]
pub(crate) use self::scalar::Scalar;

/// The settings of a circuit, checked, as a value.
///
/// From text with the `serde` feature, or from
/// [`CircuitBuilder::into_config`](crate::CircuitBuilder::into_config). A value of this type is
/// always valid, so [`Circuit::reconfigure`](crate::Circuit::reconfigure) cannot fail.
///
/// # As text
///
/// Every field is optional and has the setter's name, meaning and default. Unknown fields are
/// refused, and so is a rule that is said twice; durations are written as `"30s"`, `"1m 30s"`,
/// `"1.5m"` or `"250ms"`. A wrong value gives an error that names the field, the value and what is
/// allowed.
///
/// ```toml
/// consecutive_failures = 5
/// lasting = "1s"                        # optional: from the first of them to the last
/// failure_rate = 0.5
/// failure_rate_confident = 0.3          # together with:
/// confidence = 0.99
/// failure_count = 100
/// slow_call_rate = 0.8                  # together with:
/// slower_than = "2s"
/// stalled_calls = 20                    # together with:
/// older_than = "5s"
/// window = { time = "10s", buckets = 10 }   # or: { calls = 100 }
/// minimum_calls = 20
/// open_for = "30s"                      # or: open_backoff = { first = "5s", max = "5m" }
///                                       # or: open_backoff = { steps = ["5s", "30s", "5m"] }
/// probes = 1
/// concurrent_probes = 1
/// failed_probes_allowed = 0
/// probe_timeout = "30s"
/// abandoned_after = "3s"
/// max_trip_for = "1h"
/// ramp = "1m"
/// throttle = 2.0
/// initial_override = "observing"        # or: "forced_closed", "forced_open"
///
/// [[rules]]
/// consecutive_failures = 3
/// kind = "connect"
/// open_for = "1m"
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(try_from = "text::ConfigText", into = "text::ConfigText"))]
pub struct CircuitConfig {
    settings: Settings,
    /// Of circuits that are built with it; one that runs keeps its own.
    initial_override: Option<Override>,
}

impl CircuitConfig {
    pub(crate) const fn from_settings(settings: Settings) -> Self {
        Self { settings, initial_override: None }
    }

    pub(crate) fn with_initial_override(self, initial_override: Option<Override>) -> Self {
        Self { initial_override, ..self }
    }

    pub(crate) const fn initial_override(&self) -> Option<Override> {
        self.initial_override
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn into_settings(self) -> Settings {
        self.settings
    }
}

impl Default for CircuitConfig {
    fn default() -> Self {
        Self::from_settings(Settings::without_rules())
    }
}
