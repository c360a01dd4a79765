//! The moves from one epoch to the next.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::Machine;
use crate::engine::machine::control::{Control, OpenTime};
use crate::engine::machine::trip_record::TripRecord;
use crate::engine::record::totals::Counter;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Tag, Word};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

/// An epoch of one state that is about to begin.
#[derive(Debug)]
struct NextEpoch {
    to: Standing,
    reason: ChangeReason,
    until: Timestamp,
    open_for: Option<Duration>,
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
        let word = self.word();
        // While the circuit is isolated, nothing opens it.
        control.overridden = to.overridden;
        let open_for = control.next_open_time(word.state(), open_time, now);
        let next = NextEpoch { to, reason, until: now.after(open_for), open_for: Some(open_for) };
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
        self.enter(control, NextEpoch { to, reason, until: Timestamp::ZERO, open_for: None }, now)
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
        self.enter(control, NextEpoch { to, reason, until, open_for: None }, now)
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
        self.enter(control, NextEpoch { to, reason, until, open_for: None }, now)
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
        let next = NextEpoch { to, reason, until, open_for: None };
        let change = self.enter_with(control, next, Some(settings), now);
        // Whether the epoch was ordered, and for how long, stays as it was.
        control.is_ordered = is_ordered;
        change
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
        let lasted = now.since(control.since);
        // A move within one state keeps its age: only the epoch is new.
        let is_move = next.to.state != old.state();
        let down_for =
            if is_move { control.move_on(old.state(), next.to.state, now) } else { None };
        // Before the window may get another shape.
        let successes = self.recorder().finish(Tag::of(old.epoch()), tag);
        self.tally().add_many(Counter::Successes, successes);
        if let Some(settings) = settings {
            self.recorder().configure(&settings, control.jitter.roll());
            control.settings = settings;
        }
        self.recorder().restart(tag, now);
        control.is_ordered = next.reason.is_order();
        let is_closed = next.to.state == CircuitState::Closed;
        control.ramp_ends = if is_closed { next.until } else { Timestamp::ZERO };
        // Zero sends readers to the lock until word and deadline belong together.
        self.set_until(Timestamp::ZERO);
        let word = Word::new(next.to.state, next.to.overridden, control.flags(), epoch);
        self.publish(word);
        self.set_until(next.until);
        // After the word: a circuit that takes the place given back here sees that this one has
        // left the state that the place was for.
        control.memberships.update(word);
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
}
