//! What is exported of a circuit, and its names.

use std::time::Duration;

use tower_circuit_breaker::view::Thresholds;
use tower_circuit_breaker::{Circuit, CircuitSnapshot, LatencyHistogram, Override};

use crate::level::level;
use crate::recent::{Ended, Totals};

/// One metric that every circuit has.
pub(crate) struct Metric {
    /// Without the `_total` of counters.
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    pub(crate) read: fn(&Seen) -> Vec<Sample>,
}

/// A circuit as it is scraped.
pub(crate) struct Seen {
    pub(crate) snapshot: CircuitSnapshot,
    pub(crate) thresholds: Thresholds,
    /// The calls that rates are of: the window's or, without one, the last minute's.
    rated: Ended,
    has_window: bool,
    /// Where the circuit keeps it.
    pub(crate) latency: Option<LatencyHistogram>,
}

impl Seen {
    /// `circuits` as they are now. Those without a window are rated by what earlier scrapes have
    /// seen.
    pub(crate) fn all(circuits: &[Circuit], totals: &Totals) -> Vec<Self> {
        let mut all: Vec<_> = circuits.iter().map(Self::of).collect();
        let without = all.iter().filter(|seen| !seen.has_window).map(|seen| &seen.snapshot);
        let rated = totals.recent(&without.collect::<Vec<_>>());
        for (seen, rated) in all.iter_mut().filter(|seen| !seen.has_window).zip(rated) {
            seen.rated = rated;
        }
        all
    }

    fn of(circuit: &Circuit) -> Self {
        let (snapshot, config) = (circuit.snapshot(), circuit.config());
        let window = snapshot.window;
        let rated =
            Ended { calls: window.calls, failures: window.failures, slow_calls: window.slow_calls };
        let (thresholds, has_window) = (config.thresholds(), config.has_window());
        Self { snapshot, thresholds, rated, has_window, latency: circuit.latency() }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn share(&self, part: u64) -> f64 {
        // Without calls this is 0 / 0: not a number.
        part as f64 / self.rated.calls as f64
    }

    fn success_rate(&self) -> f64 {
        100.0 * self.share(self.rated.calls.saturating_sub(self.rated.failures))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows; its name on the wire ends in `_total`.
    Counter,
    Gauge,
    Histogram,
}

/// One value of a metric of one circuit.
pub(crate) struct Sample {
    /// Beside the name of the circuit.
    pub(crate) label: Option<(&'static str, &'static str)>,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    Count(u64),
    Real(f64),
    Histogram(Buckets),
}

/// A sum, and the number of what is in it by upper bounds, of which the last is infinite.
#[derive(Debug)]
pub(crate) struct Buckets {
    pub(crate) sum: f64,
    pub(crate) count: u64,
    /// What is in each bucket alone.
    pub(crate) counts: Vec<(f64, u64)>,
}

pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "circuit_breaker_state",
        help: "Where the circuit stands: 0 closed, 1 half-open, 2 open.",
        kind: Kind::Gauge,
        read: |seen| count(level(seen.snapshot.state).into()),
    },
    Metric {
        name: "circuit_breaker_overridden",
        help: "1 while an operator has this override in force.",
        kind: Kind::Gauge,
        read: |seen| labelled("override", overrides(&seen.snapshot)),
    },
    Metric {
        name: "circuit_breaker_in_state_seconds",
        help: "How long the state has lasted.",
        kind: Kind::Gauge,
        read: |seen| seconds(seen.snapshot.in_state_for),
    },
    Metric {
        name: "circuit_breaker_retry_after_seconds",
        help: "How long calls will go on being rejected; 0 unless open, and while forced.",
        kind: Kind::Gauge,
        read: |seen| seconds(seen.snapshot.retry_after.unwrap_or_default()),
    },
    Metric {
        name: "circuit_breaker_success_rate",
        help: "Percent of calls that succeeded, of the window's or the last minute's; NaN without any.",
        kind: Kind::Gauge,
        read: |seen| one(Value::Real(seen.success_rate())),
    },
    Metric {
        name: "circuit_breaker_calls",
        help: "Calls, by what became of them.",
        kind: Kind::Counter,
        read: |seen| labelled("result", results(&seen.snapshot)),
    },
    Metric {
        name: "circuit_breaker_failures",
        help: "Failed calls, by the kind of failure.",
        kind: Kind::Counter,
        read: |seen| labelled("kind", kinds(&seen.snapshot)),
    },
    Metric {
        name: "circuit_breaker_slow_calls",
        help: "Successes and failures that were slow.",
        kind: Kind::Counter,
        read: |seen| count(seen.snapshot.totals.slow_calls),
    },
    Metric {
        name: "circuit_breaker_stale_calls",
        help: "Calls that ended after the circuit had moved on: they are in no result.",
        kind: Kind::Counter,
        read: |seen| count(seen.snapshot.totals.stale),
    },
    Metric {
        name: "circuit_breaker_would_have_rejected",
        help: "Calls that were let through only because the circuit is under observation.",
        kind: Kind::Counter,
        read: |seen| count(seen.snapshot.totals.would_have_rejected),
    },
    Metric {
        name: "circuit_breaker_open",
        help: "How often the circuit opened, from closed or half-open.",
        kind: Kind::Counter,
        read: |seen| count(openings(&seen.snapshot)),
    },
    Metric {
        name: "circuit_breaker_state_transitions",
        help: "Changes of state, by the states before and after.",
        kind: Kind::Counter,
        read: |seen| labelled("transition", transitions(&seen.snapshot)),
    },
    Metric {
        name: "circuit_breaker_isolated",
        help: "How many groups and handles isolate the circuit, whatever operators say.",
        kind: Kind::Gauge,
        read: |seen| count(seen.snapshot.isolations.into()),
    },
    Metric {
        name: "circuit_breaker_admitted_ratio",
        help: "The share of calls that a closed circuit admits: below 1 while it ramps or throttles.",
        kind: Kind::Gauge,
        read: |seen| one(Value::Real(seen.snapshot.admitted_share.unwrap_or(1.0))),
    },
    Metric {
        name: "circuit_breaker_failure_ratio",
        help: "The share of calls that failed, of the window's or the last minute's; NaN without any.",
        kind: Kind::Gauge,
        read: |seen| one(Value::Real(seen.share(seen.rated.failures))),
    },
    Metric {
        name: "circuit_breaker_slow_call_ratio",
        help: "The share of calls that were slow, of the window's or the last minute's; NaN without any.",
        kind: Kind::Gauge,
        read: |seen| one(Value::Real(seen.share(seen.rated.slow_calls))),
    },
    Metric {
        name: "circuit_breaker_consecutive_failures",
        help: "Failures in a row, where a rule counts them.",
        kind: Kind::Gauge,
        read: |seen| count(seen.snapshot.consecutive_failures),
    },
    Metric {
        name: "circuit_breaker_stalled_calls",
        help: "Calls in flight that the rule of stalled calls counts.",
        kind: Kind::Gauge,
        read: |seen| count(seen.snapshot.stalled_calls),
    },
    Metric {
        name: "circuit_breaker_slow_calls_in_flight",
        help: "Calls in flight that count as slow already.",
        kind: Kind::Gauge,
        read: |seen| count(seen.snapshot.slow_in_flight),
    },
    Metric {
        name: "circuit_breaker_threshold",
        help: "The limit of each rule that is set: rates as ratios, times in seconds.",
        kind: Kind::Gauge,
        read: |seen| thresholds(&seen.thresholds),
    },
    Metric {
        name: "circuit_breaker_rejections",
        help: "Rejected calls, by reason.",
        kind: Kind::Counter,
        read: |seen| labelled("reason", rejections(&seen.snapshot)),
    },
    Metric {
        name: "circuit_breaker_trips",
        help: "How often the circuit opened from closed.",
        kind: Kind::Counter,
        read: |seen| count(seen.snapshot.totals.trips),
    },
    Metric {
        name: "circuit_breaker_trips_prevented",
        help: "Trips for which the cap of a group had no place.",
        kind: Kind::Counter,
        read: |seen| count(seen.snapshot.totals.trips_prevented),
    },
    Metric {
        name: "circuit_breaker_recovery_seconds",
        help: "How long the circuit was not closed, until the upstream was well again.",
        kind: Kind::Histogram,
        read: |seen| {
            let (sum, count) = (seen.snapshot.recoveries.total, seen.snapshot.recoveries.count);
            let counts = vec![(f64::INFINITY, count)];
            one(Value::Histogram(Buckets { sum: sum.as_secs_f64(), count, counts }))
        },
    },
    Metric {
        name: "circuit_breaker_call_duration_seconds",
        help: "How long admitted calls took that ended with an outcome, where the circuit keeps that.",
        kind: Kind::Histogram,
        read: |seen| seen.latency.iter().flat_map(latency).collect(),
    },
    Metric {
        name: "circuit_breaker_listener_faults",
        help: "Panics of listeners, and events that they missed.",
        kind: Kind::Counter,
        read: |seen| {
            let faults = seen.snapshot.listeners;
            labelled("fault", vec![("panic", faults.panics), ("missed", faults.missed)])
        },
    },
];

fn overrides(circuit: &CircuitSnapshot) -> Vec<(&'static str, u64)> {
    // An isolation is no operator's, and has a metric of its own; beneath it, none is in force.
    let own = circuit.operators_override.as_ref().filter(|_| circuit.isolations == 0);
    let own = own.map(|own| own.overridden);
    [Override::ForcedOpen, Override::ForcedClosed, Override::Observing]
        .map(|each| (each.as_str(), u64::from(own == Some(each))))
        .to_vec()
}

/// One in four of the bounds that a circuit has: a dozen, each nearly three times the last. So
/// what is at or below each is exactly known.
const BOUNDS_APART: usize = 4;

fn latency(latency: &LatencyHistogram) -> Vec<Sample> {
    let (mut counts, mut calls) = (Vec::new(), 0_u64);
    for (place, (bound, in_bucket)) in latency.buckets().enumerate() {
        calls = calls.saturating_add(in_bucket);
        if place % BOUNDS_APART == 0 {
            counts.push((bound.as_secs_f64(), std::mem::take(&mut calls)));
        }
    }
    counts.push((f64::INFINITY, calls));
    let (sum, count) = (latency.sum().as_secs_f64(), latency.count());
    one(Value::Histogram(Buckets { sum, count, counts }))
}

fn rejections(circuit: &CircuitSnapshot) -> Vec<(&'static str, u64)> {
    let of = circuit.rejections;
    vec![
        ("open", of.open),
        ("probes_busy", of.probes_busy),
        ("forced_open", of.forced_open),
        ("isolated", of.isolated),
        ("not_ready", of.not_ready),
        ("ramping", of.ramping),
        ("throttled", of.throttled),
    ]
}

fn thresholds(thresholds: &Thresholds) -> Vec<Sample> {
    let set = thresholds.names().filter_map(|rule| Some((rule, thresholds.get(rule)?)));
    set.map(|(rule, limit)| Sample { label: Some(("rule", rule)), value: Value::Real(limit) })
        .collect()
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
