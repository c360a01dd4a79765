//! Settings as text: TOML, JSON, environment variables.

use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Json, Serialized, Toml};
use serde_json::json;
use tower_circuit_breaker::{
    Backoff, Circuit, CircuitConfig, CircuitState, FailureKind, SlidingWindow, TripRule,
};

use crate::support::{SECOND, fail, fail_as, rejection};

fn toml(text: &str) -> CircuitConfig {
    toml::from_str(text).expect(text)
}

/// The message for a JSON object of settings that are wrong.
fn refusal(settings: serde_json::Value) -> String {
    serde_json::from_value::<CircuitConfig>(settings.clone())
        .expect_err(&settings.to_string())
        .to_string()
}

const EVERYTHING: &str = r#"
    consecutive_failures = 5
    failure_rate = 0.25
    failure_count = 100
    slow_call_rate = 0.8
    slower_than = "1s 500ms"
    window = { time = "1m", buckets = 30 }
    minimum_calls = 7
    open_backoff = { first = "5s", max = "5m", jitter = false }
    probes = 3
    concurrent_probes = 2
    failed_probes_allowed = 1
    probe_timeout = "20s"
    abandoned_after = "3s"
    longest_trip_for = "2h"

    [[rules]]
    consecutive_failures = 3
    kind = "connect"
    open_for = "1m 30s"
"#;

fn everything() -> CircuitConfig {
    Circuit::builder("any")
        .consecutive_failures(5)
        .failure_rate(0.25)
        .failure_count(100)
        .slow_call_rate(0.8, Duration::from_millis(1500))
        .window(SlidingWindow::time(60 * SECOND).buckets(30))
        .minimum_calls(7)
        .open_backoff(Backoff::exponential(5 * SECOND, 300 * SECOND).without_jitter())
        .probes(3)
        .concurrent_probes(2)
        .failed_probes_allowed(1)
        .probe_timeout(20 * SECOND)
        .abandoned_after(3 * SECOND)
        .longest_trip_for(7200 * SECOND)
        .rule(
            TripRule::consecutive_failures(3).of(FailureKind::new("connect")).open_for(90 * SECOND),
        )
        .into_config()
}

#[test]
fn text_means_what_the_setters_mean() {
    assert_eq!(toml(EVERYTHING), everything());
    assert_eq!(toml(""), CircuitConfig::default());
    assert_eq!(toml("open_for = '45s'"), Circuit::builder("").open_for(45 * SECOND).into_config());
    assert_eq!(
        toml("window = { calls = 50 }"),
        Circuit::builder("").window(SlidingWindow::count(50)).into_config()
    );
}

#[test]
fn settings_survive_a_round_trip() {
    let many_kinds =
        ["connect", "timeout", "quota"].iter().fold(Circuit::builder(""), |b, kind| {
            b.rule(TripRule::consecutive_failures(4).of(FailureKind::new(kind)))
        });
    for config in [
        everything(),
        CircuitConfig::default(),
        many_kinds.window(SlidingWindow::count(9)).into_config(),
        Circuit::builder("")
            .rule(TripRule::failure_rate(0.9).open_for(SECOND))
            .open_backoff(Backoff::exponential(SECOND, 9 * SECOND))
            .into_config(),
    ] {
        let as_toml = toml::to_string(&config).unwrap();
        let as_json = serde_json::to_string(&config).unwrap();

        assert_eq!(toml(&as_toml), config, "{as_toml}");
        assert_eq!(serde_json::from_str::<CircuitConfig>(&as_json).unwrap(), config, "{as_json}");
    }
}

#[test]
fn a_config_makes_a_circuit() {
    let config = toml(
        "consecutive_failures = 9\nrules = [{ consecutive_failures = 1, kind = 'dns', open_for = '9s' }]",
    );
    let circuit = Circuit::builder("api").config(config).build();

    fail_as(&circuit, "dns");

    assert!(rejection(&circuit).retry_after().unwrap() > 8 * SECOND);
}

#[test]
fn an_empty_config_has_the_default_rules() {
    let circuit = Circuit::builder("api").config(CircuitConfig::default()).build();

    for _ in 0..5 {
        fail(&circuit);
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

fn assert_refused(cases: Vec<(serde_json::Value, &str)>) {
    for (settings, expected) in cases {
        assert_eq!(refusal(settings.clone()), expected, "{settings}");
    }
}

#[test]
fn wrong_values_are_named_with_what_is_allowed() {
    assert_refused(vec![
        (
            json!({ "consecutive_failures": 0 }),
            "`consecutive_failures` is 0: must be a whole number from 1 to 4294967295",
        ),
        (
            json!({ "consecutive_failures": -3 }),
            "`consecutive_failures` is -3: must be a whole number from 1 to 4294967295",
        ),
        (
            json!({ "probes": "three" }),
            "`probes` is \"three\": must be a whole number from 1 to 4294967295",
        ),
        (json!({ "probes": 1.5 }), "`probes` is 1.5: must be a whole number from 1 to 4294967295"),
        (
            json!({ "minimum_calls": [1] }),
            "`minimum_calls` is a list: must be a whole number from 1 to 4294967295",
        ),
        (
            json!({ "failure_count": u64::MAX }),
            "`failure_count` is 18446744073709551615: must be a whole number from 1 to 4294967295",
        ),
        (
            json!({ "failure_rate": 50 }),
            "`failure_rate` is 50: must be a number above 0 and at most 1, such as 0.5",
        ),
        (
            json!({ "failure_rate": 0.0 }),
            "`failure_rate` is 0.0: must be a number above 0 and at most 1, such as 0.5",
        ),
        (
            json!({ "open_for": 30 }),
            "`open_for` is 30: must be a duration longer than zero with its unit, such as \"30s\" \
             or \"1m 30s\"",
        ),
        (
            json!({ "probe_timeout": "soon" }),
            "`probe_timeout` is \"soon\": must be a duration longer than zero with its unit, such \
             as \"30s\" or \"1m 30s\"",
        ),
        (
            json!({ "abandoned_after": "0s" }),
            "`abandoned_after` is \"0s\": must be a duration longer than zero with its unit, such \
             as \"30s\" or \"1m 30s\"",
        ),
    ]);
}

#[test]
fn settings_that_belong_together_are_checked_together() {
    assert_refused(vec![
        (
            json!({ "open_for": "1s", "open_backoff": { "first": "1s", "max": "2s" } }),
            "`open_backoff` is set: must be left out where `open_for` is set: one of the two gives \
             the open time",
        ),
        (
            json!({ "open_backoff": { "first": "1m" } }),
            "`open_backoff.max` is missing: must be a duration, such as \"5s\"",
        ),
        (
            json!({ "open_backoff": { "first": "1m", "max": "1s" } }),
            "`open_backoff.max` is 1s: must be at least `open_backoff.first`, 1m",
        ),
        (
            json!({ "open_backoff": { "first": "1s", "max": "1m", "jitter": 3 } }),
            "`open_backoff.jitter` is 3: must be true or false",
        ),
        (
            json!({ "slow_call_rate": 0.5 }),
            "`slower_than` is missing: must be set together with slow_call_rate, such as \"2s\"",
        ),
        (
            json!({ "slower_than": "2s" }),
            "`slow_call_rate` is missing: must be set together with slower_than, such as 0.5",
        ),
    ]);
}

#[test]
fn wrong_windows_and_rules_are_named_with_their_place() {
    assert_refused(vec![
        (
            json!({ "window": {} }),
            "`window` is neither: must be either { calls = .. } or { time = .. }",
        ),
        (
            json!({ "window": { "calls": 5, "time": "10s" } }),
            "`window` is both: must be either { calls = .. } or { time = .. }",
        ),
        (
            json!({ "window": { "calls": 0 } }),
            "`window.calls` is 0: must be a whole number from 1 to 1000000",
        ),
        (
            json!({ "window": { "calls": 5, "buckets": 2 } }),
            "`window.buckets` is 2: must be left out: a window of calls has no buckets",
        ),
        (
            json!({ "window": { "time": "5ms", "buckets": 10 } }),
            "`window.time` is \"5ms\": must be at least 10ms, 1ms for each bucket",
        ),
        (
            json!({ "rules": [{ "failure_rate": 0.5 }, { "open_for": "1s" }] }),
            "`rules[1].condition` is one with 0 conditions: must be one with exactly one of \
             consecutive_failures, failure_rate, failure_count, slow_call_rate",
        ),
        (
            json!({ "rules": [{ "failure_rate": 0.5, "kind": "dns" }] }),
            "`rules[0].kind` is \"dns\": must be left out: only a rule of consecutive_failures can \
             be about one kind",
        ),
        (
            json!({ "rules": [{ "consecutive_failures": 1, "kind": 5 }] }),
            "`rules[0].kind` is 5: must be a name, such as \"connect\"",
        ),
    ]);
}

#[test]
fn fields_that_are_not_tables_are_named() {
    let message = refusal(json!({ "window": 5 }));
    assert!(message.starts_with("`window`: ") && message.contains("{ calls = 100 }"), "{message}");

    let message = refusal(json!({ "open_backoff": "5s" }));
    assert!(message.starts_with("`open_backoff`: "), "{message}");

    let message = refusal(json!({ "rules": [3] }));
    assert!(message.starts_with("`rules`: "), "{message}");
}

#[test]
fn unknown_fields_are_refused() {
    for settings in [
        json!({ "failure_ratio": 0.5 }),
        json!({ "window": { "calls": 5, "size": 3 } }),
        json!({ "rules": [{ "consecutive": 5 }] }),
    ] {
        let message = refusal(settings.clone());

        assert!(message.contains("unknown field"), "{settings}: {message}");
        assert!(message.contains("expected"), "{settings}: {message}");
    }
}

#[test]
fn toml_errors_show_the_value_and_what_is_allowed() {
    let error = toml::from_str::<CircuitConfig>("failure_rate = 2.0").unwrap_err().to_string();

    assert!(error.contains("`failure_rate` is 2.0: must be a number above 0"), "{error}");
}

#[test]
#[expect(clippy::result_large_err, reason = "figment's own error type")]
fn layers_of_files_and_environment_variables_combine() {
    figment::Jail::expect_with(|jail| {
        jail.create_file("circuits.toml", "open_for = '1m'\nfailure_rate = 0.9")?;
        jail.set_env("PLANT_ID_CIRCUIT_CONSECUTIVE_FAILURES", "3");
        jail.set_env("PLANT_ID_CIRCUIT_WINDOW", "{calls=50}");
        let config: CircuitConfig = Figment::new()
            .merge(Serialized::defaults(CircuitConfig::default()))
            .merge(Toml::file("circuits.toml"))
            .merge(Json::string(r#"{ "failure_rate": 0.7 }"#))
            .merge(Env::prefixed("PLANT_ID_CIRCUIT_"))
            .extract()?;

        let expected = Circuit::builder("")
            .consecutive_failures(3)
            .failure_rate(0.7)
            .window(SlidingWindow::count(50))
            .open_for(60 * SECOND)
            .into_config();
        assert_eq!(config, expected);

        jail.set_env("PLANT_ID_CIRCUIT_OPEN_FOR", "60");
        let error = Figment::from(Env::prefixed("PLANT_ID_CIRCUIT_"))
            .extract::<CircuitConfig>()
            .unwrap_err()
            .to_string();
        assert!(error.contains("`open_for` is 60: must be a duration"), "{error}");
        Ok(())
    });
}

#[test]
fn short_windows_in_few_buckets_are_fine() {
    for (text, calls) in [("5ms", 5), ("1ms", 1), ("10ms", 10)] {
        let with = toml(&format!("window = {{ time = '{text}', buckets = {calls} }}"));
        let without = toml(&format!("window = {{ time = '{text}' }}"));

        assert_eq!(with, without, "{text}");
    }
}

#[test]
fn absurd_durations_are_refused_and_do_not_panic() {
    for text in [
        "18446744073709551615s 1000000000ns",
        "584542046090y 584542046090y",
        "99999999999999999999999s",
        "s",
        "5",
        "-5s",
        "1.5s",
        "5s 3",
        "\u{1f4a9}",
        "",
    ] {
        let message = refusal(json!({ "open_for": text }));

        assert!(message.starts_with("`open_for` is "), "{text}: {message}");
    }
}

#[test]
fn the_longest_durations_survive_a_round_trip() {
    for time in [Duration::MAX, Duration::from_nanos(1), Duration::new(90, 5)] {
        let config = Circuit::builder("").open_for(time).abandoned_after(time).into_config();

        assert_eq!(toml(&toml::to_string(&config).unwrap()), config, "{time:?}");
    }
}

#[test]
fn values_at_their_limits_are_taken() {
    for (text, expected) in [
        (
            "window = { time = '10ms' }",
            Circuit::builder("").window(SlidingWindow::time(SECOND / 100)),
        ),
        ("window = { time = '1m' }", Circuit::builder("").window(SlidingWindow::time(60 * SECOND))),
        (
            "open_backoff = { first = '5s', max = '5s', jitter = true }",
            Circuit::builder("").open_backoff(Backoff::exponential(5 * SECOND, 5 * SECOND)),
        ),
        ("failed_probes_allowed = 0", Circuit::builder("").failed_probes_allowed(0)),
        ("failure_rate = 1", Circuit::builder("").failure_rate(1.0)),
        (
            "rules = [{ consecutive_failures = 2, kind = 'a' }, \
             { consecutive_failures = 3, kind = 'a' }]",
            Circuit::builder("").rule(TripRule::consecutive_failures(3).of(FailureKind::new("a"))),
        ),
    ] {
        assert_eq!(toml(text), expected.into_config(), "{text}");
    }
}

#[test]
fn rules_with_two_conditions_or_an_empty_kind_are_refused() {
    assert_refused(vec![
        (
            json!({ "rules": [{ "failure_rate": 0.5, "failure_count": 3 }] }),
            "`rules[0].condition` is one with 2 conditions: must be one with exactly one of \
             consecutive_failures, failure_rate, failure_count, slow_call_rate",
        ),
        (
            json!({ "rules": [{ "consecutive_failures": 1, "kind": "" }] }),
            "`rules[0].kind` is \"\": must be a name, such as \"connect\"",
        ),
    ]);
}

#[test]
fn a_config_takes_the_place_of_all_settings_before_it() {
    let config =
        Circuit::builder("").minimum_calls(3).config(CircuitConfig::default()).into_config();

    assert_eq!(config, CircuitConfig::default());
}
