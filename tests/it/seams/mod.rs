//! Two features at once.

use tower_circuit_breaker::Circuit;

use crate::support::FAILURE;

mod health;
mod keyed;

/// The share of calls that is admitted: all where nothing is said.
fn share(circuit: &Circuit) -> f64 {
    circuit.snapshot().admitted_share.unwrap_or(1.0)
}

/// Admits so many calls, however many are shed meanwhile.
fn admit(circuit: &Circuit, calls: usize) -> Vec<tower_circuit_breaker::Permit> {
    std::iter::repeat_with(|| circuit.try_acquire().ok()).flatten().take(calls).collect()
}

/// Has so many calls be refused by the upstream, however many are shed meanwhile.
fn refuse(circuit: &Circuit, calls: usize) {
    admit(circuit, calls).into_iter().for_each(|permit| permit.record(FAILURE));
}
