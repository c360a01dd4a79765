//! Changes that a circuit told of, held against those that were due.

use std::collections::VecDeque;
use std::time::Duration;

use crate::conformance::case::Case;
use crate::conformance::promise::Promise;
use crate::conformance::report::Broken;
use crate::lock::lock;
use crate::model::Change;
use std::sync::{Arc, Mutex};
use tower_circuit_breaker::{ChangeReason, CircuitEvent, CircuitState, Listener};

/// Events that were heard and not yet looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    heard: Arc<Mutex<VecDeque<CircuitEvent>>>,
}

impl Changes {
    /// The next change of state, if the next event is one.
    pub(super) fn first(&self) -> Option<Change> {
        lock(&self.heard).front().and_then(Change::told)
    }

    pub(super) fn take(&self) -> Option<CircuitEvent> {
        lock(&self.heard).pop_front()
    }
}

impl Listener for Changes {
    fn on_event(&self, event: &CircuitEvent) {
        lock(&self.heard).push_back(event.clone());
    }
}

impl Case<'_> {
    /// Sees the change that the model has made, if it has made one.
    pub(super) fn expect_change(&mut self) -> Result<(), Broken> {
        let Some(due) = self.model.change.take() else { return Ok(()) };
        let promise = promise_of(&due);
        let Some(moved) = self.changes.first() else {
            let Change { to, reason, .. } = due;
            let what = format!("it is to be {to} now ({reason}), and no change was told");
            return Err(Broken::new(promise, what));
        };
        let (found, expected) = ((moved.to, moved.reason), (due.to, due.reason));
        self.checks.same(promise, "where it went, and why", &found, &expected)?;
        let (found, expected) = (moved.open_for.is_some(), due.open_for.is_some());
        self.checks.same(promise, "whether its open time has an end", &found, &expected)?;
        if let Some(open_for) = moved.open_for {
            self.check_open_time(open_for)?;
        }
        self.changes.take();
        let found = (moved.from, moved.epoch, moved.lasted);
        let expected = (due.from, due.epoch, due.lasted);
        let what = "the event's old state, new epoch, and how long the old one lasted";
        self.checks.same(Promise::Events, what, &found, &expected)
    }

    /// Takes over what came from outside.
    pub(super) fn adopt_changes(&mut self) -> Result<(), Broken> {
        while let Some(moved) = self.changes.first().filter(Change::is_from_outside) {
            let is_rest = moved.reason == ChangeReason::Restored && moved.open_for.is_some();
            self.model.adopt_change(moved);
            self.expect_change()?;
            if is_rest {
                self.model.adopt_rest_of_open_time();
            }
        }
        Ok(())
    }

    /// Whether the open time that has just begun may be this, which the model takes over.
    pub(super) fn check_open_time(&mut self, open_for: Duration) -> Result<(), Broken> {
        let open_times = self.model.open_times();
        self.checks.hold(Promise::OpenTime, open_times.contains(&open_for), || {
            let (least, most) = open_times.into_inner();
            format!("it opens for {open_for:?}, and that should be from {least:?} to {most:?}")
        })?;
        self.model.adopt_open_time(open_for);
        Ok(())
    }
}

/// Which promise a change is about.
pub(super) fn promise_of(change: &Change) -> Promise {
    match (change.reason, change.from, change.to) {
        (ChangeReason::Operator, ..) => Promise::Commands,
        (ChangeReason::UpstreamAsked, ..) | (_, CircuitState::Closed, _) => Promise::Limits,
        (_, CircuitState::HalfOpen, _) => Promise::Probes,
        (_, CircuitState::Open, CircuitState::HalfOpen) => Promise::WayOut,
        (_, CircuitState::Open, _) => Promise::Commands,
    }
}
