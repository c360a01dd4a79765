//! `GET /api/circuit-breakers/metrics`: each circuit in the figures that dashboards ask for.

use serde::Serialize;
use serde_json::{Value, json};
use tower_circuit_breaker::{CircuitState, Health, Transitions};

use crate::service::Service;

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    name: String,
    state: CircuitState,
    uptime_seconds: f64,
    /// Those that were let through and have ended, and those that were rejected.
    total_calls: u64,
    successful_calls: u64,
    failed_calls: u64,
    rejected_calls: u64,
    /// Of those that succeeded or failed; `null` before the first.
    success_rate: Option<f64>,
    failure_rate: Option<f64>,
    /// Of all.
    rejection_rate: Option<f64>,
    /// In a row, so far.
    failure_count: u64,
    failure_threshold: u32,
    transitions: Transitions,
    last_change: Value,
    is_healthy: bool,
    is_degraded: bool,
    is_failing: bool,
}

impl Figures {
    pub(crate) fn of(service: &Service) -> Self {
        let snapshot = service.circuit.snapshot();
        let (totals, health) = (snapshot.totals, snapshot.health());
        let (good, bad, rejected) = (totals.successes, totals.failures, totals.rejected);
        let all = good
            + bad
            + totals.ignored
            + totals.not_sent
            + totals.abandoned
            + totals.stale
            + rejected;
        let last = service.circuit.recent_events().pop();
        let last =
            last.map(|last| json!({ "seconds_ago": last.ago.as_secs_f64(), "what": last.event }));
        Self {
            name: snapshot.name.to_string(),
            state: snapshot.state,
            uptime_seconds: snapshot.uptime.as_secs_f64(),
            total_calls: all,
            successful_calls: good,
            failed_calls: bad,
            rejected_calls: rejected,
            success_rate: share(good, good + bad),
            failure_rate: share(bad, good + bad),
            rejection_rate: share(rejected, all),
            failure_count: snapshot.consecutive_failures,
            failure_threshold: service.limits.fail_max,
            transitions: snapshot.transitions,
            last_change: last.unwrap_or_default(),
            is_healthy: health == Health::Healthy,
            is_degraded: health == Health::Degraded,
            is_failing: health == Health::Failing,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}
