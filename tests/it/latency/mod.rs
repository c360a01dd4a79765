//! How long calls took.

mod ends;
mod histogram;
mod kept;

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitBuilder, LatencyHistogram, ManualClock, Outcome};

use crate::support::circuit;

const NANO: Duration = Duration::from_nanos(1);
const MILLI: Duration = Duration::from_millis(1);

/// A circuit that keeps its latency, and trips by nothing that calls do here.
fn kept(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> (Circuit, ManualClock) {
    circuit(|b| set(b.consecutive_failures(1_000).latency()))
}

fn latency(circuit: &Circuit) -> LatencyHistogram {
    circuit.latency().expect("it is kept")
}

/// Lets one call through that takes this long.
#[track_caller]
fn take(circuit: &Circuit, clock: &ManualClock, elapsed: Duration, outcome: Outcome) {
    let call = circuit.try_acquire().expect("the call is admitted");
    clock.advance(elapsed);
    call.record(outcome);
}

/// The number of calls, and the time that they took together.
#[track_caller]
fn assert_kept(circuit: &Circuit, count: u64, sum: Duration) {
    let latency = latency(circuit);
    assert_eq!((latency.count(), latency.sum()), (count, sum));
}

/// The bounds of the buckets that hold calls, with their number.
fn filled(latency: &LatencyHistogram) -> Vec<(Duration, u64)> {
    latency.buckets().filter(|(_, calls)| *calls > 0).collect()
}
