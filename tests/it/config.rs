//! Settings as text: TOML, JSON, environment variables.

use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Json, Serialized, Toml};
use tower_circuit_breaker::{
    Backoff, Circuit, CircuitConfig, CircuitState, FailureKind, SlidingWindow, TripRule,
};

use crate::support::{SECOND, fail, fail_as, rejection};

fn toml(text: &str) -> CircuitConfig {
    toml::from_str(text).expect(text)
}

const EVERYTHING: &str = r#"
    consecutive_failures = 5
    failure_rate = 0.25
    failure_rate_confident = 0.3
    confidence = 0.995
    failure_count = 100
    slow_call_rate = 0.8
    slower_than = "1s 500ms"
    stalled_calls = 20
    older_than = "5s"
    window = { time = "1m", buckets = 30 }
    minimum_calls = 7
    open_backoff = { first = "5s", max = "5m", jitter = false }
    probes = 3
    concurrent_probes = 2
    failed_probes_allowed = 1
    probe_timeout = "20s"
    abandoned_after = "3s"
    ramp = "1m"
    throttle = 2
    max_trip_for = "2h"

    [[rules]]
    consecutive_failures = 3
    kind = "connect"
    lasting = "2s"
    open_for = "1m 30s"
"#;

fn everything() -> CircuitConfig {
    Circuit::builder("any")
        .consecutive_failures(5)
        .failure_rate(0.25)
        .failure_rate_confident(0.3, 0.995)
        .failure_count(100)
        .slow_call_rate(0.8, Duration::from_millis(1500))
        .stalled_calls(20, Duration::from_secs(5))
        .window(SlidingWindow::time(60 * SECOND).buckets(30))
        .minimum_calls(7)
        .open_backoff(Backoff::exponential(5 * SECOND, 300 * SECOND).without_jitter())
        .probes(3)
        .concurrent_probes(2)
        .failed_probes_allowed(1)
        .probe_timeout(20 * SECOND)
        .abandoned_after(3 * SECOND)
        .ramp(60 * SECOND)
        .throttle(2.0)
        .max_trip_for(7200 * SECOND)
        .rule(
            TripRule::consecutive_failures(3)
                .of(FailureKind::new("connect"))
                .lasting(2 * SECOND)
                .open_for(90 * SECOND),
        )
        .into_config()
}

#[test]
fn text_means_what_the_setters_mean() {
    assert_eq!(toml(EVERYTHING), everything());
    assert_eq!(toml(""), CircuitConfig::default());
    let lasting = TripRule::consecutive_failures(5).lasting(SECOND);
    assert_eq!(
        toml("consecutive_failures = 5\nlasting = '1s'"),
        Circuit::builder("").rule(lasting).into_config()
    );
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
            .rule(TripRule::failure_rate_confident(0.1, 0.999).open_for(2 * SECOND))
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
    let set = Circuit::builder("api").config(CircuitConfig::default()).build();
    let unset = Circuit::builder("api").build();
    assert_eq!(set.config(), unset.config());

    for _ in 0..20 {
        fail(&set);
    }

    assert_eq!(set.state(), CircuitState::Open);
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
        (
            "open_backoff = { first = '5s', max = '50s', factor = 1.5 }",
            Circuit::builder("")
                .open_backoff(Backoff::exponential(5 * SECOND, 50 * SECOND).factor(1.5)),
        ),
        (
            "open_backoff = { steps = ['1s', '9s', '3s'] }",
            Circuit::builder("").open_by(|failed| match failed {
                0 => SECOND,
                1 => 9 * SECOND,
                _ => 3 * SECOND,
            }),
        ),
        ("failed_probes_allowed = 0", Circuit::builder("").failed_probes_allowed(0)),
        ("failure_rate = 1", Circuit::builder("").failure_rate(1.0)),
    ] {
        assert_eq!(toml(text), expected.into_config(), "{text}");
    }
}

#[test]
fn a_config_takes_the_place_of_all_settings_before_it() {
    let config =
        Circuit::builder("").minimum_calls(3).config(CircuitConfig::default()).into_config();

    assert_eq!(config, CircuitConfig::default());
}

#[test]
fn durations_may_have_decimals() {
    for (text, whole) in [
        ("0.5s", "500ms"),
        ("1.5m", "90s"),
        ("1.25h 0.5s", "75m 500ms"),
        ("0.000000001s", "1ns"),
        ("1.999999999 s", "1s 999999999ns"),
    ] {
        let config = |duration: &str| toml(&format!("open_for = '{duration}'"));

        assert_eq!(config(text), config(whole), "{text}");
    }
}
