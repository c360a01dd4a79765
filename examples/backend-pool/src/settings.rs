//! What the environment says, checked; an error names the variable and what is allowed.

use std::env;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tower_circuit_breaker::CircuitConfig;

use crate::Wrong;

/// The settings of one circuit: its own variables over those of all over the defaults.
pub(crate) fn circuit(service: &str) -> Result<CircuitConfig, Wrong> {
    let mut fields = json!({});
    for (suffix, field, default) in VARIABLES {
        let own = format!("{}_CIRCUIT_{suffix}", service.to_uppercase());
        let set = [own, format!("CIRCUIT_{suffix}")]
            .into_iter()
            .find_map(|variable| env::var(&variable).ok().map(|text| (variable, text)));
        let text = set.as_ref().map_or(default, |(_, text)| text);
        // Numbers are numbers, all else is text.
        fields[field] = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        if let Some((variable, _)) = &set {
            CircuitConfig::deserialize(json!({ field: fields[field] }))
                .map_err(|error| format!("{variable}: {error}"))?;
        }
    }
    CircuitConfig::deserialize(fields).map_err(|error| format!("{service}: {error}").into())
}

/// How long one call may take.
pub(crate) fn call_timeout() -> Result<Duration, Wrong> {
    let Ok(text) = env::var("CALL_TIMEOUT_MS") else { return Ok(Duration::from_secs(2)) };
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
    let url = env::var(variable);
    let url = url.as_deref().unwrap_or(default);
    read(url).map_err(|error| format!("{variable}: {error}; must be like {default}").into())
}

const VARIABLES: [(&str, &str, &str); 3] = [
    ("FAIL_MAX", "consecutive_failures", "5"),
    ("RESET_TIMEOUT", "open_for", "30s"),
    ("SUCCESS_THRESHOLD", "probes", "1"),
];
