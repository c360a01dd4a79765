//! Metrics, as the user's encoder writes them.

use std::fmt;

use tower_circuit_breaker::CircuitRegistry;

/// Writes the metrics.
pub(crate) struct Metrics(Box<dyn Fn(&CircuitRegistry) -> String + Send + Sync>);

impl Metrics {
    pub(crate) fn new(encode: impl Fn(&CircuitRegistry) -> String + Send + Sync + 'static) -> Self {
        Self(Box::new(encode))
    }

    /// The text and its content type.
    pub(crate) fn encode(&self, registry: &CircuitRegistry) -> (&'static str, String) {
        let text = (self.0)(registry);
        let content_type = if text.ends_with("# EOF\n") { OPEN_METRICS } else { PROMETHEUS };
        (content_type, text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
