//! The epochs of a circuit so far: how many, how they followed each other, and the present one.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::machine::trip_record::TripRecord;
use crate::engine::outcome::FailureKind;
use crate::engine::record::totals::Transitions;
use crate::engine::state::CircuitState;
use crate::engine::time::Timestamp;

/// The epochs of a circuit so far.
#[derive(Debug)]
pub(super) struct Epochs {
    /// When the first epoch began.
    made: Timestamp,
    /// When the present state began.
    since: Timestamp,
    /// When the circuit last left closed; meaningless while it is closed.
    left_closed: Timestamp,
    /// Whether an order, not a rule, began the present epoch and set how long it lasts.
    is_ordered: bool,
    changes: u64,
    transitions: Transitions,
    /// How many recoveries there were, and how long the circuit was not closed in all of them.
    recoveries: (u64, Duration),
    trips: u64,
    last_trip: Option<TripRecord>,
}

impl Epochs {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            made: now,
            since: now,
            left_closed: now,
            is_ordered: false,
            changes: 0,
            transitions: Transitions::default(),
            recoveries: (0, Duration::ZERO),
            trips: 0,
            last_trip: None,
        }
    }

    /// Moves from one state to another; returns how long the circuit was not closed, if it closes
    /// now.
    pub(super) fn move_on(
        &mut self,
        from: CircuitState,
        to: CircuitState,
        reason: ChangeReason,
        now: Timestamp,
    ) -> Option<Duration> {
        self.since = now;
        // What is restored was a change of another process.
        if reason != ChangeReason::Restored {
            self.count(from, to);
        }
        if from == CircuitState::Closed {
            self.left_closed = now;
        }
        (to == CircuitState::Closed).then(|| now.since(self.left_closed))
    }

    /// Counts an outage that is over, and for how long the circuit was not closed.
    pub(super) fn count_recovery(&mut self, down_for: Duration) {
        let (recoveries, down) = self.recoveries;
        self.recoveries = (recoveries.saturating_add(1), down.saturating_add(down_for));
    }

    /// Counts an outage that goes on from now.
    pub(super) fn begin_outage(&mut self, now: Timestamp) {
        self.left_closed = now;
    }

    /// Sets the kind of failure that made the last trip.
    pub(super) fn name_trip(&mut self, kind: FailureKind) {
        if let Some(trip) = &mut self.last_trip {
            trip.kind = Some(kind);
        }
    }

    /// Sets whether an order began the present epoch.
    pub(super) fn set_ordered(&mut self, is_ordered: bool) {
        self.is_ordered = is_ordered;
    }

    /// Counts a trip.
    pub(super) fn count_trip(&mut self) {
        self.trips = self.trips.saturating_add(1);
    }

    /// Keeps `trip` as the last one.
    pub(super) fn keep_trip(&mut self, trip: TripRecord) {
        self.last_trip = Some(trip);
    }

    /// The number of the next change.
    pub(super) fn next_number(&mut self) -> u64 {
        self.changes = self.changes.wrapping_add(1);
        self.changes
    }

    /// When the first epoch began.
    pub(super) const fn made(&self) -> Timestamp {
        self.made
    }

    pub(super) const fn since(&self) -> Timestamp {
        self.since
    }

    #[cfg_attr(
        not(feature = "tokio"),
        allow(dead_code, reason = "only a health probe asks for it")
    )]
    pub(super) const fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// The number of the last change; 0 before the first.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether the circuit has made any change.
    pub(super) const fn has_changed(&self) -> bool {
        self.changes != 0
    }

    pub(super) const fn transitions(&self) -> Transitions {
        self.transitions
    }

    pub(super) const fn recoveries(&self) -> (u64, Duration) {
        self.recoveries
    }

    pub(super) const fn trips(&self) -> u64 {
        self.trips
    }

    pub(super) fn last_trip(&self) -> Option<TripRecord> {
        self.last_trip.clone()
    }

    fn count(&mut self, from: CircuitState, to: CircuitState) {
        use CircuitState::{Closed, HalfOpen, Open};

        let counter = match (from, to) {
            (Closed, Open) => &mut self.transitions.closed_to_open,
            (Open, HalfOpen) => &mut self.transitions.open_to_half_open,
            (Open, Closed) => &mut self.transitions.open_to_closed,
            (HalfOpen, Closed) => &mut self.transitions.half_open_to_closed,
            (HalfOpen, Open) => &mut self.transitions.half_open_to_open,
            // Not moves: no call probes a closed circuit, and a new epoch is not a new state.
            (Closed, HalfOpen) | (Closed, Closed) | (Open, Open) | (HalfOpen, HalfOpen) => return,
        };
        *counter = counter.saturating_add(1);
    }
}
