//! The circuit beside its model: where they differ.

use std::fmt::Debug;
use std::time::Duration;

use crate::model::circuit::Model;
use tower_circuit_breaker::{Circuit, CircuitSnapshot, CircuitState, Override, RejectReason};

/// Everything that can be seen of both.
///
/// # Errors
///
/// The first difference.
pub fn compare(circuit: &Circuit, model: &Model) -> Result<(), String> {
    let snapshot = circuit.snapshot();
    same("state", circuit.state(), model.state)?;
    same("state", snapshot.state, model.state)?;
    same("override", snapshot.overridden, model.overridden)?;
    let ends_in = snapshot.operators_override.as_ref().and_then(|own| own.ends_in);
    same("end of the override", ends_in, model.override_ends.map(|ends| ends - model.now))?;
    same("epoch", snapshot.epoch, model.epoch)?;
    same("in_state_for", snapshot.in_state_for, model.in_state_for())?;
    same("retry_after", snapshot.retry_after, model.open_time_left())?;
    for ((what, circuit), model) in totals(&snapshot).into_iter().zip(model.totals) {
        same(what, circuit, model)?;
    }
    same("reason", snapshot.last_trip.as_ref().map(|t| t.reason), model.trip_reason)?;
    let (calls, failures, slow) = model.window();
    let window = snapshot.window;
    let counts = (window.calls, window.failures, window.slow_calls);
    same("window", counts, (calls, failures, slow))?;
    same("run", snapshot.consecutive_failures, model.run())?;
    same("slow in flight", snapshot.slow_in_flight, model.slow_in_flight())?;
    same("stalled", snapshot.stalled_calls, model.stalled_calls())?;
    let has_rate = calls > 0 && calls >= u64::from(model.minimum());
    same("rate", snapshot.failure_rate().is_some(), has_rate)
}

/// Why the model rejects a call now, and for how long.
pub fn rejection(model: &Model) -> (RejectReason, Option<Duration>) {
    match model.state {
        _ if model.overridden == Some(Override::ForcedOpen) => {
            let left = model.override_ends.map(|ends| ends.saturating_sub(model.now));
            (RejectReason::ForcedOpen, left)
        }
        CircuitState::Open => (RejectReason::Open, model.open_time_left()),
        _ => (RejectReason::ProbesBusy, None),
    }
}

/// # Errors
///
/// That the two differ.
pub fn same<T: PartialEq + Debug>(what: &str, circuit: T, model: T) -> Result<(), String> {
    if circuit == model {
        return Ok(());
    }
    Err(format!("{what}: the circuit has {circuit:?}, the model {model:?}"))
}

fn totals(snapshot: &CircuitSnapshot) -> [(&'static str, u64); 10] {
    let t = snapshot.totals;
    [
        ("successes", t.successes),
        ("failures", t.failures),
        ("ignored", t.ignored),
        ("abandoned", t.abandoned),
        ("slow calls", t.slow_calls),
        ("rejected", t.rejected),
        ("would have rejected", t.would_have_rejected),
        ("stale", t.stale),
        ("trips", t.trips),
        ("not sent", t.not_sent),
    ]
}
