//! A circuit in words, for people that read a failed test.

use std::fmt;
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitSnapshot, RecentEvent, WindowCounts};

/// Shows all that a snapshot holds, the last changes and the settings, a line each.
pub(crate) struct Described<'a>(pub(crate) &'a Circuit);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(circuit) = self;
        let snapshot = circuit.snapshot();
        writeln!(f, "circuit {:?}:", circuit.name())?;
        state(f, &snapshot)?;
        write!(f, "  window: {}", Counts(snapshot.window))?;
        writeln!(f, ", {} failures in a row", snapshot.consecutive_failures)?;
        match snapshot.last_trip {
            None => writeln!(f, "  last trip: none")?,
            Some(trip) => writeln!(
                f,
                "  last trip: {:?} ago for {:?}, by {}, at {}",
                trip.ago,
                trip.open_for,
                trip.reason,
                Counts(trip.window)
            )?,
        }
        writeln!(f, "  {:?}", snapshot.totals)?;
        for event in circuit.recent_events().iter().rev().take(LAST_CHANGES).rev() {
            change(f, event)?;
        }
        write!(f, "  {:?}", circuit.config())
    }
}

/// Enough for two trips and recoveries.
const LAST_CHANGES: usize = 6;

fn state(f: &mut fmt::Formatter<'_>, snapshot: &CircuitSnapshot) -> fmt::Result {
    let CircuitSnapshot { state, overridden, in_state_for, epoch, retry_after, .. } = snapshot;
    write!(f, "  {state} for {in_state_for:?}, in epoch {epoch}")?;
    if let Some(overridden) = overridden {
        write!(f, ", {overridden}")?;
    }
    match retry_after {
        Some(Duration::ZERO) => writeln!(f, ", and its open time is over: the next call probes"),
        Some(left) => writeln!(f, ", {left:?} of its open time left"),
        None => writeln!(f),
    }
}

fn change(f: &mut fmt::Formatter<'_>, recent: &RecentEvent) -> fmt::Result {
    match &recent.event {
        CircuitEvent::StateChanged { from, to, reason, .. } => {
            writeln!(f, "  {:?} ago: {from} -> {to} ({reason})", recent.ago)
        }
        other => writeln!(f, "  {:?} ago: {other:?}", recent.ago),
    }
}

struct Counts(WindowCounts);

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WindowCounts { calls, failures, slow_calls, .. } = self.0;
        write!(f, "{calls} calls, {failures} failed, {slow_calls} slow")
    }
}
