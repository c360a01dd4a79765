//! What happens to a circuit, in the words that the operators of this gateway look for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use desk::Flood;
use tower_circuit_breaker::CircuitState::{Closed, HalfOpen, Open};
use tower_circuit_breaker::{ChangeReason, CircuitEvent, CircuitState, Interest, Listener};
use tracing::{error, info, warn};

/// The log of one circuit.
pub(crate) struct CircuitLog {
    /// Probes that close it.
    probes: u32,
    /// The failures that opened it, until it is closed, and the probes that have succeeded since it
    /// is half-open. Relaxed, both: events of changes come one after the other.
    fail_count: AtomicU32,
    succeeded: AtomicU32,
    blocked: Flood,
}

impl CircuitLog {
    pub(crate) fn new(probes: u32) -> Self {
        let (fail_count, succeeded) = (AtomicU32::new(0), AtomicU32::new(probes));
        Self { probes, fail_count, succeeded, blocked: Flood::default() }
    }

    fn changed(
        &self,
        circuit: &str,
        [from, to]: [CircuitState; 2],
        reason: ChangeReason,
        failures: Option<u32>,
    ) {
        let fail_count = match (from, to) {
            (_, Closed) => 0,
            (Closed, _) => {
                failures.unwrap_or_else(|| u32::from(reason == ChangeReason::UpstreamAsked))
            }
            _ => self.fail_count.load(Ordering::Relaxed),
        };
        self.fail_count.store(fail_count, Ordering::Relaxed);
        // Of other states no probe is counted.
        self.succeeded.store(if to == HalfOpen { 0 } else { self.probes }, Ordering::Relaxed);
        match (from, to, reason) {
            (Closed, Open, _) if fail_count > 0 => {
                error!("[CIRCUIT] {circuit} reached failure threshold ({fail_count})");
            }
            (HalfOpen, Closed, ChangeReason::ProbesSucceeded) => {
                let probes = self.probes;
                info!("[CIRCUIT] {circuit} recovery test SUCCESS ({probes}/{probes})");
            }
            (HalfOpen, Open, _) => warn!(%reason, "[CIRCUIT] {circuit} recovery test FAILED"),
            _ => {}
        }
        let [before, after] = [from, to].map(name);
        warn!(
            circuit, %from, %to, %reason,
            "[CIRCUIT] {circuit} state transition: {before} → {after} (fail_count={fail_count})"
        );
    }

    /// A call has succeeded; the last one that is needed closes the circuit, which is said there.
    fn succeeded(&self, circuit: &str) {
        let succeeded = self.succeeded.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if succeeded < self.probes {
            info!("[CIRCUIT] {circuit} recovery test SUCCESS ({succeeded}/{})", self.probes);
        }
    }
}

impl Listener for CircuitLog {
    fn on_event(&self, event: &CircuitEvent) {
        match event {
            CircuitEvent::StateChanged {
                circuit,
                from,
                to,
                reason,
                open_for,
                down_for,
                failures_in_a_row,
                ..
            } => {
                self.changed(circuit, [*from, *to], *reason, *failures_in_a_row);
                entered(
                    circuit,
                    *to,
                    *reason,
                    [open_for, down_for].map(|it| it.unwrap_or_default()),
                );
            }
            CircuitEvent::Rejected { circuit, reason, .. } => {
                let (circuit, reason) = (circuit.clone(), *reason);
                self.blocked.count(move |times| {
                    warn!(
                        times, %reason,
                        "[CIRCUIT] {circuit} call BLOCKED - Circuit is OPEN, fast-failing"
                    );
                });
            }
            CircuitEvent::Succeeded { circuit, .. } => self.succeeded(circuit),
            CircuitEvent::Failed { .. } | CircuitEvent::NotSent { .. } => {}
            // An operator, in the words of the crate.
            other => info!("[CIRCUIT] {other}"),
        }
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::CALLS | Interest::REJECTIONS
    }
}

/// What it means to callers that the circuit is so now.
fn entered(
    circuit: &str,
    state: CircuitState,
    reason: ChangeReason,
    [open_for, down_for]: [Duration; 2],
) {
    match state {
        Open => {
            warn!("[CIRCUIT] {circuit} circuit OPENED - API calls blocked for {open_for:?}");
        }
        HalfOpen => {
            info!("[CIRCUIT] {circuit} entering HALF-OPEN state - Testing service recovery");
        }
        // Whether the service has recovered is not known.
        Closed if reason == ChangeReason::Operator => {
            info!("[CIRCUIT] {circuit} circuit CLOSED - by an operator");
        }
        Closed => {
            let down_for = down_for.as_secs_f64();
            info!(
                "[CIRCUIT] {circuit} circuit CLOSED - Service recovered after {down_for:.1}s downtime"
            );
        }
    }
}

const fn name(state: CircuitState) -> &'static str {
    match state {
        Closed => "CLOSED",
        Open => "OPEN",
        HalfOpen => "HALF-OPEN",
    }
}
