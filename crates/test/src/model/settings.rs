//! Settings of both the circuit and its model: plain numbers and durations.

use std::time::Duration;

use crate::model::sure::Sure;
use tower_circuit_breaker::{
    Backoff, ChangeReason, Circuit, CircuitBuilder, CircuitConfig, FailureKind, SlidingWindow,
    TripRule,
};

/// The kinds that failures have in scripts; rules may be about the first two.
pub const KINDS: [FailureKind; 3] =
    [FailureKind::new("connect"), FailureKind::new("timeout"), FailureKind::OTHER];

/// What a circuit is built from, or by which a model goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub consecutive: Option<u32>,
    /// For how long that run is to last.
    pub lasting: Option<Duration>,
    pub failure_rate: Option<Share>,
    /// A rate below 1, and how sure to be that more than that fail.
    pub failure_rate_confident: Option<(Share, Sure)>,
    pub slow: Option<(Share, Duration)>,
    pub failure_count: Option<u32>,
    pub stalled: Option<(u32, Duration)>,
    pub kinds: Vec<KindRule>,
    /// Open times of rules' own, but of those about a kind, by what such a rule trips for.
    pub open_times: Vec<(ChangeReason, Duration)>,
    /// `None`: the default window where a rule needs one, else none.
    pub window: Option<Window>,
    pub minimum_calls: u32,
    pub first_open: Duration,
    pub longest_open: Duration,
    /// By how many thousandths the open time is multiplied after each failed recovery.
    pub open_growth: u32,
    /// The open times of the first steps, of which the last holds on; none if they grow.
    pub listed_open: Vec<Duration>,
    /// Whether open times are drawn from the upper half of the backoff's.
    pub is_jittered: bool,
    pub probes: u32,
    pub concurrent_probes: u32,
    pub failed_probes_allowed: u32,
    pub probe_timeout: Option<Duration>,
    pub abandoned_after: Option<Duration>,
    pub max_trip_for: Duration,
    pub ramp: Option<Duration>,
    pub throttle: Option<f64>,
}

/// A rule about failures in a row of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindRule {
    pub kind: FailureKind,
    pub failures: u32,
    /// For how long the run is to last.
    pub lasting: Option<Duration>,
    /// An open time of its own.
    pub open_for: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Window {
    Calls(u32),
    /// Buckets, and the width of one.
    Time(u32, Duration),
}

/// A share of whole numbers, so that the model can compare exactly.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    pub part: u32,
    pub whole: u32,
}

/// Two of four is one of two: a circuit sees no change of settings there.
impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        let product = |part: u32, whole: u32| u64::from(part) * u64::from(whole);
        product(self.part, other.whole) == product(other.part, self.whole)
    }
}

/// As a builder begins: no rule, and everything else at its default.
impl Default for Settings {
    fn default() -> Self {
        let half_a_minute = Duration::from_secs(30);
        Self {
            consecutive: None,
            lasting: None,
            failure_rate: None,
            failure_rate_confident: None,
            slow: None,
            failure_count: None,
            stalled: None,
            kinds: Vec::new(),
            open_times: Vec::new(),
            window: None,
            minimum_calls: 20,
            first_open: half_a_minute,
            longest_open: half_a_minute,
            open_growth: 2000,
            listed_open: Vec::new(),
            is_jittered: false,
            probes: 1,
            concurrent_probes: 1,
            failed_probes_allowed: 0,
            probe_timeout: None,
            abandoned_after: None,
            max_trip_for: Duration::from_secs(3600),
            ramp: None,
            throttle: None,
        }
    }
}

impl KindRule {
    /// Rules about the first of [`KINDS`]: failures in a row, and perhaps an open time.
    pub fn of_kinds(rules: [Option<(u32, Option<Duration>)>; 2]) -> Vec<Self> {
        let rules = KINDS.into_iter().zip(rules);
        rules
            .filter_map(|(kind, rule)| {
                rule.map(|(failures, open_for)| Self { kind, failures, lasting: None, open_for })
            })
            .collect()
    }
}

impl Settings {
    pub fn into_config(self) -> CircuitConfig {
        self.build(Circuit::builder("")).into_config()
    }

    pub fn build(self, mut b: CircuitBuilder) -> CircuitBuilder {
        let share = |share: Share| f64::from(share.part) / f64::from(share.whole);
        let backoff = Backoff::exponential(self.first_open, self.longest_open);
        let backoff = backoff.factor(f64::from(self.open_growth) / 1000.0);
        b = b
            .minimum_calls(self.minimum_calls)
            .open_backoff(if self.is_jittered { backoff } else { backoff.without_jitter() })
            .probes(self.probes)
            .concurrent_probes(self.concurrent_probes)
            .failed_probes_allowed(self.failed_probes_allowed)
            .max_trip_for(self.max_trip_for);
        if !self.listed_open.is_empty() {
            b = b.open_by(|step| self.backoff(step));
        }
        b = self.window.into_iter().fold(b, |b, window| b.window(window.sliding()));
        b = self.probe_timeout.into_iter().fold(b, CircuitBuilder::probe_timeout);
        b = self.abandoned_after.into_iter().fold(b, CircuitBuilder::abandoned_after);
        b = self.ramp.into_iter().fold(b, CircuitBuilder::ramp);
        b = self.throttle.into_iter().fold(b, CircuitBuilder::throttle);
        let last =
            |rule, lasting: Option<Duration>| lasting.into_iter().fold(rule, TripRule::lasting);
        let failures =
            self.consecutive.map(|n| last(TripRule::consecutive_failures(n), self.lasting));
        let rate = self.failure_rate.map(|rate| TripRule::failure_rate(share(rate)));
        let confident = self
            .failure_rate_confident
            .map(|(rate, sure)| TripRule::failure_rate_confident(share(rate), sure.confidence));
        let slow = self.slow.map(|(rate, than)| TripRule::slow_call_rate(share(rate), than));
        let count = self.failure_count.map(TripRule::failure_count);
        let stalled = self.stalled.map(|(calls, than)| TripRule::stalled_calls(calls, than));
        let rules = [
            (failures, ChangeReason::ConsecutiveFailures),
            (rate, ChangeReason::FailureRate),
            (confident, ChangeReason::FailureRateConfident),
            (slow, ChangeReason::SlowCallRate),
            (count, ChangeReason::FailureCount),
            (stalled, ChangeReason::StalledCalls),
        ];
        for (rule, reason) in rules {
            let Some(rule) = rule else { continue };
            b = b.rule(self.own_open_time(reason).into_iter().fold(rule, TripRule::open_for));
        }
        for KindRule { kind, failures, lasting, open_for } in self.kinds {
            let rule = last(TripRule::consecutive_failures(failures).of(kind), lasting);
            b = b.rule(open_for.into_iter().fold(rule, TripRule::open_for));
        }
        b
    }

    /// The open time of the rule that trips for this reason, if it has one of its own.
    pub fn own_open_time(&self, reason: ChangeReason) -> Option<Duration> {
        if let ChangeReason::ConsecutiveFailuresOfKind(kind) = reason {
            return self.kinds.iter().find(|rule| rule.kind == kind)?.open_for;
        }
        self.open_times.iter().find(|(own, _)| *own == reason).map(|(_, open_for)| *open_for)
    }

    /// The open time of a step of the backoff, counted from 0, before jitter.
    pub fn backoff(&self, step: u32) -> Duration {
        if let Some(last) = self.listed_open.last() {
            let own = usize::try_from(step).ok().and_then(|step| self.listed_open.get(step));
            return *own.unwrap_or(last);
        }
        let mut time = self.first_open.min(self.longest_open);
        for _ in 0..step {
            if time == self.longest_open || self.open_growth == 1000 {
                break;
            }
            let nanos = time.as_nanos() * u128::from(self.open_growth) / 1000;
            let grown = u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos);
            time = grown.min(self.longest_open);
        }
        time
    }

    /// The same settings, with the default rules when there is none.
    #[must_use]
    pub fn with_default_rules(mut self) -> Self {
        if self.is_without_rules() {
            self.consecutive = Some(5);
            self.lasting = Some(Duration::from_secs(1));
            self.failure_rate = Some(Share { part: 1, whole: 2 });
        }
        self
    }

    /// Whether there is no rule, so that the defaults hold.
    pub fn is_without_rules(&self) -> bool {
        self.consecutive.is_none()
            && self.failure_rate.is_none()
            && self.failure_rate_confident.is_none()
            && self.slow.is_none()
            && self.failure_count.is_none()
            && self.stalled.is_none()
            && self.kinds.is_empty()
            && self.throttle.is_none()
    }

    /// How many calls a rate needs.
    pub fn minimum(&self) -> u32 {
        self.at_most_window(self.minimum_calls)
    }

    /// `number`, or as many as a count window ever holds.
    pub fn at_most_window(&self, number: u32) -> u32 {
        match self.kept_window() {
            Some(Window::Calls(calls)) => number.min(calls),
            Some(Window::Time(..)) | None => number,
        }
    }

    /// The window that is kept, if one is.
    pub fn kept_window(&self) -> Option<Window> {
        let needs_one = self.failure_rate.is_some()
            || self.failure_rate_confident.is_some()
            || self.slow.is_some()
            || self.failure_count.is_some();
        self.window.or_else(|| needs_one.then_some(Window::Time(10, Duration::from_secs(1))))
    }
}

impl Window {
    fn sliding(self) -> SlidingWindow {
        match self {
            Self::Calls(calls) => SlidingWindow::count(calls),
            Self::Time(buckets, width) => SlidingWindow::time(width * buckets).buckets(buckets),
        }
    }
}
