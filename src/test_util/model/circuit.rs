//! The model: what a circuit should do, written to be read, not to be fast.

use std::time::Duration;

use crate::test_util::model::settings::{KINDS, Settings, Share, Sure, Window};
use crate::{ChangeReason, CircuitState, FailureKind, Outcome, Override};
use CircuitState::{Closed, HalfOpen, Open};
use Override::{ForcedClosed, ForcedOpen, Observing};

/// One admitted call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    epoch: u64,
    started: Duration,
    /// The number of the probe, if it is one.
    probe: Option<usize>,
    /// Counted by the state it was admitted in, if that was closed.
    judged: bool,
}

#[derive(Debug, Clone)]
pub struct Model {
    pub settings: Settings,
    pub now: Duration,
    pub state: CircuitState,
    pub overridden: Option<Override>,
    pub epoch: u64,
    pub since: Duration,
    pub until: Duration,
    pub trip_reason: Option<ChangeReason>,
    /// Successes, failures, ignored, abandoned, slow, rejected, would have been, stale, trips, not
    /// sent.
    pub totals: [u64; 10],
    /// Every result of this epoch: when, whether failed, whether slow.
    results: Vec<(Duration, bool, bool)>,
    /// When the calls began that this epoch admitted while closed, and that have not ended.
    under_way: Vec<Duration>,
    /// The ticks in which it was last asked which of them hang: as slow calls, and as stalled.
    looked: [u128; 2],
    /// When the failures of the runs ended: of the general one, and of those of kinds.
    run: Vec<Duration>,
    kind_runs: [Vec<Duration>; 2],
    /// Live probes with the ends of their leases, and what probes said: passed, failed, ignored.
    live: Vec<(usize, Duration)>,
    said: [u32; 3],
    /// When the unanswered probes in a row began, and which probes failed as their leases ended.
    unanswered: Vec<Duration>,
    failed_by_lease: Vec<usize>,
    probes_made: usize,
    opened_for: Duration,
    step: Option<u32>,
}

impl Model {
    pub fn new(settings: Settings) -> Self {
        let zero = Duration::ZERO;
        Self {
            settings: with_default_rules(settings),
            now: zero,
            state: Closed,
            overridden: None,
            epoch: 1,
            since: zero,
            until: zero,
            trip_reason: None,
            totals: [0; 10],
            results: Vec::new(),
            under_way: Vec::new(),
            looked: [0; 2],
            run: Vec::new(),
            kind_runs: [Vec::new(), Vec::new()],
            live: Vec::new(),
            said: [0; 3],
            unanswered: Vec::new(),
            failed_by_lease: Vec::new(),
            probes_made: 0,
            opened_for: zero,
            step: None,
        }
    }

    pub fn admit(&mut self) -> Option<Call> {
        let mut call = Call {
            epoch: self.epoch,
            started: self.now,
            probe: None,
            judged: self.state == Closed,
        };
        if self.state == Closed {
            self.look();
        }
        if self.state == Closed {
            self.under_way.push(self.now);
            return Some(call);
        }
        call.judged = false;
        if self.overridden != Some(ForcedOpen) {
            if self.state == Open && self.now >= self.until {
                self.enter(HalfOpen)
            }
            self.end_leases();
            if self.state == HalfOpen && self.live.len() < self.settings.concurrent_probes as usize
            {
                self.probes_made += 1;
                self.live.push((self.probes_made, self.now + self.lease()));
                call = Call { epoch: self.epoch, probe: Some(self.probes_made), ..call };
                return Some(call);
            }
        }
        let observing = self.overridden == Some(Observing);
        self.totals[if observing { 6 } else { 5 }] += 1;
        observing.then_some(Call { epoch: self.epoch, ..call })
    }

    fn lease(&self) -> Duration {
        let lease = self.settings.probe_timeout;
        lease.unwrap_or_else(|| self.opened_for.max(Duration::from_secs(1)))
    }

    /// A call comes: probes whose leases are over have had no answer.
    fn end_leases(&mut self) {
        let (now, lease) = (self.now, self.lease());
        for (probe, ends) in std::mem::take(&mut self.live) {
            let began = ends - lease;
            if ends > now {
                self.live.push((probe, ends));
            } else if self.probe_limit().is_some_and(|limit| now - began >= limit) {
                self.failed_by_lease.push(probe);
                self.said[1] += 1;
                self.said[2] = 0
            } else {
                self.unanswered.push(began);
            }
        }
        self.decide(true)
    }

    /// How long a probe may take before that is a failure.
    fn probe_limit(&self) -> Option<Duration> {
        let limits = [self.settings.slow.map(|s| s.1), self.settings.stalled.map(|s| s.1)];
        limits.into_iter().flatten().min()
    }

    /// A call comes: it is asked, once in a tick, whether those under way hang.
    fn look(&mut self) {
        let (slow, stalled) = (self.settings.slow, self.settings.stalled);
        let slower_than = slow.map(|(_, than)| than);
        let slows = if self.looks(0, slower_than) { self.hung(slower_than) } else { 0 };
        let older_than = stalled.map(|(_, than)| than);
        let looks = self.looks(1, older_than);
        if self.overridden == Some(ForcedClosed) {
            return;
        }
        if slows > 0 && self.is_too_slow() {
            self.open(ChangeReason::SlowCallRate, None)
        } else if looks && stalled.is_some_and(|(calls, _)| self.hung(older_than) >= calls.into()) {
            self.open(ChangeReason::StalledCalls, None)
        }
    }

    fn looks(&mut self, which: usize, age: Option<Duration>) -> bool {
        let Some(age) = age else { return false };
        let tick = tick(self.now, age);
        std::mem::replace(&mut self.looked[which], tick) != tick
    }

    /// How many calls under way have lasted so long, as ticks tell it.
    pub fn hung(&self, age: Option<Duration>) -> u64 {
        let Some(age) = age else { return 0 };
        let hangs = |at: &&Duration| tick(self.now, age) - tick(**at, age) >= TICKS;
        self.under_way.iter().filter(hangs).count() as u64
    }

    fn is_too_slow(&self) -> bool {
        let Some((rate, than)) = self.settings.slow else { return false };
        let ((calls, _, slows), hung) = (self.window(), self.hung(Some(than)));
        let (calls, slows) = (calls + hung, slows + hung);
        calls >= u64::from(self.minimum())
            && calls > 0
            && slows * u64::from(rate.whole) >= u64::from(rate.part) * calls
    }

    /// Ends a call; `None` is a drop.
    pub fn finish(&mut self, call: Call, outcome: Option<Outcome>) {
        if call.epoch != self.epoch {
            self.totals[7] += 1;
            return;
        }
        let was_live = self.live.iter().any(|(probe, _)| Some(*probe) == call.probe);
        self.live.retain(|(probe, _)| Some(*probe) != call.probe);
        if call.judged {
            let began = self.under_way.iter().position(|at| *at == call.started);
            self.under_way.swap_remove(began.expect("a call of this epoch is under way"));
        }
        let elapsed = self.now - call.started;
        let is_answered = outcome.is_some();
        let is_late = call.probe.is_some() && self.probe_limit().is_some_and(|l| elapsed >= l);
        let dropped_late = self.settings.abandoned_after.is_some_and(|after| elapsed >= after);
        let outcome = outcome.or_else(|| (dropped_late || is_late).then_some(ABANDONED));
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
                Some(_) if is_answered => {
                    self.unanswered.clear();
                    self.judge_probe(probe, outcome, failed || is_late)
                }
                Some(_) => self.judge_probe(probe, outcome, true),
                None if was_live => {
                    self.unanswered.push(call.started);
                    self.decide(true)
                }
                None => {}
            }
        } else if call.judged && total < 2 {
            self.judge_call(outcome, failed, slow)
        }
    }

    fn judge_call(&mut self, outcome: Option<Outcome>, failed: bool, slow: bool) {
        self.results.push((self.now, failed, slow));
        let kind = match outcome {
            Some(Outcome::Failure(kind)) => kind,
            _ => FailureKind::OTHER,
        };
        let own = KINDS[..2]
            .iter()
            .position(|own| *own == kind)
            .filter(|i| self.settings.kinds[*i].is_some());
        match (failed, own) {
            (false, _) => {
                self.run.clear();
                self.kind_runs = [Vec::new(), Vec::new()]
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
        let lasts = |run: &[Duration], n: u32, lasting: Option<Duration>| {
            let lasted =
                run.first().is_some_and(|began| self.now - *began >= lasting.unwrap_or_default());
            run.len() >= n as usize && lasted
        };
        let own_rule = own.and_then(|own| {
            s.kinds[own].filter(|(n, _)| failed && lasts(&self.kind_runs[own], *n, s.lasting[1]))
        });
        let reason = if own_rule.is_some() {
            ChangeReason::ConsecutiveFailuresOfKind(kind)
        } else if failed
            && own.is_none()
            && s.consecutive.is_some_and(|n| lasts(&self.run, n, s.lasting[0]))
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
        } else if s.failure_count.is_some_and(|n| failures >= u64::from(self.at_most_window(n))) {
            ChangeReason::FailureCount
        } else {
            return;
        };
        self.open(reason, own_rule.and_then(|(_, open_for)| open_for));
    }

    /// Whether the lower Wilson bound is above the rate, by the formula of the textbooks; or a count
    /// window holds nothing but failures.
    fn is_sure(&self, (rate, sure): (Share, Sure), calls: u64, failures: u64) -> bool {
        let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let (n, z) = (float(calls), sure.quantile);
        let share = float(failures) / n;
        let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let bound = (share + z * z / (2.0 * n) - half) / (1.0 + z * z / n);
        let is_full =
            matches!(self.settings.window, Window::Calls(size) if calls == u64::from(size));
        bound > f64::from(rate.part) / f64::from(rate.whole) || is_full && failures == calls
    }

    /// A probe has said something, unless that was counted as its lease ended.
    fn judge_probe(&mut self, probe: usize, outcome: Option<Outcome>, failed: bool) {
        if self.failed_by_lease.contains(&probe) {
            return;
        }
        if outcome == Some(Outcome::Ignored) {
            self.said[2] += 1
        } else {
            self.said[usize::from(failed)] += 1;
            self.said[2] = 0
        }
        self.decide(false)
    }

    /// What the probes decide together; `unanswered` when one of them has just ended so.
    fn decide(&mut self, unanswered: bool) {
        let minute = Duration::from_secs(60);
        let row = self.unanswered.first().filter(|_| self.unanswered.len() >= 16);
        if self.said[1] > self.settings.failed_probes_allowed {
            self.open(ChangeReason::ProbesFailed, None)
        } else if unanswered && row.is_some_and(|began| self.now - *began >= minute) {
            self.open(ChangeReason::ProbesUnanswered, None)
        } else if self.said[0] >= self.settings.probes || self.said[2] >= 16 {
            self.enter(Closed)
        }
    }

    fn trip_when_asked(&mut self, time: Duration) {
        self.open(ChangeReason::UpstreamAsked, Some(time.min(self.settings.longest_trip_for)));
    }

    pub fn open(&mut self, reason: ChangeReason, given: Option<Duration>) {
        let recovered = self.state == Closed && self.now - self.since >= self.opened_for;
        let step = match self.step {
            Some(step) if self.state == Open => step,
            Some(step) if !recovered => step + 1,
            _ => 0,
        };
        self.step = Some(step);
        let backoff = self.settings.first_open.saturating_mul(1 << step.min(20));
        self.opened_for = given.unwrap_or_else(|| backoff.min(self.settings.longest_open));
        if self.state == Closed {
            self.totals[8] += 1
        }
        if self.state == Closed || reason == ChangeReason::Operator {
            self.trip_reason = Some(reason)
        }
        self.until = self.now + self.opened_for;
        self.enter(Open);
    }

    fn enter(&mut self, state: CircuitState) {
        if self.state != state {
            self.since = self.now
        }
        self.state = state;
        self.epoch += 1;
        (self.run, self.kind_runs, self.said) = (Vec::new(), [Vec::new(), Vec::new()], [0; 3]);
        self.results.clear();
        self.under_way.clear();
        let ages = [self.settings.slow.map(|s| s.1), self.settings.stalled.map(|s| s.1)];
        self.looked = ages.map(|age| age.map_or(0, |age| tick(self.now, age)));
        self.live.clear();
        self.unanswered.clear();
        self.failed_by_lease.clear();
    }

    /// `reset`, `force_*` and `release`: start afresh under this override.
    pub fn impose(&mut self, overridden: Option<Override>) {
        self.overridden = overridden;
        (self.step, self.opened_for) = (None, Duration::ZERO);
        self.enter(if overridden == Some(ForcedOpen) { Open } else { Closed });
    }

    pub fn reconfigure(&mut self, settings: Settings) {
        let settings = with_default_rules(settings);
        if settings != self.settings {
            self.settings = settings;
            self.enter(self.state)
        }
    }

    pub fn window(&self) -> (u64, u64, u64) {
        let live: Vec<_> = match self.settings.window {
            Window::Calls(calls) => self.results.iter().rev().take(calls as usize).collect(),
            Window::Time(buckets, width) => {
                let tick = |at: Duration| at.as_nanos() / width.as_nanos();
                let is_live = |at| tick(at) + u128::from(buckets) > tick(self.now);
                self.results.iter().filter(|(at, ..)| is_live(*at)).collect()
            }
        };
        let count =
            |is: fn(&(Duration, bool, bool)) -> bool| live.iter().filter(|r| is(r)).count() as u64;
        (live.len() as u64, count(|r| r.1), count(|r| r.2))
    }

    pub fn minimum(&self) -> u32 {
        self.at_most_window(self.settings.minimum_calls)
    }

    fn at_most_window(&self, number: u32) -> u32 {
        match self.settings.window {
            Window::Calls(calls) => number.min(calls),
            Window::Time(..) => number,
        }
    }
}

/// A call hangs from so many ticks on.
const TICKS: u128 = 16;

/// The tick of `at`, where fifteen make an age: an age is cut up by a product, as the circuit does
/// it, since they are to agree to the nanosecond.
fn tick(at: Duration, age: Duration) -> u128 {
    let tick = age.as_nanos().div_ceil(TICKS - 1);
    (at.as_nanos() * (u128::from(u64::MAX) / tick)) >> 64
}

const ABANDONED: Outcome = Outcome::Failure(FailureKind::ABANDONED);

fn with_default_rules(mut settings: Settings) -> Settings {
    if settings.is_without_rules() {
        (settings.consecutive, settings.failure_rate) =
            (Some(5), Some(Share { part: 1, whole: 2 }));
        settings.lasting[0] = Some(Duration::from_secs(1));
    }
    settings
}
