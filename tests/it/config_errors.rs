//! What a wrong setting is told.

use serde_json::json;
use tower_circuit_breaker::CircuitConfig;

/// The message for a JSON object of settings that are wrong.
fn refusal(settings: serde_json::Value) -> String {
    serde_json::from_value::<CircuitConfig>(settings.clone())
        .expect_err(&settings.to_string())
        .to_string()
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
            json!({ "failure_rate_confident": 1, "confidence": 0.9 }),
            "`failure_rate_confident` is 1: must be a number above 0 and below 1, such as 0.5",
        ),
        (
            json!({ "failure_rate_confident": 0.3, "confidence": 95 }),
            "`confidence` is 95: must be a number above 0.5 and below 1, such as 0.95",
        ),
        (
            json!({ "failure_rate_confident": 0.3, "confidence": "high" }),
            "`confidence` is \"high\": must be a number above 0.5 and below 1, such as 0.95",
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
fn open_times_are_checked() {
    assert_refused(vec![
        (
            json!({ "open_backoff": { "first": "1s", "max": "1m", "factor": 0.5 } }),
            "`open_backoff.factor` is 0.5: must be a number from 1 to 100, such as 1.5",
        ),
        (
            json!({ "open_backoff": { "steps": [] } }),
            "`open_backoff.steps` is of 0: must be a list of 1 to 64 durations, such as \
             [\"5s\", \"5m\"]",
        ),
        (
            json!({ "open_backoff": { "steps": ["1s", "soon"] } }),
            "`open_backoff.steps[1]` is \"soon\": must be a duration longer than zero with its \
             unit, such as \"30s\" or \"1m 30s\"",
        ),
        (
            json!({ "open_backoff": { "steps": ["1s"], "max": "1m" } }),
            "`open_backoff.steps` is not alone: must be said alone: it gives each open time as it \
             is",
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
            json!({ "failure_rate_confident": 0.3 }),
            "`confidence` is missing: must be set together with failure_rate_confident, such as 0.95",
        ),
        (
            json!({ "confidence": 0.9 }),
            "`failure_rate_confident` is missing: must be set together with confidence, such as 0.5",
        ),
        (
            json!({ "slower_than": "2s" }),
            "`slow_call_rate` is missing: must be set together with slower_than, such as 0.5",
        ),
        (
            json!({ "throttle": 0.5 }),
            "`throttle` is 0.5: must be a number from 1 to 1000, such as 2",
        ),
        (
            json!({ "stalled_calls": 20 }),
            "`older_than` is missing: must be set together with stalled_calls, such as \"5s\"",
        ),
        (
            json!({ "rules": [{ "stalled_calls": 0, "older_than": "5s" }] }),
            "`rules[0].stalled_calls` is 0: must be a whole number from 1 to 4294967295",
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
             consecutive_failures, failure_rate, failure_rate_confident, failure_count, \
             slow_call_rate, stalled_calls",
        ),
        (
            json!({ "rules": [{ "failure_rate": 0.5, "kind": "dns" }] }),
            "`rules[0].kind` is \"dns\": must be left out: only a rule of consecutive_failures can \
             be about one kind",
        ),
        (
            json!({ "rules": [{ "failure_rate": 0.5, "lasting": "1s" }] }),
            "`rules[0].lasting` is \"1s\": must be left out: only a rule of consecutive_failures \
             lasts for some time",
        ),
        (
            json!({ "failure_rate": 0.5, "lasting": "1s" }),
            "`lasting` is \"1s\": must be left out: only a rule of consecutive_failures lasts for \
             some time",
        ),
        (
            json!({ "consecutive_failures": 5, "lasting": "0s" }),
            "`lasting` is \"0s\": must be a duration longer than zero with its unit, such as \
             \"30s\" or \"1m 30s\"",
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
fn messages_are_one_line_without_control_characters() {
    for text in [
        "window = 5",
        "open_backoff = true",
        "rules = [3]",
        "rules = [{ \"a\\u001bb\\nc\" = 3 }]",
        "probes = \"3\\n4\"",
    ] {
        let error = toml::from_str::<CircuitConfig>(text).unwrap_err();

        assert!(!error.message().contains(char::is_control), "{text}: {:?}", error.message());
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
        "1.s",
        ".5s",
        "1.5.5s",
        "1.0000000001s",
        "584542046090.9y 584542046090.9y",
        "99999999999999999999999999999999999999.5s",
        "5s 3",
        "\u{1f4a9}",
        "",
    ] {
        let message = refusal(json!({ "open_for": text }));

        assert!(message.starts_with("`open_for` is "), "{text}: {message}");
    }
}

#[test]
fn rules_with_two_conditions_or_an_empty_kind_are_refused() {
    assert_refused(vec![
        (
            json!({ "rules": [{ "failure_rate": 0.5, "failure_count": 3 }] }),
            "`rules[0].condition` is one with 2 conditions: must be one with exactly one of \
             consecutive_failures, failure_rate, failure_rate_confident, failure_count, \
             slow_call_rate, stalled_calls",
        ),
        (
            json!({ "rules": [{ "consecutive_failures": 1, "kind": "" }] }),
            "`rules[0].kind` is \"\": must be a name, such as \"connect\"",
        ),
    ]);
}

#[test]
fn a_rule_that_is_said_twice_is_refused_with_both_places() {
    assert_refused(vec![
        (
            json!({ "failure_rate": 0.5, "rules": [{ "failure_rate": 0.9 }] }),
            "`rules[0].failure_rate` is said twice: must be said in one place, and `failure_rate` \
             says it as well",
        ),
        (
            json!({ "rules": [
                { "consecutive_failures": 2, "kind": "connect" },
                { "consecutive_failures": 3 },
                { "consecutive_failures": 4, "kind": "connect" },
            ] }),
            "`rules[2].consecutive_failures` is said twice: must be said in one place, and \
             `rules[0].consecutive_failures` says it as well",
        ),
    ]);
}

#[test]
fn a_setting_that_is_said_twice_is_refused() {
    for text in [
        r#"{ "probes": 1, "probes": 2 }"#,
        r#"{ "failure_rate": 0.5, "failure_rate": 0.5 }"#,
        r#"{ "window": { "calls": 5 }, "window": { "calls": 5 } }"#,
        r#"{ "rules": [{ "failure_count": 5, "failure_count": 6 }] }"#,
    ] {
        let error = serde_json::from_str::<CircuitConfig>(text).unwrap_err().to_string();

        assert!(error.contains("duplicate field"), "{text}: {error}");
    }
}
