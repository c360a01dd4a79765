//! Checks settings as written: makes valid settings of them, or an error.

use std::time::Duration;

use humantime_serde::re::humantime::format_duration;

use crate::circuit::config::CircuitConfig;
use crate::circuit::config::error::ConfigError;
use crate::circuit::config::fields::{duration, number, whole};
use crate::circuit::config::rules::{CONDITION_NAMES, RuleText};
use crate::circuit::config::scalar::Scalar;
use crate::circuit::config::text::{BackoffText, ConfigText, WindowText};
use crate::engine::rules::backoff::Backoff;
use crate::engine::rules::open_steps::{MOST_STEPS, OpenSteps};
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::{Settings, Throttle};
use crate::engine::state::Override;
use crate::engine::window::span::SlidingWindow;

impl TryFrom<ConfigText> for CircuitConfig {
    type Error = ConfigError;

    fn try_from(text: ConfigText) -> Result<Self, ConfigError> {
        let mut settings = Settings::without_rules();
        let ConfigText { mut fields, window, open_backoff, rules } = text;
        let mut rules_said = RulesSaid::default();
        for rule in RuleText(fields.take_all(&CONDITION_NAMES)).into_rules()? {
            rules_said.add(rule.condition.name().to_owned(), rule)?;
        }
        for (index, rule) in rules.into_iter().enumerate() {
            let table = format!("rules[{index}]");
            let rule = rule.into_rule().map_err(|error| error.within(&table))?;
            rules_said.add(format!("{table}.{}", rule.condition.name()), rule)?;
        }
        rules_said.0.into_iter().for_each(|(_, rule)| settings.add(rule));
        settings.window = window.map(WindowText::check).transpose()?;
        set(&mut settings.minimum_calls, fields.whole("minimum_calls", 1)?);
        set(&mut settings.probes, fields.whole("probes", 1)?);
        set(&mut settings.concurrent_probes, fields.whole("concurrent_probes", 1)?);
        set(&mut settings.failed_probes_allowed, fields.whole("failed_probes_allowed", 0)?);
        settings.probe_timeout = fields.duration("probe_timeout")?;
        settings.abandoned_after = fields.duration("abandoned_after")?;
        set(&mut settings.max_trip_for, fields.duration("max_trip_for")?);
        settings.ramp = fields.duration("ramp")?;
        let allowed = "a number from 1 to 1000, such as 2";
        settings.throttle = fields.number("throttle", allowed, Throttle::new)?;
        set(&mut settings.open, open_time(fields.duration("open_for")?, open_backoff)?);
        let initial = fields.take("initial_override").map(initial_override).transpose()?;
        Ok(Self::from_settings(settings).with_initial_override(initial))
    }
}

/// Rules, and where each is said.
#[derive(Default)]
struct RulesSaid(Vec<(String, TripRule)>);

impl RulesSaid {
    /// Adds a rule, unless there is one about the same thing: nothing said is silently undone.
    fn add(&mut self, place: String, rule: TripRule) -> Result<(), ConfigError> {
        if let Some((other, _)) = self.0.iter().find(|(_, other)| rule.replaces(other)) {
            let allowed = format!("said in one place, and `{other}` says it as well");
            return Err(ConfigError::new(place, "said twice", allowed));
        }
        self.0.push((place, rule));
        Ok(())
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
                let calls = whole("window.calls", calls, 1, SlidingWindow::MAX_CALLS)?;
                Ok(SlidingWindow::count(calls))
            }
            (None, Some(time)) => {
                let most = SlidingWindow::MAX_BUCKETS;
                let buckets = self.buckets;
                let buckets = buckets.map(|it| whole("window.buckets", it, 1, most)).transpose()?;
                let shortest = SlidingWindow::SHORTEST_BUCKET.saturating_mul(buckets.unwrap_or(1));
                let found = time.to_string();
                let length = duration("window.time", time)?;
                if length < shortest {
                    let shortest = format_duration(shortest);
                    let allowed = format!("at least {shortest}, 1ms for each bucket");
                    return Err(ConfigError::new("window.time", found, allowed));
                }
                let window = SlidingWindow::time(length);
                Ok(buckets.map_or(window, |buckets| window.buckets(buckets)))
            }
            (calls, time) => {
                let found = if calls.and(time).is_some() { "both" } else { "neither" };
                Err(ConfigError::new("window", found, "either { calls = .. } or { time = .. }"))
            }
        }
    }
}

fn open_time(
    open_for: Option<Duration>,
    backoff: Option<BackoffText>,
) -> Result<Option<OpenSteps>, ConfigError> {
    let Some(backoff) = backoff else {
        return Ok(open_for.map(|open_for| OpenSteps::Backoff(Backoff::fixed(open_for))));
    };
    if open_for.is_some() {
        let allowed = "left out where `open_for` is set: one of the two gives the open time";
        return Err(ConfigError::new("open_backoff", "set", allowed));
    }
    backoff.check().map(Some)
}

impl BackoffText {
    fn check(self) -> Result<OpenSteps, ConfigError> {
        if let Some(steps) = self.steps {
            let others = [self.first, self.max, self.factor, self.jitter];
            if others.iter().any(Option::is_some) {
                let allowed = "said alone: it gives each open time as it is";
                return Err(ConfigError::new("open_backoff.steps", "not alone", allowed));
            }
            return listed(steps);
        }
        let ends = |field, end: Option<Scalar>| match end {
            Some(end) => duration(field, end),
            None => Err(ConfigError::new(field, "missing", "a duration, such as \"5s\"")),
        };
        let first = ends("open_backoff.first", self.first)?;
        let max = ends("open_backoff.max", self.max)?;
        if max < first {
            let allowed = format!("at least `open_backoff.first`, {}", format_duration(first));
            let found = format_duration(max).to_string();
            return Err(ConfigError::new("open_backoff.max", found, allowed));
        }
        let mut backoff = Backoff::exponential(first, max);
        if let Some(factor) = self.factor {
            let allowed = "a number from 1 to 100, such as 1.5";
            let in_range = |factor| (1.0..=100.0).contains(&factor).then_some(factor);
            backoff = backoff.factor(number("open_backoff.factor", factor, allowed, in_range)?);
        }
        match self.jitter {
            None | Some(Scalar::Bool(true)) => Ok(OpenSteps::Backoff(backoff)),
            Some(Scalar::Bool(false)) => Ok(OpenSteps::Backoff(backoff.without_jitter())),
            Some(other) => Err(ConfigError::new("open_backoff.jitter", other, "true or false")),
        }
    }
}

fn listed(steps: Vec<Scalar>) -> Result<OpenSteps, ConfigError> {
    let (found, most) = (steps.len(), MOST_STEPS);
    if !(1..=most as usize).contains(&found) {
        let allowed = format!("a list of 1 to {most} durations, such as [\"5s\", \"5m\"]");
        return Err(ConfigError::new("open_backoff.steps", format!("of {found}"), allowed));
    }
    let step = |(place, step)| duration(&format!("open_backoff.steps[{place}]"), step);
    let times: Result<_, _> = steps.into_iter().enumerate().map(step).collect();
    Ok(OpenSteps::listed(times?))
}

fn initial_override(value: Scalar) -> Result<Override, ConfigError> {
    let all = [Override::Observing, Override::ForcedClosed, Override::ForcedOpen];
    let found = match &value {
        Scalar::Text(text) => all.into_iter().find(|initial| initial.as_str() == text),
        _ => None,
    };
    let allowed = "\"observing\", \"forced_closed\" or \"forced_open\"";
    found.ok_or_else(|| ConfigError::new("initial_override", value, allowed))
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}
