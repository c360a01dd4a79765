//! The moves from one epoch to the next.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::Machine;
use crate::engine::machine::control::Control;
use crate::engine::machine::control::open_times::OpenTime;
use crate::engine::machine::own_override::OwnOverride;
use crate::engine::machine::trip_record::TripRecord;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Tag, Word};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// An epoch of one state that is about to begin.
#[derive(Debug)]
struct NextEpoch {
    to: Standing,
    reason: ChangeReason,
    /// Whether an order begins it, and sets how long it lasts.
    is_ordered: bool,
    until: Timestamp,
    open_for: Option<Duration>,
    /// Whether the upstream was found well, by this circuit or the fleet.
    has_recovered: bool,
}

impl NextEpoch {
    const fn new(to: Standing, reason: ChangeReason, until: Timestamp) -> Self {
        let is_ordered = reason.is_order();
        Self { to, reason, is_ordered, until, open_for: None, has_recovered: false }
    }
}

/// Moves. Each is called with the lock held, and returns the change to tell after its release.
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
        let from = self.word().state();
        let (_, stalled_calls) =
            self.recorder().slow_and_stalled(Tag::of(self.word().epoch()), now);
        let open_for = control.prepare_open(from, to, reason, open_time, now);
        let next = NextEpoch {
            open_for: Some(open_for),
            ..NextEpoch::new(to, reason, now.after(open_for))
        };
        let change = self.enter(control, next, now);
        let window = change.window;
        let kind = reason.failure_kind().or_else(|| {
            let last = self.kinds().last().filter(|_| reason.follows_failure());
            last.map(|(kind, _)| kind)
        });
        let settings = Arc::clone(control.settings());
        let trip = TripRecord { reason, kind, at: now, open_for, window, stalled_calls, settings };
        let failures_in_a_row = trip.settings.run_behind(reason);
        control.count_opening(from, trip);
        Change { failures_in_a_row, ..change }
    }

    /// `Open` => `HalfOpen`: the open time is over.
    pub(crate) fn half_open(&self, control: &mut Control, now: Timestamp) -> Change {
        control.restart_probes();
        let overridden = self.word().overridden();
        let to = Standing { state: CircuitState::HalfOpen, overridden };
        let reason = ChangeReason::OpenTimeOver;
        self.enter(control, NextEpoch::new(to, reason, Timestamp::ZERO), now)
    }

    /// `HalfOpen` => `Closed`: the upstream is well again.
    pub(crate) fn close(
        &self,
        control: &mut Control,
        reason: ChangeReason,
        now: Timestamp,
    ) -> Change {
        let to = Standing { state: CircuitState::Closed, overridden: self.word().overridden() };
        let until = control.ramp_from(now);
        let next = NextEpoch { has_recovered: true, ..NextEpoch::new(to, reason, until) };
        self.enter(control, next, now)
    }

    /// Any => Closed or, forced or isolated, Open: an operator's command starts afresh.
    pub(crate) fn impose(
        &self,
        control: &mut Control,
        own: Option<OwnOverride>,
        reason: ChangeReason,
        now: Timestamp,
    ) -> Change {
        let overridden = control.prepare_afresh(own);
        let (state, until) = match overridden {
            Some(Override::ForcedOpen) => (CircuitState::Open, Timestamp::NEVER),
            _ => (CircuitState::Closed, Timestamp::ZERO),
        };
        let to = Standing { state, overridden };
        self.enter(control, NextEpoch::new(to, reason, until), now)
    }

    /// The same state in a new epoch, under new settings.
    pub(crate) fn renew(
        &self,
        control: &mut Control,
        settings: Arc<Settings>,
        now: Timestamp,
    ) -> Change {
        control.restart_probes_under(&settings);
        let word = self.word();
        let to = Standing { state: word.state(), overridden: word.overridden() };
        let until = match word.state() {
            CircuitState::HalfOpen => Timestamp::ZERO,
            CircuitState::Closed => control.rescaled_ramp(&settings, now),
            CircuitState::Open => self.until(),
        };
        // Whether the epoch was ordered, and for how long, stays as it was.
        let is_ordered = control.is_ordered();
        let next = NextEpoch { is_ordered, ..NextEpoch::new(to, ChangeReason::Operator, until) };
        self.enter_with(control, next, Some(settings), now)
    }

    /// Begins an epoch: clears what was recorded, and publishes the new epoch.
    fn enter(&self, control: &mut Control, next: NextEpoch, now: Timestamp) -> Change {
        self.enter_with(control, next, None, now)
    }

    fn enter_with(
        &self,
        control: &mut Control,
        next: NextEpoch,
        settings: Option<Arc<Settings>>,
        now: Timestamp,
    ) -> Change {
        let old = self.word();
        let epoch = old.epoch().wrapping_add(1);
        let tag = Tag::of(epoch);
        let window = self.recorder().counts(Tag::of(old.epoch()), now);
        let lasted = control.time_in_state(now);
        // A move within one state keeps its age: only the epoch is new.
        let is_move = next.to.state != old.state();
        let down_for = if is_move {
            control.move_on(old.state(), next.to.state, next.reason, now)
        } else {
            None
        };
        if let Some(down_for) = down_for.filter(|_| next.has_recovered) {
            control.count_recovery(down_for);
        }
        if old.overridden() == Some(Override::ForcedOpen) {
            // Whatever comes after it, how long it was forced open is no outage.
            control.begin_outage(now);
        }
        // Before the window may get another shape.
        self.recorder().finish(Tag::of(old.epoch()), tag);
        if let Some(settings) = settings {
            self.recorder().configure(&settings, control.draw_seed());
            control.set_settings(settings);
        }
        self.recorder().restart(tag, now);
        let is_closed = next.to.state == CircuitState::Closed;
        let ramp_ends = if is_closed { next.until } else { Timestamp::ZERO };
        control.begin_epoch(next.is_ordered, ramp_ends);
        self.set_began(now);
        let flags = control.flags(old.interest());
        // Zero sends readers to the lock until word and deadline belong together.
        self.set_until(Timestamp::ZERO);
        let word = Word::new(next.to.state, next.to.overridden, flags, epoch);
        self.publish_with_end(control, word);
        self.set_until(next.until);
        // After the word: a circuit that takes the place given back here sees that this one has
        // left the state that the place was for.
        control.update_places(word);
        Change {
            number: control.next_number(),
            at: now,
            epoch,
            fleet_epoch: control.fleet().epoch(),
            from: Standing { state: old.state(), overridden: old.overridden() },
            to: next.to,
            reason: next.reason,
            window,
            open_for: next.open_for,
            lasted,
            down_for,
            failures_in_a_row: None,
        }
    }
}
