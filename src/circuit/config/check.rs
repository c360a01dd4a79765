//! Checks settings as written: makes valid settings of them, or an error.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use humantime_serde::re::humantime::{format_duration, parse_duration};

use crate::circuit::config::CircuitConfig;
use crate::circuit::config::scalar::Scalar;
use crate::circuit::config::text::{BackoffText, ConfigText, RuleText, WindowText};
use crate::engine::rules::backoff::Backoff;
use crate::engine::rules::confidence::Confidence;
use crate::engine::rules::rate::Rate;
use crate::engine::rules::settings::{
    ConfidentRule, CountRule, KindRule, RateRule, RunRule, Settings, SlowRule, StalledRule,
    Throttle,
};
use crate::engine::window::span::SlidingWindow;

/// An invalid setting: its field, its value and what is allowed.
#[derive(Debug)]
pub(crate) struct ConfigError {
    field: String,
    found: String,
    allowed: Cow<'static, str>,
}

impl ConfigError {
    pub(crate) fn new(
        field: impl Into<String>,
        found: impl fmt::Display,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), found: found.to_string(), allowed: allowed.into() }
    }

    /// The same, seen from outside of table `table`.
    fn within(self, table: &str) -> Self {
        Self { field: format!("{table}.{}", self.field), ..self }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}: must be {}", self.field, self.found, self.allowed)
    }
}

impl TryFrom<ConfigText> for CircuitConfig {
    type Error = ConfigError;

    fn try_from(text: ConfigText) -> Result<Self, ConfigError> {
        let mut settings = Settings::without_rules();
        let condition = RuleText {
            consecutive_failures: text.consecutive_failures,
            lasting: text.lasting,
            failure_rate: text.failure_rate,
            failure_rate_confident: text.failure_rate_confident,
            confidence: text.confidence,
            failure_count: text.failure_count,
            slow_call_rate: text.slow_call_rate,
            slower_than: text.slower_than,
            stalled_calls: text.stalled_calls,
            older_than: text.older_than,
            kind: None,
            open_for: None,
        };
        condition.put(&mut settings)?;
        for (index, rule) in text.rules.into_iter().enumerate() {
            let table = format!("rules[{index}]");
            rule.put_one(&mut settings).map_err(|error| error.within(&table))?;
        }
        settings.window = text.window.map(WindowText::check).transpose()?;
        set(&mut settings.minimum_calls, positive("minimum_calls", text.minimum_calls)?);
        set(&mut settings.probes, positive("probes", text.probes)?);
        set(
            &mut settings.concurrent_probes,
            positive("concurrent_probes", text.concurrent_probes)?,
        );
        let allowed = whole("failed_probes_allowed", text.failed_probes_allowed, 0, u32::MAX)?;
        set(&mut settings.failed_probes_allowed, allowed);
        settings.probe_timeout = duration("probe_timeout", text.probe_timeout)?;
        settings.abandoned_after = duration("abandoned_after", text.abandoned_after)?;
        let longest = duration("max_trip_for", text.max_trip_for)?;
        set(&mut settings.max_trip_for, longest);
        settings.ramp = duration("ramp", text.ramp)?;
        settings.throttle = throttle("throttle", text.throttle)?;
        set(&mut settings.open, open_time(text.open_for, text.open_backoff)?);
        Ok(Self::from_settings(settings))
    }
}

impl RuleText {
    /// Adds a rule of the list, which has exactly one condition, to `settings`.
    fn put_one(self, settings: &mut Settings) -> Result<(), ConfigError> {
        let conditions = [
            &self.consecutive_failures,
            &self.failure_rate,
            &self.failure_rate_confident,
            &self.failure_count,
            &self.slow_call_rate,
            &self.stalled_calls,
        ];
        let set = conditions.into_iter().flatten().count();
        if set != 1 {
            let found = format!("one with {set} conditions");
            let allowed = "one with exactly one of consecutive_failures, failure_rate, \
                           failure_rate_confident, failure_count, slow_call_rate, \
                           stalled_calls";
            return Err(ConfigError::new("condition", found, allowed));
        }
        self.put(settings)
    }

    /// Adds all conditions that are written to `settings`.
    fn put(self, settings: &mut Settings) -> Result<(), ConfigError> {
        let open_for = duration("open_for", self.open_for)?;
        let kind = self.kind.map(|kind| kind.into_text("kind")).transpose()?;
        if let (Some(kind), None) = (&kind, &self.consecutive_failures) {
            let allowed = "left out: only a rule of consecutive_failures can be about one kind";
            return Err(ConfigError::new("kind", format!("{kind:?}"), allowed));
        }
        if let (Some(lasting), None) = (&self.lasting, &self.consecutive_failures) {
            let allowed = "left out: only a rule of consecutive_failures lasts for some time";
            return Err(ConfigError::new("lasting", lasting, allowed));
        }
        let lasting = duration("lasting", self.lasting)?;
        if let Some(failures) = positive("consecutive_failures", self.consecutive_failures)? {
            let rule = RunRule { failures, lasting, open_for };
            match kind {
                Some(kind) => {
                    settings.kinds.retain(|rule| rule.kind != kind);
                    settings.kinds.push(KindRule { kind: kind.into(), rule });
                }
                None => settings.consecutive = Some(rule),
            }
        }
        if let Some(rate) = rate("failure_rate", self.failure_rate)? {
            settings.failure_rate = Some(RateRule { rate, open_for });
        }
        if let Some(rule) = confident(self.failure_rate_confident, self.confidence, open_for)? {
            settings.failure_rate_confident = Some(rule);
        }
        if let Some(failures) = positive("failure_count", self.failure_count)? {
            settings.failure_count = Some(CountRule { failures, open_for });
        }
        let slow = rate("slow_call_rate", self.slow_call_rate)?;
        let slower_than = duration("slower_than", self.slower_than)?;
        if let Some((rate, slower_than)) =
            both(("slow_call_rate", slow, "0.5"), ("slower_than", slower_than, "\"2s\""))?
        {
            settings.slow_call_rate = Some(SlowRule { rate, slower_than, open_for });
        }
        let stalled = positive("stalled_calls", self.stalled_calls)?;
        let older_than = duration("older_than", self.older_than)?;
        if let Some((calls, older_than)) =
            both(("stalled_calls", stalled, "20"), ("older_than", older_than, "\"5s\""))?
        {
            settings.stalled_calls = Some(StalledRule { calls, older_than, open_for });
        }
        Ok(())
    }
}

fn confident(
    rate: Option<Scalar>,
    confidence: Option<Scalar>,
    open_for: Option<Duration>,
) -> Result<Option<ConfidentRule>, ConfigError> {
    let (field, partner) = ("failure_rate_confident", "confidence");
    let allowed = "a number above 0 and below 1, such as 0.5";
    let rate = number(field, rate, allowed, Rate::below_one)?;
    let allowed = "a number above 0.5 and below 1, such as 0.95";
    match (rate, number(partner, confidence, allowed, Confidence::new)?) {
        (None, None) => Ok(None),
        (Some(rate), Some(confidence)) => Ok(Some(ConfidentRule { rate, confidence, open_for })),
        (Some(_), None) => {
            let allowed = "set together with failure_rate_confident, such as 0.95";
            Err(ConfigError::new(partner, "missing", allowed))
        }
        (None, Some(_)) => {
            let allowed = "set together with confidence, such as 0.5";
            Err(ConfigError::new(field, "missing", allowed))
        }
    }
}

impl WindowText {
    fn check(self) -> Result<SlidingWindow, ConfigError> {
        match (self.calls, self.time) {
            (Some(calls), None) => {
                if let Some(buckets) = self.buckets {
                    let allowed = "left out: a window of calls has no buckets";
                    return Err(ConfigError::new("window.buckets", buckets, allowed));
                }
                let calls = whole("window.calls", Some(calls), 1, SlidingWindow::MAX_CALLS)?;
                Ok(calls.map_or_else(SlidingWindow::default, SlidingWindow::count))
            }
            (None, Some(time)) => {
                let most = SlidingWindow::MAX_BUCKETS;
                let buckets = whole("window.buckets", self.buckets, 1, most)?;
                let shortest = SlidingWindow::SHORTEST_BUCKET.saturating_mul(buckets.unwrap_or(1));
                let found = time.to_string();
                match duration("window.time", Some(time))? {
                    Some(length) if length >= shortest => {
                        let window = SlidingWindow::time(length);
                        Ok(buckets.map_or(window, |buckets| window.buckets(buckets)))
                    }
                    _ => {
                        let shortest = format_duration(shortest);
                        let allowed = format!("at least {shortest}, 1ms for each bucket");
                        Err(ConfigError::new("window.time", found, allowed))
                    }
                }
            }
            (calls, time) => {
                let found = if calls.and(time).is_some() { "both" } else { "neither" };
                Err(ConfigError::new("window", found, "either { calls = .. } or { time = .. }"))
            }
        }
    }
}

fn open_time(
    open_for: Option<Scalar>,
    backoff: Option<BackoffText>,
) -> Result<Option<Backoff>, ConfigError> {
    let open_for = duration("open_for", open_for)?;
    let Some(backoff) = backoff else {
        return Ok(open_for.map(Backoff::fixed));
    };
    if open_for.is_some() {
        let allowed = "left out where `open_for` is set: one of the two gives the open time";
        return Err(ConfigError::new("open_backoff", "set", allowed));
    }
    let ends = |field, end: Option<Scalar>| {
        duration(field, end)?
            .ok_or_else(|| ConfigError::new(field, "missing", "a duration, such as \"5s\""))
    };
    let first = ends("open_backoff.first", backoff.first)?;
    let max = ends("open_backoff.max", backoff.max)?;
    if max < first {
        let allowed = format!("at least `open_backoff.first`, {}", format_duration(first));
        let found = format_duration(max).to_string();
        return Err(ConfigError::new("open_backoff.max", found, allowed));
    }
    let backoff_time = Backoff::exponential(first, max);
    match backoff.jitter {
        None | Some(Scalar::Bool(true)) => Ok(Some(backoff_time)),
        Some(Scalar::Bool(false)) => Ok(Some(backoff_time.without_jitter())),
        Some(other) => Err(ConfigError::new("open_backoff.jitter", other, "true or false")),
    }
}

/// Two fields that are set together or not at all, each with its name and an example.
fn both<A, B>(
    (a_field, a, a_example): (&str, Option<A>, &str),
    (b_field, b, b_example): (&str, Option<B>, &str),
) -> Result<Option<(A, B)>, ConfigError> {
    let missing = |field: &str, other: &str, example: &str| {
        let allowed = format!("set together with {other}, such as {example}");
        Err(ConfigError::new(field, "missing", allowed))
    };
    match (a, b) {
        (Some(a), Some(b)) => Ok(Some((a, b))),
        (None, None) => Ok(None),
        (Some(_), None) => missing(b_field, a_field, b_example),
        (None, Some(_)) => missing(a_field, b_field, a_example),
    }
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

fn positive(field: &str, value: Option<Scalar>) -> Result<Option<u32>, ConfigError> {
    whole(field, value, 1, u32::MAX)
}

fn whole(
    field: &str,
    value: Option<Scalar>,
    least: u32,
    most: u32,
) -> Result<Option<u32>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    match value {
        Scalar::Whole(number) => u32::try_from(number).ok().filter(|n| (least..=most).contains(n)),
        _ => None,
    }
    .map(Some)
    .ok_or_else(|| {
        let allowed = format!("a whole number from {least} to {most}");
        ConfigError::new(field, value, allowed)
    })
}

fn rate(field: &str, value: Option<Scalar>) -> Result<Option<Rate>, ConfigError> {
    number(field, value, "a number above 0 and at most 1, such as 0.5", Rate::new)
}

#[expect(clippy::cast_precision_loss, reason = "only 0 and 1 matter")]
fn number<T>(
    field: &str,
    value: Option<Scalar>,
    allowed: &'static str,
    check: fn(f64) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    match value {
        Scalar::Number(number) => check(number),
        Scalar::Whole(number) => check(number as f64),
        _ => None,
    }
    .map(Some)
    .ok_or_else(|| ConfigError::new(field, value, allowed))
}

#[expect(clippy::cast_precision_loss, reason = "only numbers up to 1,000 matter")]
fn throttle(field: &str, value: Option<Scalar>) -> Result<Option<Throttle>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    match value {
        Scalar::Number(number) => Throttle::new(number),
        Scalar::Whole(number) => Throttle::new(number as f64),
        _ => None,
    }
    .map(Some)
    .ok_or_else(|| ConfigError::new(field, value, "a number from 1 to 1000, such as 2"))
}

fn duration(field: &str, value: Option<Scalar>) -> Result<Option<Duration>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    match &value {
        Scalar::Text(text) => parse_sum(text).filter(|duration| !duration.is_zero()),
        _ => None,
    }
    .map(Some)
    .ok_or_else(|| {
        let allowed = "a duration longer than zero with its unit, such as \"30s\" or \"1m 30s\"";
        ConfigError::new(field, value, allowed)
    })
}

/// The sum of the durations that are written, such as `1m 30s`.
///
/// Part by part: humantime 2 panics where seconds and nanoseconds together pass the longest
/// duration.
pub(crate) fn parse_sum(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit() && !c.is_whitespace())?;
        let end =
            rest[unit..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| unit + at);
        let (part, after) = rest.split_at(end);
        sum = sum.checked_add(parse_duration(part.trim()).ok()?)?;
        rest = after;
    }
    Some(sum)
}
