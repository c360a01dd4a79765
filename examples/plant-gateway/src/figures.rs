//! What this gateway is asked about itself: figures of its cache, its callers, its circuits.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tower_circuit_breaker::{CircuitSnapshot, CircuitState};

/// Counts since the start. Relaxed, all: they only count.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) requests: Count,
    pub(crate) old_path: Count,
    pub(crate) unauthorized: Count,
    pub(crate) hits: Count,
    pub(crate) misses: Count,
    /// Questions that somebody else was asking: in this process, or in another one.
    pub(crate) saved: Count,
}

#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Figures {
    pub(crate) fn as_json(&self) -> Value {
        let [requests, hits, saved, misses] =
            [&self.requests, &self.hits, &self.saved, &self.misses].map(Count::get);
        json!({
            "requests": requests,
            "cache_hit_rate": share(hits, hits + saved + misses),
            "duplicate_calls_saved": saved,
            "calls_saved": hits + saved,
            "calls_saved_rate": share(hits + saved, hits + saved + misses),
            "unauthorized_rate": share(self.unauthorized.get(), requests),
            "old_path_rate": share(self.old_path.get(), requests),
        })
    }

    /// The same counts for Prometheus, which makes the rates.
    pub(crate) fn as_metrics(&self) -> String {
        let mut text = String::new();
        for (name, help, count) in [
            ("requests", "Requests for an identification.", &self.requests),
            ("old_path_requests", "Those of them by the old path.", &self.old_path),
            ("unauthorized", "Those of them without a valid key.", &self.unauthorized),
            ("cache_hits", "Questions that the cache has answered.", &self.hits),
            ("cache_misses", "Questions that no cache could answer.", &self.misses),
            ("duplicate_calls_saved", "Questions that another request was asking.", &self.saved),
        ] {
            let (name, count) = (format!("plant_gateway_{name}_total"), count.get());
            // Writing to a string cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}\n");
        }
        text
    }
}

/// The share of its time for which a circuit was not closed.
pub(crate) fn share_of_time_open(circuit: &CircuitSnapshot) -> f64 {
    let since_trip = circuit.last_trip.as_ref().map(|trip| trip.ago);
    let now = since_trip.filter(|_| circuit.state != CircuitState::Closed).unwrap_or_default();
    let open = circuit.recoveries.total + now;
    open.as_secs_f64() / circuit.uptime.as_secs_f64().max(f64::MIN_POSITIVE)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}
