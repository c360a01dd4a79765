//! All settings of a circuit, checked.

use std::borrow::Cow;
use std::time::Duration;

use crate::engine::rules::backoff::Backoff;
use crate::engine::rules::confidence::{Confidence, Threshold};
use crate::engine::rules::rate::Rate;
use crate::engine::window::span::SlidingWindow;

/// Settings that are known to be valid: they are checked before they are built.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) consecutive: Option<RunRule>,
    pub(crate) failure_rate: Option<RateRule>,
    pub(crate) failure_rate_confident: Option<ConfidentRule>,
    pub(crate) slow_call_rate: Option<SlowRule>,
    pub(crate) failure_count: Option<CountRule>,
    pub(crate) stalled_calls: Option<StalledRule>,
    pub(crate) kinds: Vec<KindRule>,
    /// `None`: the default window where a rule needs one, else none.
    pub(crate) window: Option<SlidingWindow>,
    pub(crate) minimum_calls: u32,
    pub(crate) open: Backoff,
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

/// Trips at a number of failures without a success between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunRule {
    pub(crate) failures: u32,
    /// How long after the first of them the last has to come at least.
    pub(crate) lasting: Option<Duration>,
    pub(crate) open_for: Option<Duration>,
}

/// Trips at a number of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CountRule {
    pub(crate) failures: u32,
    pub(crate) open_for: Option<Duration>,
}

/// Trips at a share of the window's calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RateRule {
    pub(crate) rate: Rate,
    pub(crate) open_for: Option<Duration>,
}

/// Trips at a share of the window's calls that is above a rate by more than chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ConfidentRule {
    /// Below 1: no share is above that.
    pub(crate) rate: Rate,
    pub(crate) confidence: Confidence,
    pub(crate) open_for: Option<Duration>,
}

/// Trips at a share of slow calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SlowRule {
    pub(crate) rate: Rate,
    pub(crate) slower_than: Duration,
    pub(crate) open_for: Option<Duration>,
}

/// Trips at a number of stalled calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StalledRule {
    pub(crate) calls: u32,
    pub(crate) older_than: Duration,
    pub(crate) open_for: Option<Duration>,
}

/// Trips at a number of consecutive failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KindRule {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) rule: RunRule,
}

/// Rates that mean the same are equal, though one of them came through text.
impl PartialEq for Rate {
    fn eq(&self, other: &Self) -> bool {
        self.scaled() == other.scaled()
    }
}

/// Five calls in flight that are lost with one connection are one fault, and so is a blip of less
/// than a second: neither opens a circuit, and an upstream that is down does a second later.
const DEFAULT_RUN: RunRule =
    RunRule { failures: 5, lasting: Some(Duration::from_secs(1)), open_for: None };

/// As resilience4j's `minimumNumberOfCalls` is to its window of 100: a fifth.
const DEFAULT_MINIMUM_CALLS: u32 = 20;

/// Long enough for a TCP and TLS handshake and an answer over a slow line.
const SHORTEST_PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longer than nearly every body takes that is read at all, and short for callers that wait.
const DEFAULT_HOLD: Duration = Duration::from_secs(1);

impl RunRule {
    /// That many failures, however fast they come.
    #[cfg(test)]
    pub(crate) const fn of(failures: u32) -> Self {
        Self { failures, lasting: None, open_for: None }
    }
}

impl Settings {
    /// Everything at its default, but without any trip rule.
    pub(crate) fn without_rules() -> Self {
        Self {
            consecutive: None,
            failure_rate: None,
            failure_rate_confident: None,
            slow_call_rate: None,
            failure_count: None,
            stalled_calls: None,
            kinds: Vec::new(),
            window: None,
            minimum_calls: DEFAULT_MINIMUM_CALLS,
            open: Backoff::fixed(Duration::from_secs(30)),
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

    /// The same settings, with the default rules when none is set.
    pub(crate) fn with_default_rules(mut self) -> Self {
        if self.has_no_rule() {
            self.consecutive = Some(DEFAULT_RUN);
            self.failure_rate = Some(RateRule { rate: Rate(0.5), open_for: None });
        }
        self
    }

    fn has_no_rule(&self) -> bool {
        self.consecutive.is_none()
            && self.failure_rate.is_none()
            && self.failure_rate_confident.is_none()
            && self.slow_call_rate.is_none()
            && self.failure_count.is_none()
            && self.stalled_calls.is_none()
            && self.kinds.is_empty()
            && self.throttle.is_none()
    }

    /// The window to keep, if any rule or the user asks for one.
    pub(crate) fn effective_window(&self) -> Option<SlidingWindow> {
        let needed = self.failure_rate.is_some()
            || self.failure_rate_confident.is_some()
            || self.slow_call_rate.is_some()
            || self.failure_count.is_some();
        self.window.or_else(|| needed.then(SlidingWindow::default))
    }

    /// The number of calls in the window that a rate needs.
    pub(crate) fn effective_minimum(&self) -> u32 {
        self.at_most_window(self.minimum_calls)
    }

    /// The threshold for the failures in the window, where a rule about confidence sets one.
    pub(crate) fn confident_bar(&self) -> Option<Threshold> {
        let window = self.effective_window().and_then(SlidingWindow::length);
        self.failure_rate_confident.map(|rule| Threshold::new(rule.rate, rule.confidence, window))
    }

    /// The number of failures in the window at which the circuit trips.
    pub(crate) fn effective_failure_count(&self) -> Option<u32> {
        self.failure_count.map(|rule| self.at_most_window(rule.failures))
    }

    /// `calls`, or as many as a count window ever holds.
    fn at_most_window(&self, calls: u32) -> u32 {
        match self.effective_window().and_then(|window| window.length()) {
            Some(length) => calls.min(length),
            None => calls,
        }
    }

    /// Whether calls must note when they started.
    pub(crate) fn is_timed(&self) -> bool {
        self.is_watched() || self.abandoned_after.is_some()
    }

    /// Whether calls are counted while they are in flight.
    pub(crate) fn is_watched(&self) -> bool {
        self.slow_call_rate.is_some() || self.stalled_calls.is_some()
    }

    /// Whether the closed circuit tracks, ramps or throttles calls, now or at times.
    pub(crate) fn is_tracked(&self) -> bool {
        self.is_watched() || self.throttle.is_some() || self.ramp.is_some()
    }

    /// The longest open time that a rule, the backoff or the upstream can give.
    pub(crate) fn longest_open_time(&self) -> Duration {
        let kinds = self.kinds.iter().map(|kind| kind.rule.open_for);
        let rules = kinds.chain([
            self.consecutive.and_then(|rule| rule.open_for),
            self.failure_count.and_then(|rule| rule.open_for),
            self.failure_rate.and_then(|rule| rule.open_for),
            self.failure_rate_confident.and_then(|rule| rule.open_for),
            self.slow_call_rate.and_then(|rule| rule.open_for),
            self.stalled_calls.and_then(|rule| rule.open_for),
        ]);
        rules.flatten().fold(self.open.max().max(self.max_trip_for), Duration::max)
    }

    /// How long a probe may take before that is a failure, where a rule says so.
    pub(crate) fn probe_limit(&self) -> Option<Duration> {
        let slow = self.slow_call_rate.map(|rule| rule.slower_than);
        let stalled = self.stalled_calls.map(|rule| rule.older_than);
        slow.into_iter().chain(stalled).min()
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
    #[cfg_attr(
        not(any(feature = "serde", feature = "test-util")),
        expect(dead_code, reason = "only text and the model of a circuit ask for it")
    )]
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
mod tests {
    use crate::engine::rules::rate::Rate;

    #[test]
    fn every_quotient_of_small_numbers_meets_its_own_rate() {
        for whole in 1..=200_u32 {
            for part in 1..=whole {
                let rate = Rate::new(f64::from(part) / f64::from(whole)).unwrap().scaled();

                assert!(Rate::is_reached(rate, part.into(), whole.into()), "{part}/{whole}");
                assert!(
                    !Rate::is_reached(rate, u64::from(part) - 1, whole.into()),
                    "{part}/{whole}"
                );
            }
        }
    }

    #[test]
    fn a_rate_written_in_decimals_is_scaled_to_just_that() {
        let rates = [
            (1.0, 1_000_000_000),
            (0.7, 700_000_000),
            (0.5, 500_000_000),
            (0.000_000_003, 3),
            (0.999_999_999, 999_999_999),
        ];
        for (share, scaled) in rates {
            assert_eq!(Rate::new(share).unwrap().scaled(), scaled, "{share}");
        }
    }

    #[test]
    fn no_calls_reach_no_rate() {
        assert!(!Rate::is_reached(1, 0, 0));
    }

    #[test]
    fn shares_outside_zero_to_one_are_no_rates() {
        for share in [0.0, -0.0, -1.0, 1.000_001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Rate::new(share), None, "{share}");
        }
        assert!(Rate::new(1.0).is_some());
        assert_eq!(Rate::new(f64::MIN_POSITIVE).unwrap().scaled(), 1);
    }
}
