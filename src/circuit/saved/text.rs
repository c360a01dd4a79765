//! A saved circuit as text: how it is written and read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::circuit::config::{ConfigError, Scalar};
use crate::circuit::saved::{SavedCircuit, to_millis};
use crate::engine::machine::own_override::OverrideWords;
use crate::engine::machine::saved::SavedState;
use crate::engine::state::{CircuitState, Override};
use crate::sync::Arc;

/// The fields of the text. Unknown fields are ignored: the version says what the known ones mean.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, expecting = "a saved circuit")]
pub(crate) struct SavedText {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overridden: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    override_left: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    override_actor: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    override_actor_checked: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    override_reason: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_left: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_for: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff_step: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_at: Option<Scalar>,
}

const VERSION: u32 = 1;

impl From<SavedCircuit> for SavedText {
    fn from(saved: SavedCircuit) -> Self {
        let SavedState { state, overridden, override_left, left, open_for, step } = saved.memory;
        let saved_at = saved.saved_at.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default());
        let text = |word: &str| Some(Scalar::Text(word.to_owned()));
        let words = saved.words.map(|words| OverrideWords::clone(&words)).unwrap_or_default();
        let seconds = |time: Duration| Scalar::Number(time.as_secs_f64());
        Self {
            version: Some(VERSION.into()),
            name: text(&saved.name),
            state: text(state.as_str()),
            overridden: overridden.and_then(|overridden| text(overridden.as_str())),
            override_left: override_left.map(seconds),
            override_actor_checked: words.actor.as_ref().map(|_| Scalar::Bool(words.actor_checked)),
            override_actor: words.actor.and_then(|actor| text(&actor)),
            override_reason: words.reason.and_then(|reason| text(&reason)),
            time_left: Some(seconds(left)),
            open_for: Some(seconds(open_for)),
            backoff_step: step.map(Scalar::from),
            saved_at: saved_at.map(seconds),
        }
    }
}

impl TryFrom<SavedText> for SavedCircuit {
    type Error = ConfigError;

    fn try_from(text: SavedText) -> Result<Self, ConfigError> {
        check_version(text.version)?;
        let states = [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen];
        let forced = [Override::ForcedOpen, Override::ForcedClosed, Override::Observing];
        let state = |word: &Scalar| one_of(word, &states, CircuitState::as_str);
        let imposed = |word: &Scalar| one_of(word, &forced, Override::as_str);
        let allowed = "forced_open, forced_closed or observing, or left out";
        let memory = SavedState {
            state: needed("state", text.state, "closed, open or half_open", state)?,
            overridden: taken("overridden", text.overridden, allowed, imposed)?,
            override_left: taken("override_left", text.override_left, SECONDS, seconds)?,
            left: needed("time_left", text.time_left, SECONDS, seconds)?,
            open_for: needed("open_for", text.open_for, SECONDS, seconds)?,
            step: taken("backoff_step", text.backoff_step, "a whole number, or left out", whole)?,
        };
        let saved_at = taken("saved_at", text.saved_at, "seconds since 1970", time_of_day)?;
        let name = needed("name", text.name, "the name of a circuit", any_text)?;
        let checked =
            taken("override_actor_checked", text.override_actor_checked, "true or false", |it| {
                match it {
                    Scalar::Bool(checked) => Some(*checked),
                    _ => None,
                }
            })?;
        let words = OverrideWords {
            actor: taken("override_actor", text.override_actor, "a text, or left out", any_text)?,
            actor_checked: checked.unwrap_or(false),
            reason: taken(
                "override_reason",
                text.override_reason,
                "a text, or left out",
                any_text,
            )?,
        };
        let words = (words != OverrideWords::default()).then(|| Arc::new(words));
        Ok(Self { name, memory, words, saved_at })
    }
}

fn check_version(version: Option<Scalar>) -> Result<(), ConfigError> {
    let allowed = "1: restore it with the release of the crate that wrote it, or start without it";
    needed("version", version, allowed, |version| whole(version).filter(|it| *it == VERSION))
        .map(|_| ())
}

/// A required field.
fn needed<T>(
    field: &str,
    value: Option<Scalar>,
    allowed: &'static str,
    check: impl Fn(&Scalar) -> Option<T>,
) -> Result<T, ConfigError> {
    taken(field, value, allowed, check)?.ok_or_else(|| ConfigError::new(field, "missing", allowed))
}

/// An optional field.
fn taken<T>(
    field: &str,
    value: Option<Scalar>,
    allowed: &'static str,
    check: impl Fn(&Scalar) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    check(&value).map(Some).ok_or_else(|| ConfigError::new(field, value, allowed))
}

fn one_of<T: Copy>(word: &Scalar, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    let Scalar::Text(word) = word else { return None };
    all.iter().copied().find(|one| name(*one) == word)
}

fn any_text(value: &Scalar) -> Option<Arc<str>> {
    match value {
        Scalar::Text(text) => Some(text.as_str().into()),
        _ => None,
    }
}

fn whole(value: &Scalar) -> Option<u32> {
    match value {
        Scalar::Whole(number) => u32::try_from(*number).ok(),
        _ => None,
    }
}

fn seconds(value: &Scalar) -> Option<Duration> {
    match value {
        Scalar::Number(number) => Duration::try_from_secs_f64(*number).ok(),
        Scalar::Whole(number) => u64::try_from(*number).ok().map(Duration::from_secs),
        _ => None,
    }
}

fn time_of_day(value: &Scalar) -> Option<SystemTime> {
    // Half of the least that is kept, since a number of seconds may be off by its last bit.
    let since = seconds(value)?.checked_add(Duration::from_micros(500))?;
    UNIX_EPOCH.checked_add(since).map(to_millis)
}

const SECONDS: &str = "a number of seconds, 0 or more";
