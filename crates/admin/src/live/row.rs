//! Circuits as rows of a table: 60 to 130 bytes each.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use tower_circuit_breaker::view::Thresholds;
use tower_circuit_breaker::{CircuitSnapshot, CircuitState};

use crate::cell::{Cell, trimmed};
use crate::encode::to_json;
use crate::ids::Id;
use crate::live::look::Looked;
use crate::live::nearest::Nearest;
use crate::rates::Shares;

/// What one row is made of.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) id: Id,
    pub(crate) snapshot: &'a CircuitSnapshot,
    pub(crate) limits: Thresholds,
    /// Until all calls are admitted again, after a recovery.
    pub(crate) ramp_left: Option<Duration>,
    pub(crate) is_critical: bool,
    pub(crate) shares: Shares,
}

/// Rows under one list of columns, with equal limits written once.
#[derive(Debug, Serialize)]
pub(crate) struct Table<'a> {
    columns: [&'static str; COLUMNS.len()],
    profiles: Vec<&'a Thresholds>,
    circuits: Vec<Vec<Cell<'a>>>,
}

impl<'a> Table<'a> {
    /// The rows of `circuits` at the time `at`, since 1970.
    pub(crate) fn of(circuits: &'a [Row<'a>], at: Duration) -> Self {
        let mut numbers = HashMap::new();
        let mut profiles = Vec::new();
        let mut rows = Vec::with_capacity(circuits.len());
        for circuit in circuits {
            let profile = *numbers.entry(to_json(&circuit.limits)).or_insert_with(|| {
                profiles.push(&circuit.limits);
                profiles.len() - 1
            });
            rows.push(trimmed(cells(circuit, profile, at)));
        }
        Self { columns: COLUMNS, profiles, circuits: rows }
    }
}

/// What is seldom known comes last, and is left out there.
const COLUMNS: [&str; 26] = [
    "id",
    "name",
    "profile",
    "critical",
    "state",
    "since",
    "calls_per_second",
    "failure_share",
    "rejected_per_second",
    "nearest",
    "nearness",
    "in_flight",
    "slow_call_rate",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "overridden",
    "isolations",
    "retry_after",
    "admitted_share",
    "kept_closed",
    "stalled_calls",
    "tripped",
    "reason",
    "override_ends",
    "ramp_ends",
];

fn cells<'a>(circuit: &Row<'a>, profile: usize, at: Duration) -> Vec<Cell<'a>> {
    let Row { snapshot, shares, .. } = circuit;
    let nearest = Nearest::of(snapshot, &circuit.limits);
    let trip = snapshot.last_trip.as_ref();
    let ends = snapshot.operators_override.as_ref().and_then(|own| own.ends_in);
    let ago = |ago: Duration| Cell::Count(at.saturating_sub(ago).as_secs());
    vec![
        Cell::Count(circuit.id.into()),
        Cell::Text(&snapshot.name),
        Cell::Count(u64::try_from(profile).unwrap_or(u64::MAX)),
        Cell::flag(circuit.is_critical),
        Cell::Text(snapshot.state.as_str()),
        ago(snapshot.in_state_for),
        Cell::or_nothing(shares.per_second, |rates| Cell::rate(rates.calls)),
        Cell::or_nothing(shares.failure_share, Cell::share),
        Cell::or_nothing(shares.per_second, |rates| Cell::rate(rates.rejected)),
        Cell::or_nothing(nearest, |nearest| Cell::Text(nearest.rule)),
        Cell::or_nothing(nearest, |nearest| Cell::share(nearest.nearness)),
        Cell::or_nothing(snapshot.in_flight, Cell::Count),
        Cell::or_nothing(snapshot.slow_call_rate(), Cell::share),
        Cell::or_nothing(shares.latency, |of| Cell::Real(of.p50.millis())),
        Cell::or_nothing(shares.latency, |of| Cell::Real(of.p95.millis())),
        Cell::or_nothing(shares.latency, |of| Cell::Real(of.p99.millis())),
        Cell::or_nothing(snapshot.overridden, |own| Cell::Text(own.as_str())),
        Cell::some(snapshot.isolations.into()),
        Cell::or_nothing(snapshot.retry_after, |left| Cell::rate(left.as_secs_f64())),
        Cell::or_nothing(snapshot.admitted_share, Cell::share),
        Cell::or_nothing(snapshot.trip_prevented_ago, |_| Cell::flag(true)),
        Cell::some(snapshot.stalled_calls),
        Cell::or_nothing(trip, |trip| ago(trip.ago)),
        Cell::or_nothing(trip, |trip| Cell::Text(trip.reason.as_str())),
        Cell::or_nothing(ends, |left| Cell::Count(at.saturating_add(left).as_secs())),
        Cell::or_nothing(circuit.ramp_left, |left| Cell::Count(at.saturating_add(left).as_secs())),
    ]
}

/// For how long a circuit that is closed again admits a rising share; none where it throttles alone.
pub(crate) fn ramp_left(looked: &Looked) -> Option<Duration> {
    let snapshot = &looked.snapshot;
    snapshot.admitted_share.filter(|_| snapshot.state == CircuitState::Closed)?;
    let ramp = looked.circuit.config().ramp()?;
    ramp.checked_sub(snapshot.in_state_for)
}
