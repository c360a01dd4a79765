//! All settings of a circuit, checked.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::rules::backoff::Backoff;
use crate::engine::rules::condition::Condition;
use crate::engine::rules::open_steps::OpenSteps;
use crate::engine::rules::rate::Rate;
use crate::engine::rules::rule::TripRule;
use crate::engine::window::span::SlidingWindow;

/// Settings that are known to be valid: they are checked before they are built.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// At most one about the same thing, in the order of their ranks.
    pub(crate) rules: Box<[TripRule]>,
    /// `None`: the default window where a rule needs one, else none.
    pub(crate) window: Option<SlidingWindow>,
    pub(crate) minimum_calls: u32,
    pub(crate) open: OpenSteps,
    pub(crate) probes: u32,
    pub(crate) concurrent_probes: u32,
    pub(crate) failed_probes_allowed: u32,
    /// `None`: the open time, but at least [`SHORTEST_PROBE_TIMEOUT`].
    pub(crate) probe_timeout: Option<Duration>,
    pub(crate) abandoned_after: Option<Duration>,
    pub(crate) max_trip_for: Duration,
    pub(crate) ramp: Option<Duration>,
    pub(crate) throttle: Option<Throttle>,
}

/// How many calls may be tried for each that the upstream accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Throttle(f64);

/// Five calls in flight that are lost with one connection are one fault, and so is a blip of less
/// than a second: neither opens a circuit, and an upstream that is down does a second later.
const DEFAULT_RUN: Condition = Condition::ConsecutiveFailures {
    failures: 5,
    kind: None,
    lasting: Some(Duration::from_secs(1)),
};

/// As resilience4j's `minimumNumberOfCalls` is to its window of 100: a fifth.
const DEFAULT_MINIMUM_CALLS: u32 = 20;

/// Long enough for a TCP and TLS handshake and an answer over a slow line.
const SHORTEST_PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longer than nearly every body takes that is read at all, and short for callers that wait.
const DEFAULT_HOLD: Duration = Duration::from_secs(1);

impl Settings {
    /// Everything at its default, but without any trip rule.
    pub(crate) fn without_rules() -> Self {
        Self {
            rules: Box::default(),
            window: None,
            minimum_calls: DEFAULT_MINIMUM_CALLS,
            open: OpenSteps::Backoff(Backoff::fixed(Duration::from_secs(30))),
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

    /// Adds `rule`, in the place of one about the same thing.
    pub(crate) fn add(&mut self, rule: TripRule) {
        let mut rules = std::mem::take(&mut self.rules).into_vec();
        rules.retain(|other| !rule.replaces(other));
        rules.push(rule);
        rules.sort_by_key(TripRule::rank);
        self.rules = rules.into();
    }

    /// The same settings, with the default rules when none is set.
    pub(crate) fn with_default_rules(mut self) -> Self {
        if self.rules.is_empty() && self.throttle.is_none() {
            for condition in [DEFAULT_RUN, Condition::FailureRate(Rate(0.5))] {
                self.add(TripRule { condition, open_for: None });
            }
        }
        self
    }

    /// The rules, as far as the window lets them be reached.
    pub(crate) fn effective_rules(&self) -> impl Iterator<Item = TripRule> + '_ {
        self.rules.iter().cloned().map(|mut rule| {
            if let Condition::FailureCount(failures) = &mut rule.condition {
                *failures = self.at_most_window(*failures);
            }
            rule
        })
    }

    /// The window to keep, if any rule or the user asks for one.
    pub(crate) fn effective_window(&self) -> Option<SlidingWindow> {
        let is_needed = self.rules.iter().any(|rule| rule.condition.needs_window());
        self.window.or_else(|| is_needed.then(SlidingWindow::default))
    }

    /// The number of calls in the window that a rate needs.
    pub(crate) fn effective_minimum(&self) -> u32 {
        self.at_most_window(self.minimum_calls)
    }

    /// The number of calls that a count window holds.
    pub(crate) fn window_length(&self) -> Option<u32> {
        self.effective_window().and_then(SlidingWindow::length)
    }

    /// `calls`, or as many as a count window ever holds.
    fn at_most_window(&self, calls: u32) -> u32 {
        self.window_length().map_or(calls, |length| calls.min(length))
    }

    /// Whether calls must note when they started.
    pub(crate) fn is_timed(&self) -> bool {
        self.is_watched() || self.abandoned_after.is_some()
    }

    /// Whether calls are counted while they are in flight.
    pub(crate) fn is_watched(&self) -> bool {
        self.rules.iter().any(|rule| rule.condition.call_limit().is_some())
    }

    /// Whether the closed circuit tracks, ramps or throttles calls, now or at times.
    pub(crate) fn is_tracked(&self) -> bool {
        self.is_watched() || self.throttle.is_some() || self.ramp.is_some()
    }

    /// The longest open time that a rule, the backoff or the upstream can give.
    pub(crate) fn longest_open_time(&self) -> Duration {
        let own = self.rules.iter().filter_map(|rule| rule.open_for);
        own.fold(self.open.max().max(self.max_trip_for), Duration::max)
    }

    /// The open time of its own of the rule that trips for `reason`.
    pub(crate) fn own_open_time(&self, reason: ChangeReason) -> Option<Duration> {
        self.rules.iter().find(|rule| rule.is_behind(reason))?.open_for
    }

    /// The failures in a row that trip for this reason, if a rule about them does.
    pub(crate) fn run_behind(&self, reason: ChangeReason) -> Option<u32> {
        self.rules.iter().find(|rule| rule.is_behind(reason))?.run()
    }

    /// How long a probe may take before that is a failure, where a rule says so.
    pub(crate) fn probe_limit(&self) -> Option<Duration> {
        self.rules.iter().filter_map(|rule| rule.condition.call_limit()).min()
    }

    /// How long a probe that was answered may hold its slot until its body has ended.
    pub(crate) fn probe_hold(&self) -> Duration {
        self.abandoned_after.unwrap_or(DEFAULT_HOLD)
    }

    /// How long a probe may hold its slot after an open time of `open_for`.
    pub(crate) fn probe_lease(&self, open_for: Duration) -> Duration {
        self.probe_timeout.unwrap_or_else(|| open_for.max(SHORTEST_PROBE_TIMEOUT))
    }
}

/// Multiples that mean the same are equal, though one of them came through text.
impl PartialEq for Throttle {
    fn eq(&self, other: &Self) -> bool {
        self.scaled() == other.scaled()
    }
}

impl Throttle {
    /// A multiple, if it is from 1 to 1,000.
    pub(crate) fn new(k: f64) -> Option<Self> {
        (1.0..=1000.0).contains(&k).then_some(Self(k))
    }

    /// The multiple as it was given.
    #[cfg_attr(not(feature = "serde"), expect(dead_code, reason = "only text asks for it"))]
    pub(crate) const fn multiple(self) -> f64 {
        self.0
    }

    /// The multiple in parts of [`SCALE`](Self::SCALE).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between SCALE and 1,000 times that by construction"
    )]
    pub(crate) fn scaled(self) -> u64 {
        (self.0 * f64::from(Self::SCALE)).round() as u64
    }

    pub(crate) const SCALE: u32 = 1_000_000;
}

#[cfg(test)]
mod tests;
