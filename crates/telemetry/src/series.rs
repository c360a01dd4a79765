//! What is exported of a circuit, and its names.

use std::time::Duration;

use tower_circuit_breaker::{CircuitSnapshot, Override};

use crate::level::level;

/// One metric that every circuit has.
pub(crate) struct Metric {
    /// Without the `_total` of counters.
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) read: fn(&CircuitSnapshot) -> Vec<Sample>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows; its name on the wire ends in `_total`.
    Counter,
    Gauge,
}

/// One value of a metric of one circuit.
pub(crate) struct Sample {
    /// Beside the name of the circuit.
    pub(crate) label: Option<(&'static str, &'static str)>,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    Count(u64),
    Real(f64),
}

pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "circuit_breaker_state",
        help: "Where the circuit stands: 0 closed, 1 half-open, 2 open.",
        kind: Kind::Gauge,
        read: |circuit| count(level(circuit.state).into()),
    },
    Metric {
        name: "circuit_breaker_overridden",
        help: "1 while an operator has this override in force.",
        kind: Kind::Gauge,
        read: |circuit| labelled("override", overrides(circuit)),
    },
    Metric {
        name: "circuit_breaker_in_state_seconds",
        help: "How long the state has lasted.",
        kind: Kind::Gauge,
        read: |circuit| seconds(circuit.in_state_for),
    },
    Metric {
        name: "circuit_breaker_retry_after_seconds",
        help: "How long calls will go on being rejected; 0 unless open, and while forced.",
        kind: Kind::Gauge,
        read: |circuit| seconds(circuit.retry_after.unwrap_or_default()),
    },
    Metric {
        name: "circuit_breaker_success_rate",
        help: "Percent of the calls in the window that succeeded; NaN while it is empty.",
        kind: Kind::Gauge,
        read: |circuit| one(Value::Real(success_rate(circuit))),
    },
    Metric {
        name: "circuit_breaker_calls",
        help: "Calls, by what became of them.",
        kind: Kind::Counter,
        read: |circuit| labelled("result", results(circuit)),
    },
    Metric {
        name: "circuit_breaker_failures",
        help: "Failed calls, by the kind of failure.",
        kind: Kind::Counter,
        read: |circuit| labelled("kind", kinds(circuit)),
    },
    Metric {
        name: "circuit_breaker_slow_calls",
        help: "Successes and failures that were slow.",
        kind: Kind::Counter,
        read: |circuit| count(circuit.totals.slow_calls),
    },
    Metric {
        name: "circuit_breaker_stale_calls",
        help: "Calls that ended after the circuit had moved on: they are in no result.",
        kind: Kind::Counter,
        read: |circuit| count(circuit.totals.stale),
    },
    Metric {
        name: "circuit_breaker_would_have_rejected",
        help: "Calls that were let through only because the circuit is under observation.",
        kind: Kind::Counter,
        read: |circuit| count(circuit.totals.would_have_rejected),
    },
    Metric {
        name: "circuit_breaker_open",
        help: "How often the circuit opened, from closed or half-open.",
        kind: Kind::Counter,
        read: |circuit| count(openings(circuit)),
    },
    Metric {
        name: "circuit_breaker_state_transitions",
        help: "Changes of state, by the states before and after.",
        kind: Kind::Counter,
        read: |circuit| labelled("transition", transitions(circuit)),
    },
];

fn overrides(circuit: &CircuitSnapshot) -> Vec<(&'static str, u64)> {
    [Override::ForcedOpen, Override::ForcedClosed, Override::Observing]
        .map(|each| (each.as_str(), u64::from(circuit.overridden == Some(each))))
        .to_vec()
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn success_rate(circuit: &CircuitSnapshot) -> f64 {
    let window = circuit.window;
    let successes = window.calls.saturating_sub(window.failures);
    // Without calls this is 0 / 0: not a number.
    100.0 * successes as f64 / window.calls as f64
}

fn results(circuit: &CircuitSnapshot) -> Vec<(&'static str, u64)> {
    let totals = circuit.totals;
    vec![
        ("success", totals.successes),
        ("failure", totals.failures),
        ("ignored", totals.ignored),
        ("not_sent", totals.not_sent),
        ("abandoned", totals.abandoned),
        ("rejected", totals.rejected),
    ]
}

fn kinds(circuit: &CircuitSnapshot) -> Vec<(&'static str, u64)> {
    circuit.failures_by_kind.iter().map(|(kind, failures)| (kind.as_str(), *failures)).collect()
}

fn openings(circuit: &CircuitSnapshot) -> u64 {
    let transitions = circuit.transitions;
    transitions.closed_to_open.saturating_add(transitions.half_open_to_open)
}

fn transitions(circuit: &CircuitSnapshot) -> Vec<(&'static str, u64)> {
    let transitions = circuit.transitions;
    vec![
        ("closed_to_open", transitions.closed_to_open),
        ("open_to_half_open", transitions.open_to_half_open),
        ("open_to_closed", transitions.open_to_closed),
        ("half_open_to_closed", transitions.half_open_to_closed),
        ("half_open_to_open", transitions.half_open_to_open),
    ]
}

fn labelled(key: &'static str, counts: Vec<(&'static str, u64)>) -> Vec<Sample> {
    counts
        .into_iter()
        .map(|(value, number)| Sample { label: Some((key, value)), value: Value::Count(number) })
        .collect()
}

fn count(number: u64) -> Vec<Sample> {
    one(Value::Count(number))
}

fn seconds(duration: Duration) -> Vec<Sample> {
    one(Value::Real(duration.as_secs_f64()))
}

fn one(value: Value) -> Vec<Sample> {
    vec![Sample { label: None, value }]
}
