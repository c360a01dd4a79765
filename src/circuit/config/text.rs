//! Settings as they are written in text.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::circuit::config::CircuitConfig;
use crate::circuit::config::fields::Fields;
use crate::circuit::config::rules::{CONDITION_NAMES, RuleText};
use crate::circuit::config::scalar::Scalar;
use crate::engine::rules::backoff::Backoff;
use crate::engine::rules::open_steps::OpenSteps;
use crate::engine::window::span::{SlidingWindow, Span};
use crate::sync::LazyLock;

/// The settings as written.
#[derive(Debug, Default)]
pub(crate) struct ConfigText {
    /// What is neither a table nor a list.
    pub(super) fields: Fields,
    pub(super) window: Option<WindowText>,
    pub(super) open_backoff: Option<BackoffText>,
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
#[serde(
    expecting = "a table such as { first = \"5s\", max = \"5m\" } or { steps = [\"5s\", \"5m\"] }"
)]
pub(super) struct BackoffText {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) factor: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jitter: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) steps: Option<Vec<Scalar>>,
}

/// The fields that hold neither a table nor a list, but those of trip rules.
const OWN_NAMES: [&str; 11] = [
    "minimum_calls",
    "open_for",
    "probes",
    "concurrent_probes",
    "failed_probes_allowed",
    "probe_timeout",
    "abandoned_after",
    "max_trip_for",
    "ramp",
    "throttle",
    "initial_override",
];

/// All fields.
static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let tables = ["window", "open_backoff", "rules"];
    CONDITION_NAMES.iter().copied().chain(OWN_NAMES).chain(tables).collect()
});

impl From<CircuitConfig> for ConfigText {
    fn from(config: CircuitConfig) -> Self {
        let initial = config.initial_override();
        let settings = config.into_settings();
        let fixed = match &settings.open {
            OpenSteps::Backoff(backoff) if is_fixed(backoff) => Some(backoff.first()),
            _ => None,
        };
        let mut fields = Fields::default();
        fields.set("minimum_calls", Some(settings.minimum_calls));
        fields.set("open_for", fixed);
        fields.set("probes", Some(settings.probes));
        fields.set("concurrent_probes", Some(settings.concurrent_probes));
        fields.set("failed_probes_allowed", Some(settings.failed_probes_allowed));
        fields.set("probe_timeout", settings.probe_timeout);
        fields.set("abandoned_after", settings.abandoned_after);
        fields.set("max_trip_for", Some(settings.max_trip_for));
        fields.set("ramp", settings.ramp);
        fields.set("throttle", settings.throttle.map(|it| Scalar::Number(it.multiple())));
        fields.set("initial_override", initial.map(|it| Scalar::Text(it.as_str().to_owned())));
        Self {
            fields,
            window: settings.window.map(WindowText::from),
            open_backoff: fixed.is_none().then(|| BackoffText::from(&settings.open)),
            rules: settings.rules.iter().map(RuleText::from).collect(),
        }
    }
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

/// Whether a backoff says no more than one open time.
fn is_fixed(backoff: &Backoff) -> bool {
    backoff.first() == backoff.max() && !backoff.is_jittered() && backoff.own_factor().is_none()
}

impl From<&OpenSteps> for BackoffText {
    fn from(open: &OpenSteps) -> Self {
        match open {
            OpenSteps::Backoff(backoff) => Self {
                first: Some(backoff.first().into()),
                max: Some(backoff.max().into()),
                factor: backoff.own_factor().map(Scalar::Number),
                jitter: (!backoff.is_jittered()).then_some(Scalar::Bool(false)),
                steps: None,
            },
            OpenSteps::Listed(times) => {
                let steps = times.iter().map(|time| Scalar::from(*time)).collect();
                Self { steps: Some(steps), ..Self::default() }
            }
        }
    }
}

impl Serialize for ConfigText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.fields.iter() {
            map.serialize_entry(name, value)?;
        }
        if let Some(window) = &self.window {
            map.serialize_entry("window", window)?;
        }
        if let Some(backoff) = &self.open_backoff {
            map.serialize_entry("open_backoff", backoff)?;
        }
        if !self.rules.is_empty() {
            map.serialize_entry("rules", &self.rules)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ConfigText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("CircuitConfig", &NAMES, ConfigVisitor)
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = ConfigText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of settings, such as { failure_rate = 0.5, open_for = \"30s\" }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ConfigText, A::Error> {
        let mut text = ConfigText::default();
        let (mut window, mut backoff, mut rules) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "window" => table("window", &mut window, &mut map)?,
                "open_backoff" => table("open_backoff", &mut backoff, &mut map)?,
                "rules" => table("rules", &mut rules, &mut map)?,
                other => text.fields.read(other, &NAMES, &mut map)?,
            }
        }
        (text.window, text.open_backoff) = (window, backoff);
        text.rules = rules.unwrap_or_default();
        Ok(text)
    }
}

/// Reads the table or list of `field`; the error for another type names the field.
fn table<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    field: &'static str,
    place: &mut Option<T>,
    map: &mut A,
) -> Result<(), A::Error> {
    if place.is_some() {
        return Err(A::Error::duplicate_field(field));
    }
    let value = map.next_value();
    *place =
        Some(value.map_err(|error| A::Error::custom(format!("`{field}`: {}", one_line(error))))?);
    Ok(())
}

/// `error` on one line: TOML ends its messages with a new line, and names of unknown fields are
/// repeated as they are.
fn one_line(error: impl fmt::Display) -> String {
    let message = error.to_string();
    let printable = message.split(char::is_control).filter(|part| !part.is_empty());
    printable.collect::<Vec<_>>().join(" ")
}
