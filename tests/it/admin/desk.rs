//! What the page needs of many circuits at once, besides their states.

use std::time::Duration;

use http::Request;
use serde_json::{Value, json};
use tower_circuit_breaker::{Circuit, CircuitRegistry, ManualClock, OverrideOrder};

use super::access::{guarded, with_token};
use super::watching::rows;
use super::{READ_TOKEN, TOKEN, get, registry, steering};
use crate::support::{SECOND, fail};

#[tokio::test]
async fn the_words_of_overrides_stand_in_lists_for_those_who_may_steer() {
    let (registry, _clock) = registry(&["plants", "prices", "people"]);
    let plants = registry.get("plants").unwrap();
    plants.impose(OverrideOrder::force_open().said_by("ann").reason("INC-1"));
    let _held = registry.get("prices").unwrap().isolate_because("maintenance");
    let admin = guarded(&registry).build();
    let list = || Request::get("/circuits");

    let operator = with_token(&admin, list(), TOKEN).await;
    let reader = with_token(&admin, list(), READ_TOKEN).await;

    let circuits = operator.json["circuits"].as_array().unwrap();
    let words = json!({ "actor": "ann", "actor_checked": false, "reason": "INC-1" });
    assert_eq!(circuits[1]["override_words"], words, "{}", operator.text);
    assert_eq!(circuits[2]["isolation_reasons"], json!(["maintenance"]));
    assert_eq!(circuits[0].get("override_words"), None, "none is in force");
    for said in ["ann", "INC-1", "maintenance"] {
        assert!(!reader.text.contains(said), "{said} in {}", reader.text);
    }
}

#[tokio::test]
async fn a_row_says_when_all_calls_are_admitted_again() {
    let clock = ManualClock::new();
    let registry = CircuitRegistry::new();
    let set = |name| Circuit::builder(name).consecutive_failures(1).open_for(SECOND);
    let ramping = set("ramping").ramp(60 * SECOND).clock(clock.clone()).build();
    let throttled = set("throttled").throttle(1.1).clock(clock.clone()).build();
    for circuit in [&ramping, &throttled] {
        registry.insert(circuit).unwrap();
    }
    fail(&ramping);
    clock.advance(SECOND);
    let _ = ramping.run(|| Ok::<_, ()>(()));
    clock.advance(10 * SECOND);
    let ends = |answer: Value| -> Vec<Value> {
        rows(&answer).iter().map(|row| row["ramp_ends"].clone()).collect()
    };

    let answer = get(&steering(&registry).build(), "/circuits?form=rows").await.json;
    let at = Duration::from_millis(answer["at"].as_u64().unwrap());
    let [ends_at, none] = ends(answer).try_into().unwrap();
    assert_eq!(none, Value::Null, "a throttle ends by itself");
    let left = ends_at.as_u64().unwrap() - at.as_secs();
    assert!((49..=50).contains(&left), "{left} s");

    clock.advance(60 * SECOND);
    let answer = get(&steering(&registry).build(), "/circuits?form=rows").await.json;
    assert_eq!(ends(answer), [Value::Null, Value::Null]);
}
