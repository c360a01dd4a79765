//! Many changes in few bytes.

use std::time::Duration;

use serde::Serialize;
use tower_circuit_breaker::CircuitSnapshot;

use crate::cell::{Cell, trimmed};
use crate::ids::Id;
use crate::shown::Shown;

/// Changes under one list of columns, where whole rows would be too many.
#[derive(Debug, Serialize)]
pub(crate) struct Compact {
    columns: [&'static str; 4],
    circuits: Vec<Vec<Cell<'static>>>,
}

impl Compact {
    pub(crate) fn of<'a>(
        changed: impl Iterator<Item = (Id, &'a CircuitSnapshot)>,
        at: Duration,
    ) -> Self {
        let columns = ["id", "shown", "since", "reason"];
        Self { columns, circuits: changed.map(|(id, snapshot)| row(id, snapshot, at)).collect() }
    }
}

fn row(id: Id, snapshot: &CircuitSnapshot, at: Duration) -> Vec<Cell<'static>> {
    let shown = Shown::of(snapshot);
    let since = at.saturating_sub(snapshot.in_state_for).as_secs();
    let trip =
        snapshot.last_trip.as_ref().filter(|_| matches!(shown, Shown::Open | Shown::HalfOpen));
    trimmed(vec![
        Cell::Count(id.into()),
        Cell::Text(shown.as_str()),
        Cell::Count(since),
        Cell::or_nothing(trip, |trip| Cell::Text(trip.reason.as_str())),
    ])
}
