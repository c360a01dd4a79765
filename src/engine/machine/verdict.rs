//! Applies the verdict of a fleet to the circuit of one of its processes.

use std::time::Duration;

use crate::engine::change::{Change, ChangeReason, Standing};
use crate::engine::machine::Machine;
use crate::engine::machine::control::Control;
use crate::engine::machine::control::open_times::OpenTime;
use crate::engine::machine::effect::Effect;
use crate::engine::machine::link_deadline::LinkDeadline;
use crate::engine::machine::own_override::OverrideWords;
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::time::Timestamp;
use crate::sync::Arc;

#[cfg(all(test, breaker_loom))]
mod races;
#[cfg(all(test, not(breaker_loom)))]
mod tests;

/// What the fleet has agreed on for a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever brings a verdict has to say all of it")]
pub struct Verdict {
    /// Grows from one verdict to the next; an older one is ignored. Never 0.
    pub epoch: u64,
    /// What the circuit is to be.
    pub ruling: Ruling,
}

/// The state that the fleet's circuit is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever brings a verdict has to say all of it")]
pub enum Ruling {
    /// Closed: the upstream is well.
    Closed,
    /// Closed with everything cleared: an operator's reset.
    Fresh,
    /// Open for `left` of `open_for`, which is step `step` of the backoff.
    Open {
        /// The whole of the open time.
        open_for: Duration,
        /// What is left of it.
        left: Duration,
        /// The step of the backoff, from 0.
        step: u32,
    },
    /// Forced by an operator of the fleet.
    Forced {
        /// What is imposed.
        overridden: Override,
        /// What is left of its time; `None` where it lasts until it is released.
        left: Option<Duration>,
    },
}

impl Ruling {
    /// Makes a verdict that forces the circuit until it is released.
    #[must_use]
    pub const fn forced(overridden: Override) -> Self {
        Self::Forced { overridden, left: None }
    }
}

impl Machine {
    /// As [`adopt_said`](Self::adopt_said), without words.
    #[cfg(test)]
    pub(crate) fn adopt(&self, verdict: Verdict, now: Timestamp) -> Effect {
        self.adopt_said(verdict, None, now)
    }

    /// Applies `verdict`, unless it is no newer than the last one. A circuit that an operator of
    /// this process has forced stays forced.
    ///
    /// `words` are those of whoever has forced it.
    pub(crate) fn adopt_said(
        &self,
        verdict: Verdict,
        words: Option<Arc<OverrideWords>>,
        now: Timestamp,
    ) -> Effect {
        let mut control = self.lock();
        let known = control.fleet();
        if verdict.epoch <= known.epoch() {
            return Effect::Nothing;
        }
        control.hear_fleet(verdict.epoch);
        control.set_link_deadline(None);
        let word = self.word();
        let is_isolated = control.is_isolated();
        let own = control.own_override();
        let is_by_fleet = own.is_some_and(|own| own.by_fleet);
        if !is_by_fleet && own.is_some_and(|own| own.overridden.is_forced()) {
            return Effect::Nothing;
        }
        // Of this process; what the fleet has imposed, it lifts.
        let observing = own.filter(|_| !is_by_fleet);
        let fleet = ChangeReason::Fleet;
        match verdict.ruling {
            Ruling::Forced { overridden, left } => {
                let forced = control.next_override(overridden, now).lasting(left).of_fleet();
                if let Some(words) = words {
                    control.say(forced.serial, words);
                }
                Effect::changed(self.impose(&mut control, Some(forced), fleet, now))
            }
            Ruling::Fresh => Effect::changed(self.impose(&mut control, observing, fleet, now)),
            Ruling::Closed if is_by_fleet => {
                Effect::changed(self.impose(&mut control, None, fleet, now))
            }
            Ruling::Closed if word.is_closed() || is_isolated => Effect::Nothing,
            // It has tripped by itself since, and the verdict may be older than that. But what the
            // fleet said before no longer keeps it open.
            Ruling::Closed if !known.has_opened() => match control.fleet().own_end() {
                Some(end) if word.state() == CircuitState::Open => self.reschedule(end),
                _ => Effect::Nothing,
            },
            Ruling::Closed => Effect::changed(self.close(&mut control, fleet, now)),
            // It stays isolated, but the fleet no longer forces it.
            Ruling::Open { .. } if is_isolated => {
                Effect::changed(self.impose(&mut control, observing, fleet, now))
            }
            Ruling::Open { open_for, left, step } => {
                let is_open = word.state() == CircuitState::Open && !word.is_forced();
                let effect = if is_open {
                    self.reschedule(control.fleet().end(now.after(left)))
                } else {
                    let open_time = OpenTime::Left { of: open_for, left };
                    let overridden = observing.map(|own| own.overridden);
                    let to = Standing { state: CircuitState::Open, overridden };
                    Effect::changed(self.open_as(&mut control, to, fleet, open_time, now))
                };
                control.opened_by_fleet(open_for, step);
                effect
            }
        }
    }

    /// Keeps the circuit open for `left` from now, in the same epoch, if it is open under the
    /// verdict `epoch`. An open epoch that it began itself does not end sooner for that.
    pub(crate) fn hold(&self, epoch: u64, left: Duration, now: Timestamp) -> Effect {
        let mut control = self.lock();
        let word = self.word();
        if control.fleet().epoch() != epoch {
            return Effect::Nothing;
        }
        control.set_link_deadline(None);
        if word.state() != CircuitState::Open || word.is_forced() {
            return Effect::Nothing;
        }
        self.reschedule(control.fleet().end(now.after(left)))
    }

    /// Opens a circuit that probes under the verdict `epoch` again, for `left`; one that is open is
    /// held.
    pub(crate) fn recall(&self, epoch: u64, left: Duration, now: Timestamp) -> Effect {
        let mut control = self.lock();
        let word = self.word();
        if control.fleet().epoch() != epoch || word.state() != CircuitState::HalfOpen {
            drop(control);
            return self.hold(epoch, left, now);
        }
        Effect::changed(self.reopen(&mut control, left, now))
    }

    /// Opens a circuit that probes again, for `left`. The lock is held.
    fn reopen(&self, control: &mut Control, left: Duration, now: Timestamp) -> Change {
        let to = Standing { state: CircuitState::Open, overridden: self.word().overridden() };
        let backoff = control.backoff();
        let open_time = OpenTime::Left { of: left, left };
        let change = self.open_as(control, to, ChangeReason::LeaseOver, open_time, now);
        control.set_backoff(backoff);
        change
    }

    /// Sets by when the link says more of probes under the verdict `epoch`. Only the end of a lease ends
    /// probes that have begun; any other deadline is the end of the open time at least.
    pub(crate) fn set_link_deadline(&self, epoch: u64, deadline: LinkDeadline) {
        let mut control = self.lock();
        let word = self.word();
        let holds = match word.state() {
            CircuitState::Open => true,
            CircuitState::HalfOpen => deadline.ends_lease,
            CircuitState::Closed => false,
        };
        if control.fleet().epoch() == epoch && holds && !word.is_forced() {
            let at = if deadline.ends_lease { deadline.at } else { deadline.at.max(self.until()) };
            control.set_link_deadline(Some(LinkDeadline { at, ..deadline }));
        }
    }

    /// The link has missed its deadline, for want of a processor: for a while the circuit probes no longer,
    /// and begins no probes, so that the link can ask. Then it goes by itself, since there may be no link.
    /// The lock is held.
    #[cold]
    #[inline(never)]
    pub(crate) fn wait_for_link(
        &self,
        control: &mut Control,
        missed: LinkDeadline,
        now: Timestamp,
    ) -> Option<Change> {
        control.set_link_deadline(None);
        if self.word().state() == CircuitState::HalfOpen {
            return Some(self.reopen(control, missed.grace, now));
        }
        self.set_until(control.fleet().end(now.after(missed.grace)));
        None
    }

    /// Sets the end of the present open epoch. The lock is held.
    pub(crate) fn reschedule(&self, until: Timestamp) -> Effect {
        let is_sooner = until < self.until();
        self.set_until(until);
        // A caller that waits for the earlier end has a timer of its own, and asks again when it
        // fires.
        if is_sooner { Effect::EndsSooner } else { Effect::Nothing }
    }

    /// The rest of an open epoch that the circuit began itself; zero where the fleet began it.
    pub(crate) fn own_left(&self, now: Timestamp) -> Duration {
        self.look(|control| {
            let is_open = self.word().state() == CircuitState::Open;
            let end = control.fleet().own_end().filter(|_| is_open);
            end.map_or(Duration::ZERO, |end| end.since(now))
        })
    }

    /// Notes that the fleet has closed the circuit in `epoch`, before the outage that it is in by itself
    /// began: that goes on, but what the fleet had said before no longer prolongs it.
    pub(crate) fn pass_over(&self, epoch: u64) -> Effect {
        let mut control = self.lock();
        if epoch <= control.fleet().epoch() {
            return Effect::Nothing;
        }
        control.hear_fleet(epoch);
        control.fleet_is_over();
        match control.fleet().own_end() {
            Some(end) if self.word().state() == CircuitState::Open => self.reschedule(end),
            _ => Effect::Nothing,
        }
    }

    /// Forgets which epoch it has heard last.
    pub(crate) fn forget_epoch(&self) {
        self.lock().hear_fleet(0);
    }

    /// How long ago the circuit began the outage that it is in by itself, or the probes after it; `None`
    /// where it is closed, or the fleet began it.
    pub(crate) fn own_outage(&self, now: Timestamp) -> Option<Duration> {
        self.look(|control| {
            let is_out = self.word().state() != CircuitState::Closed && !self.word().is_forced();
            let begun = control.fleet().own_begun().filter(|_| is_out);
            begun.map(|begun| now.since(begun))
        })
    }

    /// The epoch of the last verdict; 0 before the first.
    pub(crate) fn fleet_epoch(&self) -> u64 {
        self.look(|control| control.fleet().epoch())
    }

    /// The backoff step of the last open time.
    pub(crate) fn backoff_step(&self) -> u32 {
        self.look(|control| control.backoff().1)
    }

    /// The number of calls rejected so far.
    pub(crate) fn rejections(&self) -> u64 {
        self.tally()
            .rejected(self.recorder().stripes())
            .saturating_add(self.extras().all_rejections())
    }
}

impl Override {
    /// Whether it alone decides on calls.
    const fn is_forced(self) -> bool {
        matches!(self, Self::ForcedOpen | Self::ForcedClosed)
    }
}

impl Word {
    /// Whether an operator has forced the circuit open or closed.
    pub(crate) const fn is_forced(self) -> bool {
        match self.overridden() {
            Some(overridden) => overridden.is_forced(),
            None => false,
        }
    }
}
