//! Overrides that end by themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tower_circuit_breaker::{Circuit, Override};

use crate::audit::{Audit, AuditEntry};
use crate::command::Command;
use crate::sync::lock;

/// When which override ends. A task waits for the next of them, while there is any.
#[derive(Debug)]
pub(crate) struct Expiries {
    audit: Arc<Audit>,
    due: Mutex<Due>,
    /// There is an earlier end to wait for.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Due {
    by_name: HashMap<String, Expiry>,
    is_watched: bool,
}

#[derive(Debug, Clone)]
struct Expiry {
    circuit: Circuit,
    overridden: Override,
    at: Instant,
}

impl Expiries {
    /// No ends yet; those to come are written into `audit`.
    pub(crate) fn new(audit: Arc<Audit>) -> Self {
        Self { audit, due: Mutex::default(), changed: Notify::new() }
    }

    /// The override of `circuit` ends `at`; for ever stands a `None`.
    pub(crate) fn set(self: &Arc<Self>, circuit: &Circuit, ending: Option<(Override, Instant)>) {
        let mut due = lock(&self.due);
        let Some((overridden, at)) = ending else {
            due.by_name.remove(circuit.name());
            return;
        };
        let expiry = Expiry { circuit: circuit.clone(), overridden, at };
        due.by_name.insert(circuit.name().to_owned(), expiry);
        let is_watched = std::mem::replace(&mut due.is_watched, true);
        drop(due);
        if !is_watched {
            // Not under the lock: a runtime that ends drops the task at once.
            tokio::spawn(watch(Watcher { expiries: Arc::clone(self), has_left: false }));
        }
        self.changed.notify_one();
    }

    /// When the override of each circuit ends, where it does.
    pub(crate) fn all(&self) -> HashMap<String, Instant> {
        let due = lock(&self.due);
        due.by_name.iter().map(|(name, expiry)| (name.clone(), expiry.at)).collect()
    }

    /// When the override of this circuit ends, if it does.
    pub(crate) fn of(&self, name: &str) -> Option<Instant> {
        lock(&self.due).by_name.get(name).map(|expiry| expiry.at)
    }

    /// Those that are over, and the next that will be; nobody watches when there is none.
    fn turn(&self) -> (Vec<Expiry>, Option<Instant>) {
        let mut due = lock(&self.due);
        let (now, mut over) = (Instant::now(), Vec::new());
        due.by_name.retain(|_, expiry| {
            let is_over = expiry.at <= now;
            if is_over {
                over.push(expiry.clone());
            }
            !is_over
        });
        let next = due.by_name.values().map(|expiry| expiry.at).min();
        due.is_watched = next.is_some();
        (over, next)
    }
}

impl Expiry {
    /// Releases the circuit, unless somebody has imposed something else meanwhile.
    fn end(self, audit: &Audit) {
        if self.circuit.snapshot().overridden != Some(self.overridden) {
            return;
        }
        self.circuit.release();
        let mut entry = AuditEntry::now(Command::Release.as_str(), Some(self.circuit.name()));
        entry.actor = Some("expiry".to_owned());
        entry.reason = Some(format!("the time of {} was over", self.overridden));
        audit.write(entry);
    }
}

async fn watch(mut watcher: Watcher) {
    while let Some(next) = watcher.look() {
        // Either way there is something to look at.
        let _ = timeout_at(next, watcher.expiries.changed.notified()).await;
    }
}

/// Goes with the task, and that with its runtime: then the next override has a task of its own.
struct Watcher {
    expiries: Arc<Expiries>,
    has_left: bool,
}

impl Watcher {
    /// Ends what is over; gives the next end, if there is one to wait for.
    fn look(&mut self) -> Option<Instant> {
        let (over, next) = self.expiries.turn();
        self.has_left = next.is_none();
        for expiry in over {
            expiry.end(&self.expiries.audit);
        }
        next
    }
}

impl Drop for Watcher {
    // Cannot panic: it sets a flag.
    fn drop(&mut self) {
        if !self.has_left {
            lock(&self.expiries.due).is_watched = false;
        }
    }
}
