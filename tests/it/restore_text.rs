//! Saved circuits as text, and what is taken from a file that nobody can vouch for.

use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower_circuit_breaker::{CircuitState, SavedCircuit};

use crate::support::{SECOND, circuit, rejection};

fn open() -> Value {
    json!({
        "version": 1,
        "name": "api",
        "state": "open",
        "time_left": 12.5,
        "open_for": 30,
        "backoff_step": 2,
        // A while to come: no time has passed.
        "saved_at": 32_503_680_000_i64,
    })
}

fn read(value: &Value) -> Result<SavedCircuit, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}

#[test]
fn what_is_written_comes_back() {
    let (circuit, clock) = circuit(|b| b);
    clock.advance(Duration::from_nanos(123_456_789));
    circuit.trip_for(Duration::from_nanos(987_654_321_987));
    clock.advance(Duration::from_nanos(1_111_111_111));
    let open = circuit.export();
    circuit.observe();
    let observed = circuit.export();
    circuit.force_open();
    let forced = circuit.export();
    for saved in [open.clone(), open.away_for(SECOND), observed, forced] {
        let as_json = serde_json::to_string(&saved).unwrap();
        let as_toml = toml::to_string(&saved).unwrap();

        assert_eq!(serde_json::from_str::<SavedCircuit>(&as_json).unwrap(), saved, "{as_json}");
        assert_eq!(toml::from_str::<SavedCircuit>(&as_toml).unwrap(), saved, "{as_toml}");
    }
}

#[test]
fn a_text_by_hand_is_taken() {
    let (circuit, _) = circuit(|b| b.restore(read(&open()).unwrap()));

    assert_eq!(rejection(&circuit).retry_after(), Some(Duration::from_millis(12_500)));
}

#[test]
fn the_wall_clock_says_how_long_the_process_was_away() {
    let mut saved = open();
    for (saved_at, state) in [(0, CircuitState::HalfOpen), (32_503_680_000_i64, CircuitState::Open)]
    {
        saved["saved_at"] = json!(saved_at);
        let (circuit, _) = circuit(|b| b.restore(read(&saved).unwrap()));

        let _ = circuit.try_acquire();

        assert_eq!(circuit.state(), state, "saved at {saved_at}");
    }
}

#[test]
fn what_cannot_be_is_named_with_what_is_allowed() {
    let seconds = "must be a number of seconds, 0 or more";
    let cases = [
        (
            "version",
            json!(2),
            "`version` is 2: must be 1: restore it with the release of the crate that wrote it, or \
             start without it"
                .to_owned(),
        ),
        (
            "version",
            Value::Null,
            "`version` is missing: must be 1: restore it with the release of the crate that wrote \
             it, or start without it"
                .to_owned(),
        ),
        ("state", json!("ajar"), "`state` is \"ajar\": must be closed, open or half_open".to_owned()),
        ("state", json!([1]), "`state` is a list: must be closed, open or half_open".to_owned()),
        ("time_left", json!(-1), format!("`time_left` is -1: {seconds}")),
        ("time_left", json!(1e300), format!("`time_left` is 1e300: {seconds}")),
        ("time_left", json!("12s"), format!("`time_left` is \"12s\": {seconds}")),
        ("open_for", Value::Null, format!("`open_for` is missing: {seconds}")),
        (
            "backoff_step",
            json!(-2),
            "`backoff_step` is -2: must be a whole number, or left out".to_owned(),
        ),
        (
            "overridden",
            json!("off"),
            "`overridden` is \"off\": must be forced_open, forced_closed or observing, or left out"
                .to_owned(),
        ),
        (
            "saved_at",
            json!(u64::MAX),
            "`saved_at` is 18446744073709551615: must be seconds since 1970".to_owned(),
        ),
        ("name", json!(7), "`name` is 7: must be the name of a circuit".to_owned()),
    ];
    for (field, value, expected) in cases {
        let mut saved = open();
        saved[field] = value;

        assert_eq!(read(&saved).unwrap_err(), expected);
    }
    let nan = toml::to_string(&open()).unwrap().replace("12.5", "nan");
    let error = toml::from_str::<SavedCircuit>(&nan).unwrap_err();
    assert_eq!(error.message(), format!("`time_left` is NaN: {seconds}"));
}

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop_oneof!["closed", "open", "half_open", "forced_open", "forced_closed", "observing"]
            .prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,9}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const FIELDS: [&str; 8] =
    ["version", "name", "state", "overridden", "time_left", "open_for", "backoff_step", "saved_at"];

/// A saved circuit of which a few fields are anything.
fn almost_right() -> impl Strategy<Value = Value> {
    vec((prop::sample::select(&FIELDS[..]), any_json()), 0..3).prop_map(|changes| {
        let mut saved = open();
        for (field, value) in changes {
            saved[field] = value;
        }
        saved
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn whatever_is_in_a_file_a_circuit_comes_of_it_that_recovers(
        value in prop_oneof![any_json(), almost_right()],
    ) {
        let saved = match read(&value) {
            Ok(saved) => saved,
            Err(message) => {
                prop_assert!(!message.contains(char::is_control), "{message:?}");
                return Ok(());
            }
        };
        let again = serde_json::to_value(&saved).unwrap();
        prop_assert!(read(&again).is_ok(), "{} as {}", value, again);

        let (circuit, clock) = circuit(|b| b.restore(saved));
        let snapshot = circuit.snapshot();
        prop_assert!(snapshot.retry_after.unwrap_or_default() <= 3600 * SECOND);
        circuit.release();
        clock.advance(3600 * SECOND);
        prop_assert!(circuit.try_acquire().is_ok());
    }

    #[test]
    fn whatever_bytes_are_in_a_file_they_do_not_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = serde_json::from_slice::<SavedCircuit>(&bytes);
        let _ = toml::from_slice::<SavedCircuit>(&bytes);
    }
}
