//! A circuit in the figures that dashboards ask for.

use desk::failures_in_a_row;
use jiff::Timestamp;
use serde::Serialize;
use tower_circuit_breaker::{Circuit, CircuitSnapshot, CircuitState, Health, Transitions};

/// Of `GET /api/circuit-breakers/metrics`.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    name: String,
    state: CircuitState,
    /// Those that were let through and have ended, and those that were rejected.
    total_calls: u64,
    successful_calls: u64,
    failed_calls: u64,
    rejected_calls: u64,
    /// Of those that succeeded or failed; `null` before the first.
    success_rate_percent: Option<f64>,
    failure_rate_percent: Option<f64>,
    /// Of all.
    rejection_rate_percent: Option<f64>,
    current_failure_count: u64,
    failure_threshold: u32,
    state_transitions: StateTransitions,
    /// `null` before the first.
    last_state_change: Option<Timestamp>,
    uptime_seconds: f64,
    is_healthy: bool,
    is_degraded: bool,
    is_failing: bool,
}

/// Those that a circuit makes by itself.
#[derive(Debug, Serialize)]
struct StateTransitions {
    closed_to_open: u64,
    open_to_half_open: u64,
    half_open_to_closed: u64,
    half_open_to_open: u64,
}

impl Figures {
    pub(crate) fn of(circuit: &Circuit, failure_threshold: u32) -> Self {
        let snapshot = circuit.snapshot();
        let (totals, health) = (snapshot.totals, snapshot.health());
        let (good, bad, rejected) = (totals.successes, totals.failures, totals.rejected);
        let without_result = totals.ignored + totals.not_sent + totals.abandoned + totals.stale;
        let all = good + bad + without_result + rejected;
        Self {
            name: snapshot.name.to_string(),
            state: snapshot.state,
            total_calls: all,
            successful_calls: good,
            failed_calls: bad,
            rejected_calls: rejected,
            success_rate_percent: percent(good, good + bad),
            failure_rate_percent: percent(bad, good + bad),
            rejection_rate_percent: percent(rejected, all),
            current_failure_count: failures_in_a_row(&snapshot),
            failure_threshold,
            state_transitions: StateTransitions::of(snapshot.transitions),
            last_state_change: last_state_change(circuit, &snapshot),
            uptime_seconds: snapshot.uptime.as_secs_f64(),
            is_healthy: health == Health::Healthy,
            is_degraded: health == Health::Degraded,
            is_failing: health == Health::Failing,
        }
    }
}

impl StateTransitions {
    const fn of(of: Transitions) -> Self {
        Self {
            closed_to_open: of.closed_to_open,
            open_to_half_open: of.open_to_half_open,
            half_open_to_closed: of.half_open_to_closed,
            half_open_to_open: of.half_open_to_open,
        }
    }
}

fn last_state_change(circuit: &Circuit, snapshot: &CircuitSnapshot) -> Option<Timestamp> {
    let has_changed = !circuit.recent_events().is_empty();
    let since = Timestamp::now().checked_sub(snapshot.in_state_for).ok()?;
    has_changed.then_some(since)
}

/// The success rate of a circuit since its start.
pub(crate) fn success_rate(circuit: &CircuitSnapshot) -> Option<f64> {
    let (good, bad) = (circuit.totals.successes, circuit.totals.failures);
    percent(good, good + bad)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn percent(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| 100.0 * part as f64 / all as f64)
}
