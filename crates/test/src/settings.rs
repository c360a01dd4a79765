//! Users' settings, as the model takes them: read from their text form, which everybody may use.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use tower_circuit_breaker::view::parse_duration;
use tower_circuit_breaker::{ChangeReason, CircuitConfig, FailureKind};

use crate::lock::lock;
use crate::model::{KindRule, Settings, Share, Sure, Window};

/// The same settings in plain numbers: nothing is reckoned here that a circuit reckons from them.
///
/// # Panics
///
/// Panics if they have a setting that this crate does not know.
#[track_caller]
pub(crate) fn plain(config: &CircuitConfig) -> Settings {
    let written = serde_json::to_value(config).and_then(serde_json::from_value::<ConfigText>);
    let text = match written {
        Ok(text) => text,
        Err(error) => panic!(
            "tower-circuit-breaker-test does not know these settings ({error}): take the version \
             of it that goes with the breaker"
        ),
    };
    let default = Settings::default();
    let mut plain = Settings {
        window: text.window.map(WindowText::plain),
        minimum_calls: text.minimum_calls,
        probes: text.probes,
        concurrent_probes: text.concurrent_probes,
        failed_probes_allowed: text.failed_probes_allowed,
        probe_timeout: text.probe_timeout.map(|time| time.0),
        abandoned_after: text.abandoned_after.map(|time| time.0),
        max_trip_for: text.max_trip_for.0,
        ramp: text.ramp.map(|time| time.0),
        throttle: text.throttle,
        ..default
    };
    if let Some(WrittenTime(open_for)) = text.open_for {
        (plain.first_open, plain.longest_open) = (open_for, open_for);
    }
    if let Some(backoff) = text.open_backoff {
        backoff.add_to(&mut plain);
    }
    for rule in text.rules {
        rule.add_to(&mut plain);
    }
    plain
}

/// What a circuit's settings are written as.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigText {
    window: Option<WindowText>,
    minimum_calls: u32,
    open_for: Option<WrittenTime>,
    open_backoff: Option<BackoffText>,
    probes: u32,
    concurrent_probes: u32,
    failed_probes_allowed: u32,
    probe_timeout: Option<WrittenTime>,
    abandoned_after: Option<WrittenTime>,
    max_trip_for: WrittenTime,
    ramp: Option<WrittenTime>,
    throttle: Option<f64>,
    /// Of circuits that are built; suites look at the override of the circuit itself.
    #[serde(default, rename = "initial_override")]
    _initial_override: Option<String>,
    #[serde(default)]
    rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowText {
    calls: Option<u32>,
    time: Option<WrittenTime>,
    buckets: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackoffText {
    first: Option<WrittenTime>,
    max: Option<WrittenTime>,
    factor: Option<f64>,
    jitter: Option<bool>,
    steps: Option<Vec<WrittenTime>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    consecutive_failures: Option<u32>,
    kind: Option<String>,
    lasting: Option<WrittenTime>,
    failure_rate: Option<f64>,
    failure_rate_confident: Option<f64>,
    confidence: Option<f64>,
    failure_count: Option<u32>,
    slow_call_rate: Option<f64>,
    slower_than: Option<WrittenTime>,
    stalled_calls: Option<u32>,
    older_than: Option<WrittenTime>,
    open_for: Option<WrittenTime>,
}

/// A duration as it is written, such as `1m 30s`.
#[derive(Clone, Copy)]
struct WrittenTime(Duration);

impl<'de> Deserialize<'de> for WrittenTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = parse_duration(&text);
        time.map(Self).ok_or_else(|| D::Error::custom(format!("{text:?} is no duration")))
    }
}

impl WindowText {
    fn plain(self) -> Window {
        if let Some(calls) = self.calls {
            return Window::Calls(calls);
        }
        let length = self.time.map_or(Duration::ZERO, |time| time.0);
        let buckets = self.buckets.unwrap_or(1);
        // A bucket is a whole number of nanoseconds, and the last of them ends no earlier than the
        // window.
        let nanos = length.as_nanos().div_ceil(buckets.into()).max(1);
        let width = u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos);
        Window::Time(buckets, width)
    }
}

impl BackoffText {
    fn add_to(self, plain: &mut Settings) {
        if let Some(steps) = self.steps {
            plain.listed_open = steps.into_iter().map(|step| step.0).collect();
            plain.first_open = plain.listed_open.first().copied().unwrap_or_default();
            plain.longest_open = plain.listed_open.iter().copied().max().unwrap_or_default();
            return;
        }
        plain.first_open = self.first.map_or(plain.first_open, |first| first.0);
        plain.longest_open = self.max.map_or(plain.longest_open, |max| max.0);
        plain.open_growth = self.factor.map_or(plain.open_growth, thousandths);
        plain.is_jittered = self.jitter.unwrap_or(true);
    }
}

/// A factor from 1 to 100 in whole thousandths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "factors are from 1 to 100"
)]
fn thousandths(factor: f64) -> u32 {
    (factor * 1000.0).round() as u32
}

impl RuleText {
    fn add_to(self, plain: &mut Settings) {
        let open_for = self.open_for.map(|time| time.0);
        let lasting = self.lasting.map(|time| time.0);
        if let (Some(failures), Some(kind)) = (self.consecutive_failures, self.kind) {
            let kind = kind_named(kind);
            plain.kinds.push(KindRule { kind, failures, lasting, open_for });
            return;
        }
        let reason = if let Some(failures) = self.consecutive_failures {
            (plain.consecutive, plain.lasting) = (Some(failures), lasting);
            ChangeReason::ConsecutiveFailures
        } else if let Some(rate) = self.failure_rate {
            plain.failure_rate = Some(share(rate));
            ChangeReason::FailureRate
        } else if let (Some(rate), Some(sure)) = (self.failure_rate_confident, self.confidence) {
            plain.failure_rate_confident = Some((share(rate), Sure::of(sure)));
            ChangeReason::FailureRateConfident
        } else if let Some(failures) = self.failure_count {
            plain.failure_count = Some(failures);
            ChangeReason::FailureCount
        } else if let (Some(rate), Some(than)) = (self.slow_call_rate, self.slower_than) {
            plain.slow = Some((share(rate), than.0));
            ChangeReason::SlowCallRate
        } else if let (Some(calls), Some(than)) = (self.stalled_calls, self.older_than) {
            plain.stalled = Some((calls, than.0));
            ChangeReason::StalledCalls
        } else {
            return;
        };
        plain.open_times.extend(open_for.map(|open_for| (reason, open_for)));
    }
}

/// A rate in whole parts of a billion, rounded down as the circuit's docs say, but so that one that
/// was written in decimals is met exactly.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are above 0 and at most 1"
)]
fn share(rate: f64) -> Share {
    let part = (rate * f64::from(WHOLE) + 0.001) as u32;
    Share { part: part.clamp(1, WHOLE), whole: WHOLE }
}

const WHOLE: u32 = 1_000_000_000;

/// The kind of that name. Kinds have static names, so each name is leaked, but once.
fn kind_named(name: String) -> FailureKind {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

    let mut names = lock(&NAMES);
    let known = names.get(name.as_str()).copied();
    FailureKind::new(known.unwrap_or_else(|| {
        let name = name.leak();
        names.insert(name);
        name
    }))
}

#[cfg(test)]
mod tests;
