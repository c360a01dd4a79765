//! One circuit among those that are compared, and what it did.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitConfig, CircuitState, ManualClock, Permit};

use crate::call::Call;
use crate::truth::Turn;

pub(crate) struct Lane {
    pub(crate) circuit: Circuit,
    pub(crate) figures: Figures,
    pub(crate) state: CircuitState,
    /// Since when it has been in this state.
    pub(crate) since: Duration,
    upstream_is_ill: bool,
    tripped: Duration,
    closed: Duration,
    /// While it is not closed: whether the upstream has been ill since the trip.
    is_justified: bool,
    /// When the outage began for which it has not opened yet.
    to_open_since: Option<Duration>,
    /// When the outage ended after which it has not closed yet.
    to_close_since: Option<Duration>,
}

/// What became of the calls.
#[derive(Debug, Default, Clone)]
pub(crate) struct Figures {
    pub(crate) admitted: u64,
    pub(crate) rejected: u64,
    /// Admitted ones that failed, and how long their callers waited for that.
    pub(crate) failed: u64,
    pub(crate) waited: Duration,
    /// Rejected ones that would have been answered, and those that would have failed.
    pub(crate) lost: u64,
    pub(crate) saved: u64,
    pub(crate) trips: u64,
    /// Trips after which the upstream was well until the circuit closed again.
    pub(crate) false_trips: u64,
    pub(crate) to_open: Mean,
    pub(crate) to_close: Mean,
    /// Outages for which it did not open.
    pub(crate) missed: u64,
    pub(crate) ended_open: bool,
}

/// The mean of some times.
#[derive(Debug, Default, Clone)]
pub(crate) struct Mean {
    sum: Duration,
    count: u32,
}

impl Mean {
    fn add(&mut self, time: Duration) {
        self.sum += time;
        self.count += 1;
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        self.sum.checked_div(self.count)
    }
}

impl Lane {
    pub(crate) fn new(name: &str, config: CircuitConfig, clock: ManualClock) -> Self {
        let circuit = Circuit::builder(name).config(config).clock(clock).build();
        Self {
            circuit,
            figures: Figures::default(),
            state: CircuitState::Closed,
            since: Duration::ZERO,
            upstream_is_ill: false,
            tripped: Duration::ZERO,
            closed: Duration::ZERO,
            is_justified: false,
            to_open_since: None,
            to_close_since: None,
        }
    }

    /// Asks the circuit for `call`; the permit of one that is admitted.
    pub(crate) fn admit(&mut self, call: &Call) -> Option<Permit> {
        let figures = &mut self.figures;
        let Ok(permit) = self.circuit.try_acquire() else {
            figures.rejected += 1;
            figures.saved += u64::from(call.has_failed());
            figures.lost += u64::from(!call.has_failed());
            return None;
        };
        figures.admitted += 1;
        if call.has_failed() {
            figures.failed += 1;
            figures.waited = figures.waited.saturating_add(call.took);
        }
        Some(permit)
    }

    /// Takes over what has become of the circuit; returns the state that is over, and since when it was.
    pub(crate) fn look(&mut self, now: Duration) -> Option<(CircuitState, Duration)> {
        let state = self.circuit.state();
        if state == self.state {
            return None;
        }
        if self.state == CircuitState::Closed {
            self.trip(now);
        }
        if state == CircuitState::Closed {
            self.close(now);
        }
        let over = (self.state, self.since);
        (self.state, self.since) = (state, now);
        Some(over)
    }

    fn trip(&mut self, now: Duration) {
        self.figures.trips += 1;
        self.tripped = now;
        self.is_justified = self.upstream_is_ill;
        if let Some(began) = self.to_open_since.take() {
            self.figures.to_open.add(now.saturating_sub(began));
        }
    }

    fn close(&mut self, now: Duration) {
        self.figures.false_trips += u64::from(!self.is_justified);
        self.closed = now;
        if let Some(ended) = self.to_close_since.take() {
            self.figures.to_close.add(now.saturating_sub(ended));
        }
    }

    /// Hears that the upstream turned ill or well; a guess may come some calls later.
    pub(crate) fn turn(&mut self, turn: Turn) {
        let is_closed = self.state == CircuitState::Closed;
        match turn {
            Turn::Ill(began) => {
                self.upstream_is_ill = true;
                if let Some(ended) = self.to_close_since.take() {
                    self.figures.to_close.add(began.saturating_sub(ended));
                }
                if is_closed {
                    self.to_open_since = Some(began);
                } else {
                    self.is_justified = true;
                    self.figures.to_open.add(self.tripped.saturating_sub(began));
                }
            }
            Turn::Well(ended) => {
                self.upstream_is_ill = false;
                if self.to_open_since.take().is_some() {
                    self.figures.missed += 1;
                } else if is_closed {
                    self.figures.to_close.add(self.closed.saturating_sub(ended));
                } else {
                    self.to_close_since = Some(ended);
                }
            }
        }
    }

    /// The calls are over.
    pub(crate) fn finish(&mut self) {
        self.figures.missed += u64::from(self.to_open_since.is_some());
        self.figures.ended_open = self.state != CircuitState::Closed;
        self.figures.false_trips += u64::from(self.figures.ended_open && !self.is_justified);
    }
}
