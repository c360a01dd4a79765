//! What a circuit went through, written down by a listener.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tower_circuit_breaker::{CircuitEvent, CircuitState};

use crate::lane::Notes;

/// The changes of one circuit.
#[derive(Debug)]
pub(crate) struct Journal {
    name: &'static str,
    state: watch::Sender<(CircuitState, Instant)>,
    changes: Mutex<Changes>,
    recovery: Mutex<Option<Duration>>,
    notes: Notes,
}

/// How often a circuit changed its state.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Changes {
    pub(crate) opened: u32,
    pub(crate) half_opened: u32,
    pub(crate) closed: u32,
}

impl Journal {
    pub(crate) fn new(name: &'static str, notes: Notes) -> Self {
        let (state, _) = watch::channel((CircuitState::Closed, Instant::now()));
        let (changes, recovery) = (Mutex::default(), Mutex::default());
        Self { name, state, changes, recovery, notes }
    }

    /// Hears of an event. Short: the call that made the change waits for it.
    pub(crate) fn write(&self, event: &CircuitEvent) {
        let CircuitEvent::StateChanged { from, to, reason, open_for, .. } = event else {
            return;
        };
        self.count(*from, *to);
        self.state.send_replace((*to, Instant::now()));
        let open_for =
            open_for.map(|time| format!(", for {:.1} s", time.as_secs_f64())).unwrap_or_default();
        let (from, to, reason) = (from.as_str(), to.as_str(), reason.as_str());
        self.note(format!("{}  {from} -> {to}: {reason}{open_for}", self.name));
    }

    /// Waits, for so long at most, until the circuit is closed, and writes down how long that took.
    pub(crate) async fn recovered_within(&self, limit: Duration) {
        let start = Instant::now();
        let mut state = self.state.subscribe();
        let closed = state.wait_for(|(state, _)| *state == CircuitState::Closed);
        if let Ok(Ok(now)) = tokio::time::timeout(limit, closed).await {
            let (_, closed_at) = *now;
            *lock(&self.recovery) = Some(closed_at.saturating_duration_since(start));
        }
    }

    pub(crate) fn changes(&self) -> Changes {
        *lock(&self.changes)
    }

    /// How long the last recovery took: from the upstream's to the circuit's.
    pub(crate) fn recovery(&self) -> Option<Duration> {
        *lock(&self.recovery)
    }

    fn count(&self, from: CircuitState, to: CircuitState) {
        let mut changes = lock(&self.changes);
        match (from, to) {
            (CircuitState::Closed, CircuitState::Open) => changes.opened += 1,
            (CircuitState::Open, CircuitState::HalfOpen) => changes.half_opened += 1,
            (CircuitState::HalfOpen, CircuitState::Closed) => changes.closed += 1,
            // HalfOpen => Open: a probe failed. Nothing else happens without an operator.
            _ => {}
        }
    }

    fn note(&self, line: String) {
        // Nobody reads any more once the play is over.
        let _ = self.notes.send(line);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
