//! What was sent of the circuits, and what has changed since.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::time::Instant;
use tower_circuit_breaker::{
    CircuitSnapshot, CircuitState, Health, Override, Totals, WindowCounts,
};

use crate::audit::AuditEntry;
use crate::encode::{event, to_json};
use crate::frame::Frame;
use crate::state::AdminState;
use crate::view::{CircuitView, Counts};

/// What was sent last.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    ages: HashMap<Arc<str>, StateAge>,
    counts: HashMap<Arc<str>, SentCounts>,
    health: Option<Health>,
    audited: u64,
    looked: Option<Instant>,
    counted: Option<Instant>,
}

/// What an operator is to see at once.
#[derive(Debug, Clone, Copy, PartialEq)]
struct StateAge {
    epoch: u64,
    state: CircuitState,
    overridden: Option<Override>,
    serial: Option<u64>,
}

#[derive(Debug, Serialize)]
struct News<'a> {
    health: Health,
    circuits: Vec<Counts<'a>>,
}

#[derive(Debug, Serialize)]
struct Change {
    health: Health,
    circuits: Vec<CircuitView>,
    removed: Vec<Arc<str>>,
}

#[derive(Debug, Serialize)]
struct Audited {
    audit: Vec<AuditEntry>,
}

impl Watch {
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        is_over(self.looked, TICK, now)
    }

    /// Looks at all circuits, and gives the frames with what is new.
    pub(crate) fn look(&mut self, state: &AdminState, now: Instant) -> Vec<Frame> {
        let is_first = self.looked.replace(now).is_none();
        let snapshots = state.registry.snapshots();
        if is_first {
            self.remember(state, &snapshots, now);
            return Vec::new();
        }
        let change = self.change(state, &snapshots);
        let counts = is_over(self.counted, COUNTING, now).then(|| {
            self.counted = Some(now);
            self.count(state.registry.health(), &snapshots)
        });
        let audited = self.audited(state);
        let for_all = |bytes| Frame { bytes, is_for_insiders: false };
        change.into_iter().chain(counts).map(for_all).chain(audited).collect()
    }

    /// The first reader is sent everything anyway.
    fn remember(&mut self, state: &AdminState, snapshots: &[CircuitSnapshot], now: Instant) {
        self.changed(snapshots);
        self.called(snapshots);
        self.health = Some(state.registry.health());
        self.audited = state.audit.after(0, 1).last().map_or(0, |entry| entry.number);
        self.counted = Some(now);
    }

    fn change(&mut self, state: &AdminState, snapshots: &[CircuitSnapshot]) -> Option<Bytes> {
        let changed = self.changed(snapshots);
        let circuits = changed.iter().filter_map(|name| state.registry.get(name));
        let change = Change {
            health: state.registry.health(),
            circuits: circuits.map(|circuit| state.view(&circuit)).collect(),
            removed: self.removed(snapshots),
        };
        let is_other = self.health.replace(change.health) != Some(change.health);
        let is_news = is_other || !change.circuits.is_empty() || !change.removed.is_empty();
        is_news.then(|| event("change", &to_json(&change)))
    }

    /// What operators did since.
    fn audited(&mut self, state: &AdminState) -> Option<Frame> {
        let audit = state.audit.after(self.audited, FEW_ENTRIES);
        self.audited = audit.last()?.number;
        let bytes = event("audit", &to_json(&Audited { audit }));
        Some(Frame { bytes, is_for_insiders: true })
    }

    /// The names of those in another epoch than was sent.
    fn changed(&mut self, snapshots: &[CircuitSnapshot]) -> Vec<Arc<str>> {
        let mut changed = Vec::new();
        for snapshot in snapshots {
            let age = StateAge {
                epoch: snapshot.epoch,
                state: snapshot.state,
                overridden: snapshot.overridden,
                serial: snapshot.operators_override.as_ref().map(|own| own.serial),
            };
            if self.ages.insert(Arc::clone(&snapshot.name), age) != Some(age) {
                changed.push(Arc::clone(&snapshot.name));
            }
        }
        changed
    }

    /// The names of those that are no more; all others are among the epochs by now.
    fn removed(&mut self, snapshots: &[CircuitSnapshot]) -> Vec<Arc<str>> {
        if self.ages.len() == snapshots.len() {
            return Vec::new();
        }
        let here: HashSet<_> = snapshots.iter().map(|snapshot| &snapshot.name).collect();
        let gone = self.ages.keys().filter(|name| !here.contains(name));
        let gone: Vec<_> = gone.cloned().collect();
        for name in &gone {
            self.ages.remove(name);
            self.counts.remove(name);
        }
        gone
    }

    fn count(&mut self, health: Health, snapshots: &[CircuitSnapshot]) -> Bytes {
        let circuits = self.called(snapshots);
        event("counts", &to_json(&News { health, circuits }))
    }

    /// The counts of those that were called, or whose window has moved on.
    fn called<'a>(&mut self, snapshots: &'a [CircuitSnapshot]) -> Vec<Counts<'a>> {
        let mut called = Vec::new();
        for snapshot in snapshots {
            let counted = SentCounts {
                window: snapshot.window,
                run: snapshot.consecutive_failures,
                in_flight: (snapshot.slow_in_flight, snapshot.stalled_calls),
                admitted_share: snapshot.admitted_share,
                totals: snapshot.totals,
            };
            if self.counts.insert(Arc::clone(&snapshot.name), counted) != Some(counted) {
                called.push(Counts::of(snapshot));
            }
        }
        called
    }
}

/// What a circuit's counts were when they were sent: what changes without a change of state.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SentCounts {
    window: WindowCounts,
    run: u64,
    in_flight: (u64, u64),
    admitted_share: Option<f64>,
    totals: Totals,
}

fn is_over(since: Option<Instant>, time: Duration, now: Instant) -> bool {
    since.is_none_or(|since| now.saturating_duration_since(since) >= time)
}

/// An operator sees a change at once.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// What the page shows; the others are at `audit`.
pub(crate) const FEW_ENTRIES: usize = 20;
/// Rates are to look alive, and the reader to know that the line is.
const COUNTING: Duration = Duration::from_secs(1);
