//! The model: what a circuit should do, written to be read, not to be fast.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::change::Change;
use crate::model::in_flight::tick;
use crate::model::settings::{Settings, Share};
use crate::model::window::Kept;
use CircuitState::{Closed, HalfOpen, Open};
use Override::{ForcedClosed, ForcedOpen, Observing};
use tower_circuit_breaker::{ChangeReason, CircuitState, FailureKind, Outcome, Override};

/// One admitted call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub epoch: u64,
    started: Duration,
    /// The number of the probe, if it is one.
    pub probe: Option<usize>,
    /// Counted by the state it was admitted in, if that was closed.
    judged: bool,
    /// How long its answer took, if that has come and is not judged yet.
    took: Option<Duration>,
}

/// A circuit as it should be; see the [module docs](crate::model).
#[derive(Debug, Clone)]
pub struct Model {
    pub settings: Settings,
    /// What the circuit's clock shows.
    pub now: Duration,
    pub state: CircuitState,
    pub overridden: Option<Override>,
    /// When that ends, where it has an end.
    pub override_ends: Option<Duration>,
    pub epoch: u64,
    pub since: Duration,
    pub until: Duration,
    pub trip_reason: Option<ChangeReason>,
    /// The last change of state, for the test that takes it from here.
    pub change: Option<Change>,
    /// The last epoch that began without another state, for the test that takes it from here.
    pub renewal: Option<u64>,
    /// Successes, failures, ignored, abandoned, slow, rejected, would have been, stale, trips, not
    /// sent.
    pub totals: [u64; 10],
    /// The results of this epoch that a window may hold.
    pub(super) results: VecDeque<Kept>,
    /// When the calls began that this epoch admitted while closed, and that have not ended.
    pub(super) in_flight: Vec<Duration>,
    /// The ticks in which it was last asked which of them are stalled: as slow calls, and as stalled.
    pub(super) looked: [u128; 2],
    /// When the failures of the run ended.
    pub(super) run: Vec<Duration>,
    /// In the order of the rules about kinds.
    kind_runs: Vec<Vec<Duration>>,
    /// Live probes with the ends of their leases, and what probes said: passed, failed, ignored.
    pub(super) live: Vec<(usize, Duration)>,
    /// Those of the live probes that were answered.
    pub(super) held: Vec<usize>,
    pub(super) said: [u32; 3],
    /// When the unanswered probes in a row began, and which probes failed as their leases ended.
    pub(super) unanswered: Vec<Duration>,
    pub(super) failed_by_lease: Vec<usize>,
    probes_made: usize,
    pub(super) opened_for: Duration,
    /// Whether the open time is only the longest that jitter may have drawn.
    pub(super) is_drawn: bool,
    pub(super) step: Option<u32>,
}

impl Model {
    /// A closed circuit, made when its clock showed zero.
    pub fn new(settings: Settings) -> Self {
        Self::starting_at(Duration::ZERO, settings)
    }

    /// A closed circuit, made when its clock showed `now`.
    pub fn starting_at(now: Duration, settings: Settings) -> Self {
        let zero = Duration::ZERO;
        let mut model = Self {
            settings: settings.with_default_rules(),
            now,
            state: Closed,
            overridden: None,
            override_ends: None,
            epoch: 1,
            since: now,
            until: zero,
            trip_reason: None,
            change: None,
            renewal: None,
            totals: [0; 10],
            results: VecDeque::new(),
            in_flight: Vec::new(),
            looked: [0; 2],
            run: Vec::new(),
            kind_runs: Vec::new(),
            live: Vec::new(),
            held: Vec::new(),
            said: [0; 3],
            unanswered: Vec::new(),
            failed_by_lease: Vec::new(),
            probes_made: 0,
            opened_for: zero,
            is_drawn: false,
            step: None,
        };
        model.forget();
        model
    }

    /// A call comes; `None` if it is rejected.
    pub fn admit(&mut self) -> Option<Call> {
        self.end_override();
        let mut call = Call {
            epoch: self.epoch,
            started: self.now,
            probe: None,
            judged: self.state == Closed,
            took: None,
        };
        if self.state == Closed {
            self.look();
        }
        if self.state == Closed {
            self.in_flight.push(self.now);
            return Some(call);
        }
        call.judged = false;
        if self.overridden != Some(ForcedOpen) {
            if self.state == Open && self.now >= self.until {
                self.enter(HalfOpen, ChangeReason::OpenTimeOver)
            }
            self.end_leases();
            if self.state == HalfOpen && self.live.len() < self.settings.concurrent_probes as usize
            {
                self.probes_made += 1;
                self.live.push((self.probes_made, self.after(self.lease())));
                call = Call { epoch: self.epoch, probe: Some(self.probes_made), ..call };
                return Some(call);
            }
        }
        let observing = self.overridden == Some(Observing);
        self.totals[if observing { 6 } else { 5 }] += 1;
        observing.then_some(Call { epoch: self.epoch, ..call })
    }

    /// A call was answered, and is judged later: it no longer waits.
    #[must_use]
    pub fn answer(&mut self, call: Call) -> Call {
        if call.epoch == self.epoch {
            self.end_wait(call);
            call.probe.into_iter().for_each(|probe| self.hold(probe));
        }
        Call { took: Some(self.now.saturating_sub(call.started)), ..call }
    }

    /// A call is in flight no longer.
    fn end_wait(&mut self, call: Call) {
        if call.judged && call.took.is_none() {
            let began = self.in_flight.iter().position(|at| *at == call.started);
            self.in_flight.swap_remove(began.expect("a call of this epoch is in flight"));
        }
    }

    /// Ends a call; `None` is a drop.
    pub fn finish(&mut self, call: Call, outcome: Option<Outcome>) {
        if call.epoch != self.epoch {
            self.totals[7] += 1;
            return;
        }
        let was_live = self.live.iter().any(|(probe, _)| Some(*probe) == call.probe);
        self.live.retain(|(probe, _)| Some(*probe) != call.probe);
        self.end_wait(call);
        let elapsed = call.took.unwrap_or_else(|| self.now.saturating_sub(call.started));
        let is_late = call.probe.is_some() && self.probe_limit().is_some_and(|l| elapsed >= l);
        let dropped_late = self.settings.abandoned_after.is_some_and(|after| elapsed >= after);
        let is_unanswered = outcome.is_none() && call.took.is_none();
        let fails_unanswered = is_unanswered && (dropped_late || is_late);
        let outcome = outcome.or_else(|| fails_unanswered.then_some(ABANDONED));
        let slow = self.settings.slow.is_some_and(|(_, than)| elapsed >= than);
        let (total, failed) = match outcome {
            Some(Outcome::Success) => (0, false),
            Some(Outcome::Ignored) => (2, false),
            Some(Outcome::NotSent) => (9, false),
            Some(_) => (1, true),
            None => (3, false),
        };
        self.totals[total] += 1;
        if total < 2 && slow {
            self.totals[4] += 1
        }
        if let Some(probe) = call.probe {
            match outcome {
                Some(Outcome::TripFor(time)) => self.trip_when_asked(time),
                Some(Outcome::NotSent) => {}
                Some(outcome) => {
                    if !is_unanswered {
                        self.unanswered.clear()
                    }
                    self.judge_probe(probe, outcome, failed || is_late)
                }
                None if !is_unanswered => self.judge_probe(probe, Outcome::Ignored, false),
                None if was_live => self.judge_unanswered(call.started),
                None => {}
            }
        } else if call.judged && total < 2 {
            self.judge_call(outcome, failed, slow)
        }
    }

    fn judge_call(&mut self, outcome: Option<Outcome>, failed: bool, slow: bool) {
        self.keep(failed, slow);
        let kind = match outcome {
            Some(Outcome::Failure(kind)) => kind,
            _ => FailureKind::OTHER,
        };
        let own = self.settings.kinds.iter().position(|rule| rule.kind == kind);
        match (failed, own) {
            (false, _) => {
                self.run.clear();
                self.kind_runs.iter_mut().for_each(Vec::clear)
            }
            (true, Some(own)) => self.kind_runs[own].push(self.now),
            (true, None) => self.run.push(self.now),
        }
        if self.overridden == Some(ForcedClosed) {
            return;
        }
        if let Some(Outcome::TripFor(time)) = outcome {
            return self.trip_when_asked(time);
        }
        let (calls, failures, _) = self.window();
        let reaches =
            |share: Share, n: u64| n * u64::from(share.whole) >= u64::from(share.part) * calls;
        let enough = calls >= u64::from(self.minimum()) && calls > 0;
        let s = &self.settings;
        let lasts = |run: &[Duration], failures: u32, lasting: Option<Duration>| {
            let began = run.first().copied().unwrap_or(self.now);
            let lasted = self.now.saturating_sub(began);
            run.len() >= failures as usize && lasted >= lasting.unwrap_or_default()
        };
        let own_holds = own.is_some_and(|own| {
            lasts(&self.kind_runs[own], s.kinds[own].failures, s.kinds[own].lasting)
        });
        let reason = if failed && own_holds {
            ChangeReason::ConsecutiveFailuresOfKind(kind)
        } else if failed
            && own.is_none()
            && s.consecutive.is_some_and(|n| lasts(&self.run, n, s.lasting))
        {
            ChangeReason::ConsecutiveFailures
        } else if !failed && !slow {
            return;
        } else if enough && s.failure_rate.is_some_and(|rate| reaches(rate, failures)) {
            ChangeReason::FailureRate
        } else if s.failure_rate_confident.is_some_and(|rule| self.is_sure(rule, calls, failures)) {
            ChangeReason::FailureRateConfident
        } else if self.is_too_slow() {
            ChangeReason::SlowCallRate
        } else if s
            .failure_count
            .is_some_and(|n| failures >= u64::from(self.settings.at_most_window(n)))
        {
            ChangeReason::FailureCount
        } else {
            return;
        };
        self.open(reason, None);
    }

    fn trip_when_asked(&mut self, time: Duration) {
        self.open(ChangeReason::UpstreamAsked, Some(time.min(self.settings.max_trip_for)));
    }

    /// Opens for `given`; else for the own time of the rule that `reason` is of; else for the backoff's.
    pub fn open(&mut self, reason: ChangeReason, given: Option<Duration>) {
        let recovered = self.state == Closed && self.now >= self.recovered_at();
        let step = match self.step {
            Some(step) if self.state == Open => step,
            Some(step) if !recovered => step + 1,
            _ => 0,
        };
        self.step = Some(step);
        let given = given.or_else(|| self.settings.own_open_time(reason));
        self.opened_for = given.unwrap_or_else(|| self.settings.backoff(step));
        self.is_drawn = given.is_none() && self.settings.is_jittered;
        if self.state == Closed && reason != ChangeReason::Restored {
            self.totals[8] += 1
        }
        if self.state == Closed || reason == ChangeReason::Operator {
            self.trip_reason = Some(reason)
        }
        self.until = self.after(self.opened_for);
        self.enter(Open, reason);
    }

    pub(super) fn enter(&mut self, state: CircuitState, reason: ChangeReason) {
        self.epoch += 1;
        if self.state != state {
            let lasted = self.now.saturating_sub(self.since);
            let ends = state == Open && self.overridden != Some(ForcedOpen);
            let (from, epoch) = (self.state, self.epoch);
            let open_for = ends.then_some(self.opened_for);
            self.change = Some(Change { from, to: state, reason, epoch, lasted, open_for });
            self.since = self.now
        } else {
            self.renewal = Some(self.epoch)
        }
        self.state = state;
        self.forget();
    }

    /// A new epoch begins with nothing.
    fn forget(&mut self) {
        (self.run, self.said) = (Vec::new(), [0; 3]);
        self.kind_runs = vec![Vec::new(); self.settings.kinds.len()];
        self.results.clear();
        self.in_flight.clear();
        let ages = [self.settings.slow.map(|s| s.1), self.settings.stalled.map(|s| s.1)];
        self.looked = ages.map(|age| age.map_or(0, |age| tick(self.now, age)));
        self.live.clear();
        self.held.clear();
        self.unanswered.clear();
        self.failed_by_lease.clear();
    }

    /// Whatever asks the circuit something ends an override whose time is over.
    pub fn end_override(&mut self) {
        if self.override_ends.is_some_and(|ends| ends <= self.now) {
            self.override_ends = None;
            self.impose_for(None, ChangeReason::OverrideOver);
        }
    }

    /// `reset`, `force_*` and `release`: start afresh under this override.
    pub fn impose(&mut self, overridden: Option<Override>) {
        self.impose_for(overridden, ChangeReason::Operator);
    }

    fn impose_for(&mut self, overridden: Option<Override>, reason: ChangeReason) {
        self.overridden = overridden;
        (self.step, self.opened_for) = (None, Duration::ZERO);
        let to = if overridden == Some(ForcedOpen) { Open } else { Closed };
        self.enter(to, reason);
    }

    /// Goes on under other settings, if they are others.
    pub fn reconfigure(&mut self, settings: Settings) {
        let settings = settings.with_default_rules();
        if settings != self.settings {
            self.settings = settings;
            self.enter(self.state, ChangeReason::Operator)
        }
    }
}

const ABANDONED: Outcome = Outcome::Failure(FailureKind::ABANDONED);
