//! Many changes in few bytes.

use std::time::Duration;

use serde::Serialize;
use tower_circuit_breaker::CircuitState;

use crate::cell::{Cell, trimmed};
use crate::ids::Id;
use crate::live::look::Looked;

/// Changes under one list of columns, where whole rows would be too many: all that is told of at once.
#[derive(Debug, Serialize)]
pub(crate) struct Compact<'a> {
    columns: [&'static str; COLUMNS.len()],
    circuits: Vec<Vec<Cell<'a>>>,
}

/// One that has changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BriefChange<'a> {
    pub(crate) id: Id,
    pub(crate) looked: &'a Looked,
    /// Whether readers do not know its name.
    pub(crate) is_new: bool,
}

/// What few have comes last, and is left out there.
const COLUMNS: [&str; 13] = [
    "id",
    "state",
    "since",
    "reason",
    "overridden",
    "isolations",
    "retry_after",
    "stalled_calls",
    "admitted_share",
    "kept_closed",
    "override_ends",
    "critical",
    "name",
];

impl<'a> Compact<'a> {
    pub(crate) fn of(changed: impl Iterator<Item = BriefChange<'a>>, at: Duration) -> Self {
        let circuits = changed.map(|brief| trimmed(cells(brief, at))).collect();
        Self { columns: COLUMNS, circuits }
    }
}

fn cells<'a>(brief: BriefChange<'a>, at: Duration) -> Vec<Cell<'a>> {
    let BriefChange { id, looked, is_new } = brief;
    let snapshot = &looked.snapshot;
    let trip = snapshot.last_trip.as_ref().filter(|_| snapshot.state != CircuitState::Closed);
    let ends = snapshot.operators_override.as_ref().and_then(|own| own.ends_in);
    vec![
        Cell::Count(id.into()),
        Cell::Text(snapshot.state.as_str()),
        Cell::Count(at.saturating_sub(snapshot.in_state_for).as_secs()),
        Cell::or_nothing(trip, |trip| Cell::Text(trip.reason.as_str())),
        Cell::or_nothing(snapshot.overridden, |own| Cell::Text(own.as_str())),
        Cell::some(snapshot.isolations.into()),
        Cell::or_nothing(snapshot.retry_after, |left| Cell::rate(left.as_secs_f64())),
        Cell::some(snapshot.stalled_calls),
        Cell::or_nothing(snapshot.admitted_share, Cell::share),
        Cell::or_nothing(snapshot.trip_prevented_ago, |_| Cell::flag(true)),
        Cell::or_nothing(ends, |left| Cell::Count(at.saturating_add(left).as_secs())),
        Cell::some(looked.is_critical.into()),
        Cell::or_nothing(Some(&*snapshot.name).filter(|_| is_new), Cell::Text),
    ]
}
