//! What the API says of the circuits, as JSON.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tower_circuit_breaker::view::Thresholds;
use tower_circuit_breaker::{
    Circuit, CircuitConfig, CircuitSnapshot, CircuitState, FailureKind, Health, Override,
    RecentEvent, Totals, WindowCounts,
};

use crate::access::Caller;
use crate::history::series::FiveMinutes;
use crate::ids::Id;
use crate::latency::Percentiles;
use crate::rates::Shares;
use crate::wall_clock::now_in_millis;

/// A circuit: its snapshot, and what can be made of it.
#[derive(Debug, Serialize)]
pub(crate) struct CircuitView {
    /// Its number, where several are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(flatten)]
    pub(crate) snapshot: CircuitSnapshot,
    health: Health,
    is_critical: bool,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    thresholds: Thresholds,
    #[serde(serialize_with = "tower_circuit_breaker::view::optional_seconds")]
    override_ends_in: Option<Duration>,
    /// The last few, the oldest first.
    recent_events: Vec<RecentEvent>,
    #[serde(flatten)]
    rates: RatesView,
    #[serde(flatten)]
    words: OperatorWords,
}

/// What operators and code have said; only for those who may see what operators did.
#[derive(Debug, Default, Serialize)]
struct OperatorWords {
    /// Of an override that is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    override_words: Option<OverrideWords>,
    /// Of each isolation, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    isolation_reasons: Option<Vec<Option<Arc<str>>>>,
}

/// How many calls there are, as far as somebody counts them.
#[derive(Debug, Default, Serialize)]
struct RatesView {
    calls_per_second: Option<f64>,
    rejected_per_second: Option<f64>,
    /// Of ten seconds, from totals: also where there is no window.
    failure_share: Option<f64>,
    /// In seconds, of half a minute; where the circuit keeps it.
    latency: Option<Percentiles>,
}

/// A circuit and its settings.
#[derive(Debug, Serialize)]
pub(crate) struct CircuitDetail {
    /// Milliseconds since 1970: the times in it are before or after this.
    at: u64,
    #[serde(flatten)]
    view: CircuitView,
    config: CircuitConfig,
    /// Where a history of the circuit is kept.
    last_five_minutes: Option<FiveMinutes>,
    /// Only for those who may see what operators did, and where the circuit keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// Who imposed an override, and why.
#[derive(Debug, Serialize)]
struct OverrideWords {
    actor: Option<Arc<str>>,
    actor_checked: bool,
    reason: Option<Arc<str>>,
}

/// What changes with each call.
#[derive(Debug, Serialize)]
pub(crate) struct Counts<'a> {
    id: Id,
    name: &'a str,
    window: WindowCounts,
    admitted_share: Option<f64>,
    consecutive_failures: u64,
    slow_in_flight: u64,
    stalled_calls: u64,
    totals: Totals,
    #[serde(serialize_with = "tower_circuit_breaker::view::by_kind")]
    failures_by_kind: &'a [(FailureKind, u64)],
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    in_flight: Option<u64>,
    #[serde(flatten)]
    rates: RatesView,
}

/// A circuit in the answer of the health endpoint.
#[derive(Debug, Serialize)]
pub(crate) struct HealthView {
    name: Arc<str>,
    health: Health,
    state: CircuitState,
    overridden: Option<Override>,
}

impl CircuitView {
    pub(crate) fn new(circuit: &Circuit, snapshot: CircuitSnapshot, is_critical: bool) -> Self {
        let mut recent_events = circuit.recent_events();
        recent_events.drain(..recent_events.len().saturating_sub(FEW_EVENTS));
        Self {
            health: snapshot.health(),
            id: None,
            is_critical,
            failure_rate: snapshot.failure_rate(),
            slow_call_rate: snapshot.slow_call_rate(),
            thresholds: circuit.config().thresholds(),
            override_ends_in: snapshot.operators_override.as_ref().and_then(|own| own.ends_in),
            recent_events,
            rates: RatesView::default(),
            words: OperatorWords::default(),
            snapshot,
        }
    }

    /// The same with its number and rates.
    pub(crate) fn known_as(self, id: Option<Id>, shares: Shares) -> Self {
        Self { id, rates: RatesView::of(shares), ..self }
    }

    /// The same as `caller` may see it.
    pub(crate) fn shown_to(self, caller: Caller) -> Self {
        let words = match caller {
            Caller::Insider | Caller::Operator => OperatorWords::of(&self.snapshot),
            Caller::Stranger | Caller::Reader => OperatorWords::default(),
        };
        Self { words, ..self }
    }
}

impl OperatorWords {
    fn of(snapshot: &CircuitSnapshot) -> Self {
        let own = snapshot.operators_override.as_ref().map(|own| OverrideWords {
            actor: own.actor.clone(),
            actor_checked: own.actor_checked,
            reason: own.reason.clone(),
        });
        let isolations = &snapshot.isolated_by;
        let reasons = || isolations.iter().map(|one| one.reason.clone()).collect();
        let isolation_reasons = (!isolations.is_empty()).then(reasons);
        Self { override_words: own, isolation_reasons }
    }
}

impl CircuitDetail {
    pub(crate) fn new(
        view: CircuitView,
        circuit: &Circuit,
        last_five_minutes: Option<FiveMinutes>,
        caller: Caller,
    ) -> Self {
        let last_error = view.snapshot.last_error.as_ref().filter(|_| caller >= Caller::Insider);
        let last_error = last_error.map(|text| text.as_str().to_owned());
        let (at, config) = (now_in_millis(), circuit.config());
        Self { at, config, last_five_minutes, last_error, view: view.shown_to(caller) }
    }
}

impl<'a> Counts<'a> {
    pub(crate) fn of(snapshot: &'a CircuitSnapshot, id: Id, shares: Shares) -> Self {
        Self {
            id,
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
            in_flight: snapshot.in_flight,
            rates: RatesView::of(shares),
        }
    }
}

impl RatesView {
    fn of(shares: Shares) -> Self {
        Self {
            calls_per_second: shares.per_second.map(|rates| rates.calls),
            rejected_per_second: shares.per_second.map(|rates| rates.rejected),
            failure_share: shares.failure_share,
            latency: shares.latency,
        }
    }
}

impl HealthView {
    pub(crate) fn of(snapshot: CircuitSnapshot) -> Self {
        let health = snapshot.health();
        let (state, overridden) = (snapshot.state, snapshot.overridden);
        Self { name: snapshot.name, health, state, overridden }
    }
}

/// The others are at `circuits/{name}/events`.
const FEW_EVENTS: usize = 5;
