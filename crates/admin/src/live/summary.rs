//! All circuits together.

use serde::Serialize;
use tower_circuit_breaker::{CircuitSnapshot, Health};

use crate::cell::Cell;
use crate::live::look::Look;
use crate::rates::PerSecond;
use crate::shown::Shown;
use crate::wall_clock::millis;

/// How many circuits are in which state, and what becomes of calls.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    /// Milliseconds since 1970, by this machine's clock.
    at: u64,
    health: Health,
    circuits: usize,
    states: States,
    /// Closed, and turning calls away.
    shedding: usize,
    /// With calls that hang.
    stalled: usize,
    /// Not open since a cap had no place for them.
    kept_closed: usize,
    calls_per_second: Cell<'static>,
    failures_per_second: Cell<'static>,
    rejected_per_second: Cell<'static>,
    /// Of those that count them; `None` where none does.
    in_flight: Option<u64>,
    /// The number of the last entry of the audit.
    audit: u64,
}

/// Each circuit once.
#[derive(Debug, Clone, Default, Serialize)]
struct States {
    closed: usize,
    half_open: usize,
    open: usize,
    forced_open: usize,
    forced_closed: usize,
    observing: usize,
    isolated: usize,
}

impl Summary {
    pub(crate) fn of(look: &Look, rates: Option<PerSecond>, health: Health, audit: u64) -> Self {
        let snapshots = || look.circuits.iter().map(|looked| &looked.snapshot);
        let mut states = States::default();
        for snapshot in snapshots() {
            *states.of(Shown::of(snapshot)) += 1;
        }
        let number = |is_so: fn(&CircuitSnapshot) -> bool| {
            snapshots().filter(|snapshot| is_so(snapshot)).count()
        };
        let rate =
            |of: fn(PerSecond) -> f64| Cell::or_nothing(rates, |rates| Cell::rate(of(rates)));
        Self {
            at: millis(look.at),
            health,
            circuits: look.names().count(),
            states,
            shedding: number(|snapshot| snapshot.admitted_share.is_some()),
            stalled: number(|snapshot| snapshot.stalled_calls > 0),
            kept_closed: number(|snapshot| snapshot.trip_prevented_ago.is_some()),
            calls_per_second: rate(|rates| rates.calls),
            failures_per_second: rate(|rates| rates.failures),
            rejected_per_second: rate(|rates| rates.rejected),
            in_flight: snapshots()
                .filter_map(|snapshot| snapshot.in_flight)
                .reduce(u64::saturating_add),
            audit,
        }
    }
}

impl States {
    const fn of(&mut self, shown: Shown) -> &mut usize {
        match shown {
            Shown::Isolated => &mut self.isolated,
            Shown::ForcedOpen => &mut self.forced_open,
            Shown::Open => &mut self.open,
            Shown::HalfOpen => &mut self.half_open,
            Shown::ForcedClosed => &mut self.forced_closed,
            Shown::Observing => &mut self.observing,
            Shown::Closed => &mut self.closed,
        }
    }
}
