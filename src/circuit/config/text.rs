//! Settings as they are written in text.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::circuit::config::CircuitConfig;
use crate::circuit::config::scalar::Scalar;
use crate::engine::rules::backoff::Backoff;
use crate::engine::rules::settings::{RunRule, Settings};
use crate::engine::window::span::{SlidingWindow, Span};

/// The settings as written.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigText {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consecutive_failures: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lasting: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure_rate: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure_rate_confident: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confidence: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure_count: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slow_call_rate: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slower_than: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stalled_calls: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) older_than: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "window")]
    pub(super) window: Option<WindowText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) minimum_calls: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open_for: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "open_backoff")]
    pub(super) open_backoff: Option<BackoffText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) probes: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) concurrent_probes: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_probes_allowed: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) probe_timeout: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) abandoned_after: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_trip_for: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ramp: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) throttle: Option<Scalar>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "rules")]
    pub(super) rules: Vec<RuleText>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[serde(expecting = "a table such as { calls = 100 } or { time = \"10s\", buckets = 10 }")]
pub(super) struct WindowText {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calls: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) buckets: Option<Scalar>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[serde(expecting = "a table such as { first = \"5s\", max = \"5m\" }")]
pub(super) struct BackoffText {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jitter: Option<Scalar>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[serde(expecting = "a table such as { consecutive_failures = 3, kind = \"connect\" }")]
pub(super) struct RuleText {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consecutive_failures: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lasting: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure_rate: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure_rate_confident: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confidence: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure_count: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slow_call_rate: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slower_than: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stalled_calls: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) older_than: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open_for: Option<Scalar>,
}

impl From<CircuitConfig> for ConfigText {
    fn from(config: CircuitConfig) -> Self {
        let settings = config.into_settings();
        let backoff = settings.open;
        let is_fixed = backoff.first() == backoff.max() && !backoff.is_jittered();
        Self {
            window: settings.window.map(WindowText::from),
            minimum_calls: Some(settings.minimum_calls.into()),
            open_for: is_fixed.then(|| backoff.first().into()),
            open_backoff: (!is_fixed).then(|| BackoffText::from(backoff)),
            probes: Some(settings.probes.into()),
            concurrent_probes: Some(settings.concurrent_probes.into()),
            failed_probes_allowed: Some(settings.failed_probes_allowed.into()),
            probe_timeout: settings.probe_timeout.map(Scalar::from),
            abandoned_after: settings.abandoned_after.map(Scalar::from),
            max_trip_for: Some(settings.max_trip_for.into()),
            ramp: settings.ramp.map(Scalar::from),
            throttle: settings.throttle.map(|throttle| Scalar::Number(throttle.multiple())),
            rules: rules_of(&settings),
            ..Self::default()
        }
    }
}

fn rules_of(settings: &Settings) -> Vec<RuleText> {
    let consecutive = |rule: &RunRule| RuleText {
        lasting: rule.lasting.map(Scalar::from),
        consecutive_failures: Some(rule.failures.into()),
        open_for: rule.open_for.map(Scalar::from),
        ..RuleText::default()
    };
    let kinds = settings.kinds.iter().map(|kind| RuleText {
        kind: Some(Scalar::Text(kind.kind.to_string())),
        ..consecutive(&kind.rule)
    });
    let failure_rate = settings.failure_rate.map(|rule| RuleText {
        failure_rate: Some(Scalar::Number(rule.rate.share())),
        open_for: rule.open_for.map(Scalar::from),
        ..RuleText::default()
    });
    let failure_rate_confident = settings.failure_rate_confident.map(|rule| RuleText {
        failure_rate_confident: Some(Scalar::Number(rule.rate.share())),
        confidence: Some(Scalar::Number(rule.confidence.share())),
        open_for: rule.open_for.map(Scalar::from),
        ..RuleText::default()
    });
    let slow_call_rate = settings.slow_call_rate.map(|rule| RuleText {
        slow_call_rate: Some(Scalar::Number(rule.rate.share())),
        slower_than: Some(rule.slower_than.into()),
        open_for: rule.open_for.map(Scalar::from),
        ..RuleText::default()
    });
    let failure_count = settings.failure_count.map(|rule| RuleText {
        failure_count: Some(rule.failures.into()),
        open_for: rule.open_for.map(Scalar::from),
        ..RuleText::default()
    });
    let stalled_calls = settings.stalled_calls.map(|rule| RuleText {
        stalled_calls: Some(rule.calls.into()),
        older_than: Some(rule.older_than.into()),
        open_for: rule.open_for.map(Scalar::from),
        ..RuleText::default()
    });
    kinds
        .chain(settings.consecutive.as_ref().map(consecutive))
        .chain(failure_rate)
        .chain(failure_rate_confident)
        .chain(slow_call_rate)
        .chain(failure_count)
        .chain(stalled_calls)
        .collect()
}

impl From<SlidingWindow> for WindowText {
    fn from(window: SlidingWindow) -> Self {
        match window.0 {
            Span::Calls(calls) => Self { calls: Some(calls.into()), ..Self::default() },
            Span::Time { length, buckets } => {
                Self { time: Some(length.into()), buckets: Some(buckets.into()), ..Self::default() }
            }
        }
    }
}

impl From<Backoff> for BackoffText {
    fn from(backoff: Backoff) -> Self {
        Self {
            first: Some(backoff.first().into()),
            max: Some(backoff.max().into()),
            jitter: (!backoff.is_jittered()).then_some(Scalar::Bool(false)),
        }
    }
}

/// Reads a table; the error for another type names the field.
fn table<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    field: &str,
    deserializer: D,
) -> Result<T, D::Error> {
    T::deserialize(deserializer)
        .map_err(|error| serde::de::Error::custom(format!("`{field}`: {}", one_line(error))))
}

/// `error` on one line: TOML ends its messages with a new line, and names of unknown fields are
/// repeated as they are.
fn one_line(error: impl fmt::Display) -> String {
    let message = error.to_string();
    let printable = message.split(char::is_control).filter(|part| !part.is_empty());
    printable.collect::<Vec<_>>().join(" ")
}

fn window<'de, D: Deserializer<'de>>(text: D) -> Result<Option<WindowText>, D::Error> {
    table("window", text)
}

fn open_backoff<'de, D: Deserializer<'de>>(text: D) -> Result<Option<BackoffText>, D::Error> {
    table("open_backoff", text)
}

fn rules<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<RuleText>, D::Error> {
    table("rules", text)
}
