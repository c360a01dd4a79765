//! What the environment says, checked; an error names the variable and what is allowed.

use std::env;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tower_circuit_breaker::CircuitConfig;

use crate::Wrong;
use crate::shared::Place;

/// What sets one circuit, and what of it is said in the log.
pub(crate) struct Limits {
    pub(crate) config: CircuitConfig,
    pub(crate) successes: u64,
}

/// The settings of one circuit: its own variables over those of all over the defaults.
pub(crate) fn circuit(service: &str) -> Result<Limits, Wrong> {
    let mut fields = json!({});
    for (suffix, field, default) in VARIABLES {
        let own = format!("{}_CIRCUIT_{suffix}", service.to_uppercase());
        let set = [own, format!("CIRCUIT_{suffix}")]
            .into_iter()
            .find_map(|variable| Some((variable.clone(), var(&variable)?)));
        let text = set.as_ref().map_or(default, |(_, text)| text);
        // Numbers are numbers, all else is text.
        fields[field] = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        if let Some((variable, _)) = &set {
            CircuitConfig::deserialize(json!({ field: fields[field] }))
                .map_err(|error| format!("{variable}: {error}"))?;
        }
    }
    let successes = fields["probes"].as_u64().unwrap_or_default();
    let config = CircuitConfig::deserialize(fields);
    let config = config.map_err(|error| format!("{service}: {error}"))?;
    Ok(Limits { config, successes })
}

/// The names of the agents: those of circuits, so none comes out of a request.
pub(crate) fn agents() -> Result<Vec<String>, Wrong> {
    let text = var("AGENTS").unwrap_or_else(|| "planner,gardener,scribe".to_owned());
    let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
    let is_plain = |name: &String| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if names.iter().all(is_plain) {
        return Ok(names);
    }
    Err("AGENTS: must be names of letters, digits, - and _ with commas between them".into())
}

/// What processes share circuits by: what `--redis` or `--postgres` names or, where it names none, the
/// environment; nothing where nothing asks for it.
pub(crate) fn shared(
    redis: Option<String>,
    postgres: Option<String>,
) -> Result<Option<Place>, Wrong> {
    match postgres {
        None => Ok(shared_redis(redis)?.map(Place::Redis)),
        Some(url) if !url.is_empty() => Ok(Some(Place::Postgres(url))),
        Some(_) => match var("DATABASE_URL") {
            Some(url) => Ok(Some(Place::Postgres(url))),
            None => Err("--postgres needs a URL, or DATABASE_URL".into()),
        },
    }
}

fn shared_redis(asked: Option<String>) -> Result<Option<String>, Wrong> {
    let own = var("CIRCUIT_BREAKER_REDIS_URL");
    match asked {
        None => Ok(own),
        Some(url) if !url.is_empty() => Ok(Some(url)),
        Some(_) => match own.or_else(|| var("REDIS_URL")) {
            Some(url) => Ok(Some(url)),
            None => Err("--redis needs a URL, or CIRCUIT_BREAKER_REDIS_URL or REDIS_URL".into()),
        },
    }
}

/// What a variable is set to; one that is empty is not set.
fn var(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|text| !text.is_empty())
}

/// How long one call may take.
pub(crate) fn call_timeout() -> Result<Duration, Wrong> {
    let Some(text) = var("CALL_TIMEOUT_MS") else { return Ok(Duration::from_secs(2)) };
    match text.parse() {
        Ok(millis @ 1..=600_000) => Ok(Duration::from_millis(millis)),
        _ => Err(format!("CALL_TIMEOUT_MS: {text:?}: must be a number from 1 to 600000").into()),
    }
}

/// The value of `variable`, read by `read`. A value that is refused is not shown: it may hold a
/// password.
pub(crate) fn url<T, E: std::fmt::Display>(
    variable: &str,
    default: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<T, Wrong> {
    let url = var(variable);
    let url = url.as_deref().unwrap_or(default);
    read(url).map_err(|error| format!("{variable}: {error}; must be like {default}").into())
}

const VARIABLES: [(&str, &str, &str); 3] = [
    ("FAIL_MAX", "consecutive_failures", "5"),
    ("RESET_TIMEOUT", "open_for", "30s"),
    ("SUCCESS_THRESHOLD", "probes", "1"),
];
