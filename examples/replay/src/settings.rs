//! Settings to compare: some by name, others from files.

use std::fs;

use tower_circuit_breaker::CircuitConfig;

/// Name, what it is for, and what would be in a file.
pub(crate) type BuiltIn = (&'static str, &'static str, &'static str);

/// For one client.
pub(crate) const BUILT_IN: &[BuiltIn] = &[
    ("default", "what a circuit does when nothing is set", ""),
    ("quick", "opens and probes soon", "consecutive_failures = 3\nopen_for = \"5s\""),
    (
        "cautious",
        "wants to be sure, both ways",
        "failure_rate_confident = 0.5\nconfidence = 0.999\nwindow = { time = \"30s\" }\n\
         open_for = \"10s\"\nprobes = 3",
    ),
    (
        "slow-aware",
        "opens when half of the calls take a second",
        "consecutive_failures = 5\nfailure_rate = 0.5\nslow_call_rate = 0.5\nslower_than = \"1s\"",
    ),
    (
        "stalled",
        "opens when ten calls hang",
        "consecutive_failures = 5\nfailure_rate = 0.5\nstalled_calls = 10\nolder_than = \"2s\"",
    ),
    (
        "ramp",
        "comes back little by little",
        "consecutive_failures = 5\nfailure_rate = 0.5\nramp = \"20s\"\n\
         open_backoff = { first = \"5s\", max = \"1m\" }",
    ),
    ("throttle", "holds calls back, and never opens", "throttle = 2.0"),
];

/// For many clients of one upstream.
pub(crate) const CLIENTS: &[BuiltIn] = &[
    // As near to none as can be set.
    ("none", "no circuit to speak of", "failure_rate = 1.0\nminimum_calls = 4294967295"),
    ("fixed", "the same open time for all", "consecutive_failures = 3\nopen_for = \"20s\""),
    (
        "jitter",
        "open times drawn from 10 s to 20 s, and from a growing range after that",
        "consecutive_failures = 3\nopen_backoff = { first = \"20s\", max = \"1m\" }",
    ),
    (
        "probes",
        "the same, and three probes",
        "consecutive_failures = 3\nprobes = 3\nopen_backoff = { first = \"20s\", max = \"1m\" }",
    ),
    (
        "ramp",
        "the same, and back little by little within 30 s",
        "consecutive_failures = 3\nramp = \"30s\"\nopen_backoff = { first = \"20s\", max = \"1m\" }",
    ),
    ("throttle", "no trip, but as many calls as twice those answered", "throttle = 2.0"),
];

/// The settings that `names` ask for; all that are built in when there are none.
pub(crate) fn read(
    names: &[String],
    built_in: &[BuiltIn],
) -> Result<Vec<(String, CircuitConfig)>, String> {
    if names.is_empty() {
        return built_in.iter().map(|(name, ..)| one(name, built_in)).collect();
    }
    names.iter().map(|name| one(name, built_in)).collect()
}

fn one(name: &str, built_in: &[BuiltIn]) -> Result<(String, CircuitConfig), String> {
    let found = built_in.iter().find(|(known, ..)| *known == name);
    let text = match found {
        Some((.., text)) => (*text).to_owned(),
        None => fs::read_to_string(name).map_err(|error| {
            let known: Vec<_> = built_in.iter().map(|(known, ..)| *known).collect();
            format!("{name}: {error}: must be a file, or one of {}", known.join(", "))
        })?,
    };
    let config = if name.ends_with(".json") {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string().trim_end().to_owned())
    };
    let shown = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let shown = shown.trim_end_matches(".toml").trim_end_matches(".json");
    Ok((shown.to_owned(), config.map_err(|error| format!("{name}: {error}"))?))
}

/// For `--help`.
pub(crate) fn list(built_in: &[BuiltIn]) -> String {
    let line = |(name, about, _): &BuiltIn| format!("  {name:<12} {about}\n");
    format!("Settings:\n{}", built_in.iter().map(line).collect::<String>())
}
