//! What has failed in the last five minutes, by kind.

use std::time::Duration;

use serde_json::{Value, json};
use tower_circuit_breaker::{Circuit, CircuitRegistry, FailureKind, Outcome};
use tower_circuit_breaker_admin::{Admin, History};

use super::{get, steering};
use crate::support::record;

/// Circuits that no failure opens.
fn patient(names: &[&str]) -> CircuitRegistry {
    let registry = CircuitRegistry::with_template(|it| it.consecutive_failures(u32::MAX));
    for name in names {
        registry.get_or_create(name);
    }
    registry
}

fn fail(circuit: &Circuit, kind: &'static str, failures: u32) {
    let kind = FailureKind::new(kind);
    (0..failures).for_each(|_| record(circuit, Outcome::Failure(kind)));
}

/// So many seconds, in each of which some calls fail.
async fn pass(circuit: &Circuit, seconds: u64, failures: &[(&'static str, u32)]) {
    for _ in 0..seconds {
        failures.iter().for_each(|(kind, failures)| fail(circuit, kind, *failures));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn detail(admin: &Admin, name: &str) -> Value {
    get(admin, &format!("/circuits/{name}")).await.json
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_last_five_minutes_add_up_by_kind() {
    let registry = patient(&["plants", "unkept"]);
    let plants = registry.get("plants").unwrap();
    fail(&plants, "connect", 7);
    let admin = steering(&registry).history(History::of(["plants"])).build();
    // Between two readings, and none at the border of two points.
    tokio::time::sleep(Duration::from_millis(500)).await;

    pass(&plants, 90, &[("connect", 2), ("timeout", 1)]).await;
    let begun = detail(&admin, "plants").await;
    pass(&plants, 20, &[]).await;
    pass(&plants, 100, &[("connect", 1), ("other", 3)]).await;
    pass(&plants, 180, &[("503", 2)]).await;
    let after = detail(&admin, "plants").await;
    pass(&plants, 400, &[]).await;
    let quiet = detail(&admin, "plants").await;

    let sums = |of: &Value| (of["failures_by_kind"].clone(), of["last_five_minutes"].clone());
    // What was before the first reading is in no five minutes.
    let expected = json!({ "connect": 180, "timeout": 90 });
    assert_eq!(begun["last_five_minutes"]["failures_by_kind"], expected, "{begun}");
    assert_eq!(begun["last_five_minutes"]["known_seconds"], 95, "with the point that goes on");
    let all = json!({ "other": 300, "connect": 287, "timeout": 90, "503": 360 });
    let last = json!({ "connect": 100, "other": 300, "503": 360 });
    let last = json!({ "failures_by_kind": last, "known_seconds": 300 });
    assert_eq!(sums(&after), (all.clone(), last));
    let none = json!({ "failures_by_kind": {}, "known_seconds": 300 });
    assert_eq!(sums(&quiet), (all, none));
    assert_eq!(detail(&admin, "unkept").await["last_five_minutes"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_read_is_in_no_five_minutes_and_they_say_how_much_they_know() {
    let registry = patient(&["plants"]);
    let plants = registry.get("plants").unwrap();
    // Outside of a runtime, no task reads.
    let builder = steering(&registry).history(History::all());
    let admin = std::thread::spawn(|| builder.build()).join().unwrap();
    let second = async |failures: u32| {
        tokio::time::advance(Duration::from_secs(1)).await;
        fail(&plants, "connect", failures);
        admin.sample();
    };
    admin.sample();
    for _ in 0..3 {
        second(2).await;
    }

    fail(&plants, "connect", 900);
    tokio::time::advance(Duration::from_secs(57)).await;
    admin.sample();
    second(1).await;
    second(1).await;

    let known = json!({ "failures_by_kind": { "connect": 8 }, "known_seconds": 10 });
    assert_eq!(detail(&admin, "plants").await["last_five_minutes"], known);
    // A service that has just started knows nothing of what was before.
    let anew = steering(&registry).history(History::all()).build();
    anew.sample();
    let none = json!({ "failures_by_kind": {}, "known_seconds": 0 });
    assert_eq!(detail(&anew, "plants").await["last_five_minutes"], none);
}

/// Another circuit of the name counts from nothing, also in another order of its kinds.
#[tokio::test(start_paused = true)]
async fn failures_of_a_circuit_that_was_made_anew_are_all_new() {
    let registry = patient(&["plants"]);
    let admin = steering(&registry).history(History::of(["plants"])).build();
    tokio::time::sleep(Duration::from_millis(500)).await;
    pass(&registry.get("plants").unwrap(), 4, &[("connect", 9)]).await;

    registry.remove("plants");
    pass(&registry.get_or_create("plants"), 4, &[("timeout", 1), ("connect", 1)]).await;

    let known = detail(&admin, "plants").await["last_five_minutes"]["failures_by_kind"].clone();
    assert_eq!(known, json!({ "connect": 40, "timeout": 4 }));
}
