//! What the machine's lock guards, and the moves from one epoch of a state to the next.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::machine::fleet_view::FleetView;
use crate::engine::machine::open_cap::GroupMemberships;
use crate::engine::machine::probes::Probes;
use crate::engine::machine::trip_record::TripRecord;
use crate::engine::record::totals::Transitions;
use crate::engine::rules::backoff::JitterRng;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::time::{Timestamp, nanos};
use crate::sync::Arc;

/// The state that changes seldom.
#[derive(Debug)]
pub(crate) struct Control {
    /// Shared by the circuits of one template.
    pub(crate) settings: Arc<Settings>,
    pub(crate) probes: Probes,
    pub(crate) transitions: Transitions,
    pub(crate) trips: u64,
    pub(crate) last_trip: Option<TripRecord>,
    /// When the current state began.
    pub(crate) since: Timestamp,
    /// Whether an order, not a rule, began the present epoch and set how long it lasts.
    #[cfg_attr(
        not(feature = "tokio"),
        allow(dead_code, reason = "only a health probe asks for it")
    )]
    pub(crate) is_ordered: bool,
    /// When the circuit last left closed; meaningless while it is closed.
    left_closed: Timestamp,
    /// The open time of the last open epoch; zero before the first and after a reset.
    pub(super) opened_for: Duration,
    /// When the circuit, closed, admits all calls again; zero when it does.
    pub(crate) ramp_ends: Timestamp,
    /// The backoff step of the last open epoch.
    step: Option<u32>,
    changes: u64,
    pub(super) jitter: JitterRng,
    pub(crate) fleet: FleetView,
    /// The operators' override; while the circuit is isolated, the word says forced open instead.
    pub(crate) overridden: Option<Override>,
    /// Handles that isolate the circuit.
    pub(crate) isolations: u32,
    /// Where the circuit's groups count how many of their members are open.
    pub(crate) memberships: GroupMemberships,
    /// Which events listeners asked for, as flags of a [`Word`].
    pub(crate) told: u64,
}

/// How the next open time follows from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenTime {
    /// This time, whatever the backoff says.
    Given(Duration),
    /// The time of the backoff.
    Backoff,
    /// The rest, `left`, of a time `of`.
    Left { of: Duration, left: Duration },
}

impl Control {
    pub(crate) fn new(settings: Arc<Settings>, seed: u64, now: Timestamp) -> Self {
        Self {
            settings,
            probes: Probes::none(),
            transitions: Transitions::default(),
            trips: 0,
            last_trip: None,
            since: now,
            is_ordered: false,
            left_closed: now,
            opened_for: Duration::ZERO,
            ramp_ends: Timestamp::ZERO,
            step: None,
            changes: 0,
            jitter: JitterRng::new(seed),
            fleet: FleetView::default(),
            overridden: None,
            isolations: 0,
            memberships: GroupMemberships::default(),
            told: 0,
        }
    }

    /// The flags of a word under the present settings.
    pub(crate) fn flags(&self) -> u64 {
        let timed = if self.settings.is_timed() { Word::TIMED } else { 0 };
        let is_tracked = self.settings.is_watched()
            || self.settings.throttle.is_some()
            || self.ramp_ends != Timestamp::ZERO;
        let checked = if is_tracked { Word::TRACKED } else { 0 };
        self.told | timed | checked
    }

    /// The open time of the rule that held, or that of the backoff.
    pub(crate) fn open_time_of(&self, reason: ChangeReason) -> OpenTime {
        self.settings.own_open_time(reason).map_or(OpenTime::Backoff, OpenTime::Given)
    }

    /// Sets and returns the next open time; the circuit is in `from`.
    pub(super) fn next_open_time(
        &mut self,
        from: CircuitState,
        open_time: OpenTime,
        now: Timestamp,
    ) -> Duration {
        let recovered = from == CircuitState::Closed
            && now.since(self.since) >= self.opened_for
            && now >= self.ramp_ends;
        let step = match self.step {
            None => 0,
            Some(_) if recovered => 0,
            Some(step) if from == CircuitState::Open => step,
            Some(step) => step.saturating_add(1),
        };
        self.step = Some(step);
        let (open_for, left) = match open_time {
            OpenTime::Given(open_for) => (open_for, open_for),
            OpenTime::Backoff => {
                let open_for = self.settings.open.step(step, self.jitter.roll());
                (open_for, open_for)
            }
            OpenTime::Left { of, left } => (of, left),
        };
        self.opened_for = open_for;
        left
    }

    /// Notes the move from one state to another; returns how long the circuit was not closed, if it
    /// closes now.
    pub(super) fn move_on(
        &mut self,
        from: CircuitState,
        to: CircuitState,
        now: Timestamp,
    ) -> Option<Duration> {
        self.since = now;
        self.count(from, to);
        self.fleet.has_opened &= to != CircuitState::Closed;
        if from == CircuitState::Closed {
            self.left_closed = now;
        }
        (to == CircuitState::Closed).then(|| now.since(self.left_closed))
    }

    /// The new end of a ramp in progress under other `settings`: it keeps the share it has gained.
    pub(super) fn rescaled_ramp(&self, settings: &Settings, now: Timestamp) -> Timestamp {
        let left = self.ramp_ends.since(now);
        let (Some(old), Some(new)) = (self.settings.ramp, settings.ramp) else {
            return Timestamp::ZERO;
        };
        if left.is_zero() {
            return Timestamp::ZERO;
        }
        let scaled = u128::from(nanos(left)).saturating_mul(nanos(new).into());
        let left = scaled.checked_div(nanos(old).into()).unwrap_or_default();
        let left = Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX));
        // Zero is no ramp: the rest of one that is nearly over still is one.
        now.after(left.max(Duration::from_nanos(1)))
    }

    /// The last open time and its step.
    pub(crate) fn backoff(&self) -> (Duration, u32) {
        (self.opened_for, self.step.unwrap_or(0))
    }

    /// The backoff step of the last open epoch; `None` before the first and after a reset.
    pub(crate) fn step(&self) -> Option<u32> {
        self.step
    }

    /// Whether the circuit has made any change.
    pub(crate) fn has_changed(&self) -> bool {
        self.changes != 0
    }

    /// Sets the last open time and its step.
    pub(crate) fn set_backoff(&mut self, opened_for: Duration, step: u32) {
        self.opened_for = opened_for;
        self.step = Some(step);
    }

    pub(super) fn forget_backoff(&mut self) {
        self.step = None;
        self.opened_for = Duration::ZERO;
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.changes = self.changes.wrapping_add(1);
        self.changes
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
