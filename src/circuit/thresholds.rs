//! What trips a circuit, in numbers to be shown.

use std::time::Duration;

use crate::circuit::config::CircuitConfig;

/// What trips a circuit; `None` where no rule asks for it.
///
/// As JSON (feature `serde`) durations are numbers of seconds.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Thresholds {
    /// Failures in a row.
    pub consecutive_failures: Option<u32>,
    /// Share of failures in the window.
    pub failure_rate: Option<f64>,
    /// Share of failures in the window that must be passed with [`confidence`](Self::confidence).
    pub failure_rate_confident: Option<f64>,
    /// How sure that must be, between 0.5 and 1.
    pub confidence: Option<f64>,
    /// Failures in the window.
    pub failure_count: Option<u32>,
    /// Share of slow calls in the window.
    pub slow_call_rate: Option<f64>,
    /// From when on a call is slow.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::events::serialize::optional_seconds")
    )]
    pub slower_than: Option<Duration>,
    /// Calls in flight that are older than [`older_than`](Self::older_than).
    pub stalled_calls: Option<u32>,
    /// From when on a call in flight is stalled.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::events::serialize::optional_seconds")
    )]
    pub older_than: Option<Duration>,
    /// Calls in the window below which no rate trips.
    pub minimum_calls: u32,
}

impl CircuitConfig {
    /// What trips a circuit of these settings.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        let settings = self.settings();
        Thresholds {
            consecutive_failures: settings.consecutive.map(|rule| rule.failures),
            failure_rate: settings.failure_rate.map(|rule| rule.rate.share()),
            failure_rate_confident: settings.failure_rate_confident.map(|rule| rule.rate.share()),
            confidence: settings.failure_rate_confident.map(|rule| rule.confidence.share()),
            failure_count: settings.effective_failure_count(),
            slow_call_rate: settings.slow_call_rate.map(|rule| rule.rate.share()),
            slower_than: settings.slow_call_rate.map(|rule| rule.slower_than),
            stalled_calls: settings.stalled_calls.map(|rule| rule.calls),
            older_than: settings.stalled_calls.map(|rule| rule.older_than),
            minimum_calls: settings.effective_minimum(),
        }
    }
}
