//! What a circuit should have come to, kept beside it.
//!
//! Moves are taken over from its events, after they were held against what was expected; so rules that
//! are not known here only make the suite check less.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::settings::Settings;
use crate::engine::state::{CircuitState, Override};
use crate::engine::time::Timestamp;
use crate::engine::totals::Totals;
use crate::error::RejectReason;
use crate::test_util::conformance::results::Results;

/// One admitted call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) epoch: u64,
    started: Timestamp,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Counted,
    Probe(u64),
    Observed,
}

/// Whether a call is to be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Admitted,
    Rejected(RejectReason, Option<Duration>),
}

/// A change of state that is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Due {
    pub(super) to: CircuitState,
    pub(super) reason: ChangeReason,
    /// An open time other than the backoff's.
    pub(super) open_for: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Books {
    pub(super) settings: Settings,
    pub(super) state: CircuitState,
    pub(super) overridden: Option<Override>,
    pub(super) epoch: u64,
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    pub(super) totals: Totals,
    pub(super) results: Results,
    /// Numbers of live probes, with the ends of their leases.
    live: Vec<(u64, Timestamp)>,
    /// What probes have said.
    pub(super) passed: u32,
    pub(super) failed: u32,
    pub(super) ignored_in_a_row: u32,
    probes: u64,
    opened_for: Duration,
    pub(super) step: Option<u32>,
}

impl Books {
    pub(super) fn new(settings: Settings, now: Timestamp) -> Self {
        let mut books = Self {
            settings,
            state: CircuitState::Closed,
            overridden: None,
            epoch: 1,
            since: now,
            until: Timestamp::ZERO,
            totals: Totals::default(),
            results: Results::default(),
            live: Vec::new(),
            passed: 0,
            failed: 0,
            ignored_in_a_row: 0,
            probes: 0,
            opened_for: Duration::ZERO,
            step: None,
        };
        books.begin_stretch();
        books
    }

    /// The end of the open time, if it is there and the next call is to end it.
    pub(super) fn half_open_due(&self, now: Timestamp) -> Option<Due> {
        let forced = self.overridden == Some(Override::ForcedOpen);
        let is_due = self.state == CircuitState::Open && !forced && now >= self.until;
        let reason = ChangeReason::OpenTimeOver;
        is_due.then_some(Due { to: CircuitState::HalfOpen, reason, open_for: None })
    }

    /// Whether a call is to be admitted now; an open time that is over has been ended.
    pub(super) fn admission(&mut self, now: Timestamp) -> Admission {
        self.live.retain(|(_, ends)| *ends > now);
        let refused = match self.state {
            CircuitState::Closed => return Admission::Admitted,
            CircuitState::HalfOpen if self.has_free_slot() => return Admission::Admitted,
            CircuitState::HalfOpen => Admission::Rejected(RejectReason::ProbesBusy, None),
            CircuitState::Open if self.overridden == Some(Override::ForcedOpen) => {
                Admission::Rejected(RejectReason::ForcedOpen, None)
            }
            CircuitState::Open => {
                Admission::Rejected(RejectReason::Open, Some(self.until.since(now)))
            }
        };
        if self.overridden == Some(Override::Observing) { Admission::Admitted } else { refused }
    }

    /// Whether a call would be rejected now; an open time that is over has perhaps not been ended.
    pub(super) fn would_reject(&self, now: Timestamp) -> bool {
        let live = self.live.iter().filter(|(_, ends)| *ends > now).count();
        match (self.state, self.overridden) {
            (CircuitState::Closed, _) | (_, Some(Override::Observing)) => false,
            (_, Some(Override::ForcedOpen)) => true,
            (CircuitState::Open, _) => now < self.until,
            (CircuitState::HalfOpen, _) => {
                u64::try_from(live).is_ok_and(|n| n >= self.settings.concurrent_probes.into())
            }
        }
    }

    /// Notes that a call was admitted.
    pub(super) fn admit(&mut self, now: Timestamp) -> Call {
        let role = match self.state {
            CircuitState::Closed => Role::Counted,
            CircuitState::HalfOpen if self.has_free_slot() => {
                self.probes += 1;
                self.live.push((self.probes, now.after(self.lease())));
                Role::Probe(self.probes)
            }
            CircuitState::HalfOpen | CircuitState::Open => {
                self.totals.would_have_rejected += 1;
                Role::Observed
            }
        };
        Call { epoch: self.epoch, started: now, role }
    }

    /// When a slot is free at the latest, while half-open.
    pub(super) fn slot_free_at(&self) -> Option<Timestamp> {
        self.live.iter().map(|(_, ends)| *ends).min()
    }

    /// Whether a call of this stretch has been under way for as long as makes it a slow one.
    pub(super) fn hangs(&self, call: Call, now: Timestamp) -> bool {
        let limit = self.settings.slow_call_rate.map(|rule| rule.slower_than);
        call.epoch == self.epoch && limit.is_some_and(|limit| now.since(call.started) >= limit)
    }

    /// When a closed circuit has been so for as long as it was open, and for as long as it ramps.
    pub(super) fn recovered_at(&self) -> Timestamp {
        self.since.after(self.opened_for.max(self.settings.ramp.unwrap_or_default()))
    }

    /// Notes how a call ended, `None` if it was dropped; gives what is to change.
    pub(super) fn end(
        &mut self,
        call: Call,
        outcome: Option<Outcome>,
        now: Timestamp,
    ) -> Option<Due> {
        if call.epoch != self.epoch {
            self.totals.stale += 1;
            return None;
        }
        if let Role::Probe(number) = call.role {
            self.live.retain(|(probe, _)| *probe != number);
        }
        let elapsed = now.since(call.started);
        let was_long = self.settings.abandoned_after.is_some_and(|after| elapsed >= after);
        let dropped = was_long.then_some(Outcome::Failure(FailureKind::ABANDONED));
        let Some(outcome) = outcome.or(dropped) else {
            self.totals.abandoned += 1;
            return None;
        };
        let limit = self.settings.slow_call_rate.map(|rule| rule.slower_than);
        let is_word = !matches!(outcome, Outcome::Ignored | Outcome::NotSent);
        let is_slow = is_word && limit.is_some_and(|limit| elapsed >= limit);
        self.count(outcome, is_slow);
        match call.role {
            Role::Observed => None,
            Role::Counted => self.judge_call(outcome, is_slow, now),
            Role::Probe(_) => self.judge_probe(outcome, is_slow),
        }
    }

    /// Goes over to another state, in a new epoch.
    pub(super) fn enter(&mut self, to: CircuitState, open_for: Option<Duration>, now: Timestamp) {
        if to == CircuitState::Open {
            if self.state == CircuitState::Closed && self.overridden != Some(Override::ForcedOpen) {
                self.totals.trips += 1;
            }
            self.until = open_for.map_or(Timestamp::NEVER, |time| now.after(time));
            self.opened_for = open_for.unwrap_or_default();
        }
        if to != self.state {
            self.since = now;
        }
        self.state = to;
        self.epoch += 1;
        self.begin_stretch();
    }

    /// Goes on in the same state under other settings, in a new epoch.
    pub(super) fn renew(&mut self, settings: Settings) {
        self.settings = settings;
        self.epoch += 1;
        self.begin_stretch();
    }

    /// The step of the backoff that the next open time is.
    pub(super) fn next_step(&self, now: Timestamp) -> u32 {
        let is_closed = self.state == CircuitState::Closed;
        match self.step {
            Some(step) if self.state == CircuitState::Open => step,
            Some(step) if !is_closed || now < self.recovered_at() => step.saturating_add(1),
            _ => 0,
        }
    }

    /// Forgets the backoff, as commands do that start afresh.
    pub(super) fn forget_backoff(&mut self) {
        self.step = None;
        self.opened_for = Duration::ZERO;
    }

    fn begin_stretch(&mut self) {
        self.results.clear(&self.settings);
        self.live.clear();
        (self.passed, self.failed, self.ignored_in_a_row) = (0, 0, 0);
    }

    /// Reckoned here, and not asked of the settings, which the circuit asks.
    fn lease(&self) -> Duration {
        let default = self.opened_for.max(Duration::from_secs(1));
        self.settings.probe_timeout.unwrap_or(default)
    }

    fn has_free_slot(&self) -> bool {
        u64::try_from(self.live.len()).is_ok_and(|n| n < self.settings.concurrent_probes.into())
    }
}
