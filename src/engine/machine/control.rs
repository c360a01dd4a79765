//! What the machine's lock guards, and the moves from one stretch of a state to the next.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::Machine;
use crate::engine::machine::open_cap::Seats;
use crate::engine::machine::probes::Probes;
use crate::engine::machine::verdict::FleetView;
use crate::engine::record::recorder::Cause;
use crate::engine::record::totals::{Counter, Totals, Transitions};
use crate::engine::rules::backoff::Dice;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Tag, Word};
use crate::engine::time::{Timestamp, nanos};
use crate::engine::window::WindowCounts;
use crate::sync::{Arc, Bug, planted};

/// The state that changes seldom.
#[derive(Debug)]
pub(crate) struct Control {
    /// Those of one template share them.
    pub(crate) settings: Arc<Settings>,
    pub(crate) probes: Probes,
    pub(crate) transitions: Transitions,
    pub(crate) trips: u64,
    pub(crate) last_trip: Option<TripRecord>,
    /// When the current state began.
    pub(crate) since: Timestamp,
    /// Whether somebody else than a rule began the present stretch, and said for how long.
    #[cfg_attr(
        not(feature = "tokio"),
        allow(dead_code, reason = "only a health probe asks for it")
    )]
    pub(crate) is_ordered: bool,
    /// When the circuit was closed for the last time; means nothing while it is.
    left_closed: Timestamp,
    /// The open time of the last open stretch; zero before the first and after a reset.
    opened_for: Duration,
    /// When the circuit, closed, admits all calls again; zero when it does.
    pub(crate) ramp_ends: Timestamp,
    /// The backoff step of the last open stretch.
    step: Option<u32>,
    changes: u64,
    dice: Dice,
    pub(crate) fleet: FleetView,
    /// What operators have imposed; while the circuit is isolated, the word says forced open instead.
    pub(crate) overridden: Option<Override>,
    /// Handles that isolate the circuit.
    pub(crate) isolations: u32,
    /// Where the circuit's groups count how many of their members are open.
    pub(crate) seats: Seats,
    /// Which events listeners asked for, as flags of a [`Word`].
    pub(crate) told: u64,
}

/// The last trip, as it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TripRecord {
    pub(crate) reason: ChangeReason,
    pub(crate) at: Timestamp,
    pub(crate) open_for: Duration,
    pub(crate) window: WindowCounts,
}

/// How the next open time follows from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenTime {
    /// This long, whatever the backoff says.
    Given(Duration),
    /// As the backoff says.
    Backoff,
    /// What is left of this long.
    Left { of: Duration, left: Duration },
}

/// A stretch of one state that is about to begin.
#[derive(Debug)]
struct Stretch {
    to: Standing,
    reason: ChangeReason,
    until: Timestamp,
    open_for: Option<Duration>,
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
            dice: Dice::new(seed),
            fleet: FleetView::default(),
            overridden: None,
            isolations: 0,
            seats: Seats::default(),
            told: 0,
        }
    }

    /// The flags of a word under the present settings.
    pub(crate) fn flags(&self) -> u64 {
        let timed = if self.settings.is_timed() { Word::TIMED } else { 0 };
        let is_checked = self.settings.is_watched()
            || self.settings.throttle.is_some()
            || self.ramp_ends != Timestamp::ZERO;
        let checked = if is_checked { Word::CHECKED } else { 0 };
        self.told | timed | checked
    }

    /// The open time that a rule of its own may give.
    pub(crate) fn open_time_of(&self, cause: Cause) -> OpenTime {
        let settings = &self.settings;
        let own = match cause {
            Cause::ConsecutiveFailuresOfKind(kind) => settings
                .kinds
                .iter()
                .find(|rule| rule.kind == kind.as_str())
                .and_then(|rule| rule.rule.open_for),
            Cause::ConsecutiveFailures => settings.consecutive.and_then(|rule| rule.open_for),
            Cause::FailureRate => settings.failure_rate.and_then(|rule| rule.open_for),
            Cause::FailureRateConfident => {
                settings.failure_rate_confident.and_then(|rule| rule.open_for)
            }
            Cause::SlowCallRate => settings.slow_call_rate.and_then(|rule| rule.open_for),
            Cause::FailureCount => settings.failure_count.and_then(|rule| rule.open_for),
            Cause::StalledCalls => settings.stalled_calls.and_then(|rule| rule.open_for),
        };
        own.map_or(OpenTime::Backoff, OpenTime::Given)
    }

    /// Takes the next open time; the circuit is in `from`.
    fn next_open_time(
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
                let open_for = self.settings.open.step(step, self.dice.roll());
                (open_for, open_for)
            }
            OpenTime::Left { of, left } => (of, left),
        };
        self.opened_for = open_for;
        left
    }

    /// Notes the move from one state to another; gives how long the circuit was not closed, if that
    /// is over.
    fn move_on(
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

    /// When a ramp that runs is over under other `settings`, so that it keeps the share it has gained.
    fn rescaled_ramp(&self, settings: &Settings, now: Timestamp) -> Timestamp {
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

    /// The backoff step of the last open stretch; `None` before the first and after a reset.
    pub(crate) fn step(&self) -> Option<u32> {
        self.step
    }

    /// Whether the circuit has made any change.
    pub(crate) fn has_changed(&self) -> bool {
        self.changes != 0
    }

    /// Goes on as if the last open time had been this one.
    pub(crate) fn set_backoff(&mut self, opened_for: Duration, step: u32) {
        self.opened_for = opened_for;
        self.step = Some(step);
    }

    fn forget_backoff(&mut self) {
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
            // Not moves: nothing probes a closed circuit, and a new epoch is not a new state.
            (Closed, HalfOpen) | (Closed, Closed) | (Open, Open) | (HalfOpen, HalfOpen) => return,
        };
        *counter = counter.saturating_add(1);
    }
}

/// Moves. Each is called with the lock held, and returns what to tell after it is released.
impl Machine {
    /// `Closed` or `HalfOpen` => `Open`: the upstream is failing; `Open` => `Open`: an
    /// operator's trip.
    pub(crate) fn open(
        &self,
        control: &mut Control,
        reason: ChangeReason,
        open_time: OpenTime,
        now: Timestamp,
    ) -> Change {
        let to = Standing { state: CircuitState::Open, overridden: self.word().overridden() };
        self.open_as(control, to, reason, open_time, now)
    }

    /// As [`open`](Self::open), under the override of `to`.
    pub(crate) fn open_as(
        &self,
        control: &mut Control,
        to: Standing,
        reason: ChangeReason,
        open_time: OpenTime,
        now: Timestamp,
    ) -> Change {
        let word = self.word();
        // While the circuit is isolated, nothing opens it.
        control.overridden = to.overridden;
        let open_for = control.next_open_time(word.state(), open_time, now);
        let next = Stretch { to, reason, until: now.after(open_for), open_for: Some(open_for) };
        control.fleet.note_opening(reason, next.until);
        let change = self.enter(control, next, now);
        let is_trip = word.is_closed();
        control.trips = control.trips.saturating_add(u64::from(is_trip));
        if is_trip || reason == ChangeReason::Operator {
            let window = change.window;
            control.last_trip = Some(TripRecord { reason, at: now, open_for, window });
        }
        change
    }

    /// `Open` => `HalfOpen`: the open time is over.
    pub(crate) fn half_open(&self, control: &mut Control, now: Timestamp) -> Change {
        let lease = control.settings.probe_lease(control.opened_for);
        control.probes.restart(lease);
        let overridden = self.word().overridden();
        let to = Standing { state: CircuitState::HalfOpen, overridden };
        let reason = ChangeReason::OpenTimeOver;
        self.enter(control, Stretch { to, reason, until: Timestamp::ZERO, open_for: None }, now)
    }

    /// `HalfOpen` => `Closed`: the upstream is well again.
    pub(crate) fn close(
        &self,
        control: &mut Control,
        reason: ChangeReason,
        now: Timestamp,
    ) -> Change {
        let to = Standing { state: CircuitState::Closed, overridden: self.word().overridden() };
        let until = control.settings.ramp.map_or(Timestamp::ZERO, |ramp| now.after(ramp));
        self.enter(control, Stretch { to, reason, until, open_for: None }, now)
    }

    /// Any => Closed or, forced or isolated, Open: an operator's command starts afresh.
    pub(crate) fn impose(
        &self,
        control: &mut Control,
        overridden: Option<Override>,
        reason: ChangeReason,
        now: Timestamp,
    ) -> Change {
        control.forget_backoff();
        control.fleet.has_forced &= overridden == control.overridden;
        control.overridden = overridden;
        let overridden = control.effective();
        let (state, until) = match overridden {
            Some(Override::ForcedOpen) => (CircuitState::Open, Timestamp::NEVER),
            _ => (CircuitState::Closed, Timestamp::ZERO),
        };
        let to = Standing { state, overridden };
        self.enter(control, Stretch { to, reason, until, open_for: None }, now)
    }

    /// The same state in a new epoch, under new settings.
    pub(crate) fn renew(
        &self,
        control: &mut Control,
        settings: Arc<Settings>,
        now: Timestamp,
    ) -> Change {
        control.probes.restart(settings.probe_lease(control.opened_for));
        let word = self.word();
        let to = Standing { state: word.state(), overridden: word.overridden() };
        let until = match word.state() {
            CircuitState::HalfOpen => Timestamp::ZERO,
            CircuitState::Closed => control.rescaled_ramp(&settings, now),
            CircuitState::Open => self.until(),
        };
        let (reason, is_ordered) = (ChangeReason::Operator, control.is_ordered);
        let next = Stretch { to, reason, until, open_for: None };
        let change = self.enter_with(control, next, Some(settings), now);
        // Who began the stretch, and said for how long, stays the same.
        control.is_ordered = is_ordered;
        change
    }

    /// Begins a stretch: clears what was recorded, and publishes the new epoch.
    fn enter(&self, control: &mut Control, next: Stretch, now: Timestamp) -> Change {
        self.enter_with(control, next, None, now)
    }

    fn enter_with(
        &self,
        control: &mut Control,
        next: Stretch,
        settings: Option<Arc<Settings>>,
        now: Timestamp,
    ) -> Change {
        let old = self.word();
        let epoch = old.epoch().wrapping_add(1);
        let tag = Tag::of(epoch);
        let window = self.recorder().counts(Tag::of(old.epoch()), now);
        let lasted = now.since(control.since);
        // A move within one state keeps its age: only the epoch is new.
        let is_move = next.to.state != old.state();
        let down_for =
            if is_move { control.move_on(old.state(), next.to.state, now) } else { None };
        // Before the window may get another shape.
        let successes = self.recorder().finish(Tag::of(old.epoch()), tag);
        self.tally().add_many(Counter::Successes, successes);
        if let Some(settings) = settings {
            self.recorder().configure(&settings, control.dice.roll());
            control.settings = settings;
        }
        self.recorder().restart(tag, now);
        control.is_ordered = next.reason.is_order();
        let is_closed = next.to.state == CircuitState::Closed;
        control.ramp_ends = if is_closed { next.until } else { Timestamp::ZERO };
        // Zero sends readers to the lock until word and deadline belong together.
        if !planted(Bug::OldDeadline) {
            self.set_until(Timestamp::ZERO);
        }
        let word = Word::new(next.to.state, next.to.overridden, control.flags(), epoch);
        if planted(Bug::EarlyPlace) {
            control.seats.settle(word);
        }
        self.publish(word);
        self.set_until(next.until);
        // After the word: whoever gets the place that is given back sees the state that it was for ended.
        control.seats.settle(word);
        Change {
            number: control.next_number(),
            at: now,
            epoch,
            fleet_epoch: control.fleet.epoch,
            from: Standing { state: old.state(), overridden: old.overridden() },
            to: next.to,
            reason: next.reason,
            window,
            open_for: next.open_for,
            lasted,
            down_for,
        }
    }

    /// What has become of all calls. The lock is held, so that the epoch stays.
    pub(crate) fn totals(&self, control: &Control) -> Totals {
        let in_window = self.recorder().successes(Tag::of(self.word().epoch()));
        let named = self.kinds().counts().map(|(_, failures)| failures).sum();
        let totals = self.tally().totals(control.trips, in_window, named);
        let held_closed = control.seats.held_closed();
        Totals { not_sent: self.not_sent(), held_closed, ..totals }
    }
}
