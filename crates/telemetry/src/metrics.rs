//! Changes through the `metrics` facade.

use std::sync::Arc;

use metrics::{SharedString, counter, describe_counter, describe_gauge, gauge};
use tower_circuit_breaker::{CircuitEvent, CircuitState, Interest, Listener, Override};

use crate::level::level;

/// Records what happens to circuits in whatever recorder of [`metrics`](https://docs.rs/metrics) the
/// program has installed.
///
/// It hears of what happens, so its metrics begin with the first change or call: a circuit that has
/// had none has no series. Names and labels are those of the [module docs](crate#metrics),
/// as far as events tell:
///
/// | metric | recorded on |
/// |---|---|
/// | `circuit_breaker_state`, `circuit_breaker_open_total`, `circuit_breaker_state_transitions_total` | changes |
/// | `circuit_breaker_overridden` | changes |
/// | `circuit_breaker_calls_total`: `rejected` | [`rejections`](Self::rejections) |
/// | `circuit_breaker_calls_total`: `success` and `failure`; `circuit_breaker_failures_total` | [`calls`](Self::calls) |
///
/// What it records is looked up in the recorder at each event and not kept, so that a recorder may be
/// installed later, or forget what was idle for long, and nothing is left of circuits that have gone.
///
/// Where Prometheus is what scrapes, `PrometheusCollector` knows more and
/// costs calls nothing.
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::CircuitRegistry;
/// use tower_circuit_breaker_telemetry::MetricsListener;
///
/// let registry = CircuitRegistry::new();
/// registry.on_event(MetricsListener::new().rejections());
/// # registry.get_or_create("plants").trip();
/// # assert_eq!(registry.get("plants").unwrap().snapshot().listeners.panics, 0);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MetricsListener {
    interest: Interest,
}

const STATE: &str = "circuit_breaker_state";
const OVERRIDDEN: &str = "circuit_breaker_overridden";
const CALLS: &str = "circuit_breaker_calls_total";
const FAILURES: &str = "circuit_breaker_failures_total";
const OPEN: &str = "circuit_breaker_open_total";
const TRANSITIONS: &str = "circuit_breaker_state_transitions_total";

impl MetricsListener {
    /// Records changes of state and override, and describes the metrics to the recorder that is
    /// installed: install yours before.
    #[must_use]
    pub fn new() -> Self {
        describe_gauge!(STATE, "Where the circuit stands: 0 closed, 1 half-open, 2 open.");
        describe_gauge!(OVERRIDDEN, "1 while an operator has this override in force.");
        describe_counter!(CALLS, "Calls, by what became of them.");
        describe_counter!(FAILURES, "Failed calls, by the kind of failure.");
        describe_counter!(OPEN, "How often the circuit opened, from closed or half-open.");
        describe_counter!(TRANSITIONS, "Changes of state, by the states before and after.");
        Self { interest: Interest::CHANGES }
    }

    /// Counts finished calls too; each then costs a short lock and one or two look-ups in the
    /// recorder.
    #[must_use]
    pub fn calls(self) -> Self {
        Self { interest: self.interest | Interest::CALLS }
    }

    /// Counts rejected calls too; each then costs a short lock and a look-up in the recorder.
    #[must_use]
    pub fn rejections(self) -> Self {
        Self { interest: self.interest | Interest::REJECTIONS }
    }
}

impl Listener for MetricsListener {
    fn on_event(&self, event: &CircuitEvent) {
        match event {
            CircuitEvent::StateChanged { circuit, from, to, .. } => moved(circuit, *from, *to),
            CircuitEvent::Overridden { circuit, from, to, .. } => {
                override_is(circuit, *from, 0.0);
                override_is(circuit, *to, 1.0);
            }
            CircuitEvent::Rejected { circuit, .. } => ended(circuit, "rejected"),
            CircuitEvent::Succeeded { circuit, .. } => ended(circuit, "success"),
            CircuitEvent::NotSent { circuit, .. } => ended(circuit, "not_sent"),
            CircuitEvent::Failed { circuit, kind, .. } => {
                ended(circuit, "failure");
                counter!(FAILURES, "name" => label(circuit), "kind" => kind.as_str()).increment(1);
            }
            // `Renewed`: the series of a state and its override stay as they are.
            _ => {}
        }
    }

    fn interest(&self) -> Interest {
        self.interest
    }
}

impl Default for MetricsListener {
    fn default() -> Self {
        Self::new()
    }
}

fn moved(circuit: &Arc<str>, from: CircuitState, to: CircuitState) {
    gauge!(STATE, "name" => label(circuit)).set(level(to));
    counter!(TRANSITIONS, "name" => label(circuit), "transition" => transition(from, to))
        .increment(1);
    if to == CircuitState::Open {
        counter!(OPEN, "name" => label(circuit)).increment(1);
    }
}

/// The states by name, without making a string for what circuits do.
fn transition(from: CircuitState, to: CircuitState) -> SharedString {
    use CircuitState::{Closed, HalfOpen, Open};
    SharedString::const_str(match (from, to) {
        (Closed, Open) => "closed_to_open",
        (Open, HalfOpen) => "open_to_half_open",
        (Open, Closed) => "open_to_closed",
        (HalfOpen, Closed) => "half_open_to_closed",
        (HalfOpen, Open) => "half_open_to_open",
        _ => return format!("{from}_to_{to}").into(),
    })
}

fn override_is(circuit: &Arc<str>, overridden: Option<Override>, value: f64) {
    if let Some(overridden) = overridden {
        gauge!(OVERRIDDEN, "name" => label(circuit), "override" => overridden.as_str()).set(value);
    }
}

fn ended(circuit: &Arc<str>, result: &'static str) {
    counter!(CALLS, "name" => label(circuit), "result" => result).increment(1);
}

/// Shares the name: a label is made for each event.
fn label(circuit: &Arc<str>) -> SharedString {
    SharedString::from_shared(Arc::clone(circuit))
}
