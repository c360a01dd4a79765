//! What is told of the circuits, as JSON.

use std::time::Duration;

use serde::Serialize;

use crate::circuit::Circuit;
use crate::circuit::config::CircuitConfig;
use crate::circuit::snapshot::{CircuitSnapshot, Health};
use crate::engine::outcome::FailureKind;
use crate::engine::record::totals::Totals;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override};
use crate::engine::window::counts::WindowCounts;
use crate::events::history::RecentEvent;
use crate::registry::CircuitRegistry;
use crate::sync::Arc;

/// A circuit: its snapshot, and what can be made of it.
#[derive(Debug, Serialize)]
pub(super) struct CircuitView {
    #[serde(flatten)]
    pub(super) snapshot: CircuitSnapshot,
    health: Health,
    is_critical: bool,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    thresholds: Thresholds,
    #[serde(serialize_with = "crate::events::serialize::optional_seconds")]
    pub(super) override_ends_in: Option<Duration>,
    /// The last few, the oldest first.
    recent_events: Vec<RecentEvent>,
}

/// What trips the circuit; `null` what does not.
#[derive(Debug, Serialize)]
struct Thresholds {
    consecutive_failures: Option<u32>,
    failure_rate: Option<f64>,
    failure_rate_confident: Option<f64>,
    confidence: Option<f64>,
    failure_count: Option<u32>,
    slow_call_rate: Option<f64>,
    #[serde(serialize_with = "crate::events::serialize::optional_seconds")]
    slower_than: Option<Duration>,
    stalled_calls: Option<u32>,
    #[serde(serialize_with = "crate::events::serialize::optional_seconds")]
    older_than: Option<Duration>,
    minimum_calls: u32,
}

/// A circuit and its settings.
#[derive(Debug, Serialize)]
pub(super) struct CircuitDetail {
    #[serde(flatten)]
    view: CircuitView,
    config: CircuitConfig,
}

/// What changes with each call.
#[derive(Debug, Serialize)]
pub(super) struct Counts<'a> {
    name: &'a str,
    window: WindowCounts,
    admitted_share: Option<f64>,
    consecutive_failures: u64,
    slow_in_flight: u64,
    stalled_calls: u64,
    totals: Totals,
    #[serde(serialize_with = "crate::events::serialize::by_kind")]
    failures_by_kind: &'a [(FailureKind, u64)],
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
}

/// A circuit for those who ask whether all is well.
#[derive(Debug, Serialize)]
pub(super) struct HealthView {
    name: Arc<str>,
    health: Health,
    state: CircuitState,
    overridden: Option<Override>,
}

impl CircuitView {
    pub(super) fn new(registry: &CircuitRegistry, circuit: &Circuit) -> Self {
        let snapshot = circuit.snapshot();
        let mut recent_events = circuit.recent_events();
        recent_events.drain(..recent_events.len().saturating_sub(FEW_EVENTS));
        Self {
            health: snapshot.health(),
            is_critical: registry.is_critical(circuit.name()),
            failure_rate: snapshot.failure_rate(),
            slow_call_rate: snapshot.slow_call_rate(),
            thresholds: Thresholds::of(&circuit.config().into_settings()),
            override_ends_in: None,
            recent_events,
            snapshot,
        }
    }

    pub(super) fn with_config(self, circuit: &Circuit) -> CircuitDetail {
        CircuitDetail { view: self, config: circuit.config() }
    }
}

impl Thresholds {
    fn of(settings: &Settings) -> Self {
        Self {
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

impl<'a> Counts<'a> {
    pub(super) fn of(snapshot: &'a CircuitSnapshot) -> Self {
        Self {
            name: &snapshot.name,
            window: snapshot.window,
            admitted_share: snapshot.admitted_share,
            consecutive_failures: snapshot.consecutive_failures,
            slow_in_flight: snapshot.slow_in_flight,
            stalled_calls: snapshot.stalled_calls,
            totals: snapshot.totals,
            failures_by_kind: &snapshot.failures_by_kind,
            failure_rate: snapshot.failure_rate(),
            slow_call_rate: snapshot.slow_call_rate(),
        }
    }
}

impl HealthView {
    pub(super) fn of(snapshot: CircuitSnapshot) -> Self {
        let health = snapshot.health();
        let (state, overridden) = (snapshot.state, snapshot.overridden);
        Self { name: snapshot.name, health, state, overridden }
    }
}

/// The others are at `circuits/{name}/events`.
const FEW_EVENTS: usize = 5;
