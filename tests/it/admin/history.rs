//! What the circuits did in the last five minutes and the last hour.

use std::time::Duration;

use serde_json::{Value, json};
use tower_circuit_breaker::{Circuit, CircuitRegistry, ManualClock, Outcome};
use tower_circuit_breaker_admin::{Admin, History};

use super::{get, registry, registry_in_time, steering};
use crate::support::{fail, succeed};

const COLUMNS: [&str; 7] =
    ["admitted", "rejected", "failed", "shown", "p50_ms", "p95_ms", "p99_ms"];

fn keeping(registry: &CircuitRegistry, history: History) -> Admin {
    steering(registry).history(history).build()
}

/// Circuits that open at ten failures in a row: they have no window.
fn without_windows(names: &[&str]) -> CircuitRegistry {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(10));
    for name in names {
        registry.get_or_create(name);
    }
    registry
}

async fn five_minutes(admin: &Admin, name: &str) -> Value {
    let answer = get(admin, &format!("/circuits/history?name={name}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json
}

async fn hour(admin: &Admin, name: &str) -> Vec<Value> {
    let answer = get(admin, &format!("/circuits/{name}/history?last=1h")).await;
    assert_eq!(answer.json["columns"], json!(COLUMNS));
    assert_eq!((&answer.json["last"], &answer.json["every"]), (&json!("1h"), &json!(30)));
    answer.json["points"].as_array().unwrap().clone()
}

/// So many seconds, in each of which some calls succeed and some fail.
async fn pass(circuit: &Circuit, seconds: u64, successes: u32, failures: u32) {
    for _ in 0..seconds {
        (0..successes).for_each(|_| succeed(circuit));
        (0..failures).for_each(|_| fail(circuit));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_share_of_failures_comes_from_totals_where_there_is_no_window() {
    let registry = without_windows(&["plants"]);
    let admin = keeping(&registry, History::all());
    let plants = registry.get("plants").unwrap();
    assert_eq!(plants.snapshot().failure_rate(), None);

    // Between two readings, and none at the border of two points.
    tokio::time::sleep(Duration::from_millis(500)).await;
    pass(&plants, 9, 3, 1).await;
    pass(&plants, 1, 0, 0).await;
    pass(&plants, 9, 4, 0).await;
    pass(&plants, 11, 0, 0).await;
    let history = five_minutes(&admin, "plants").await;

    let failed = history["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 60);
    let known = [json!(25), json!(25), json!(0), json!(0), json!(null), json!(null), json!(null)];
    assert_eq!(failed[53..], known, "{failed:?}");
    assert!(failed[..53].iter().all(Value::is_null), "{failed:?}");
    assert_eq!(history["shown"].as_str().unwrap()[52..], *"-ccccccc");
}

#[tokio::test(start_paused = true)]
async fn an_hour_has_points_of_thirty_seconds_with_what_was_admitted_and_rejected() {
    let registry = without_windows(&["plants"]);
    let admin = keeping(&registry, History::all());
    let plants = registry.get("plants").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;

    pass(&plants, 29, 2, 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    plants.trip_for(Duration::from_secs(3600));
    (0..5).for_each(|_| drop(plants.try_acquire().unwrap_err()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let points = hour(&admin, "plants").await;

    assert_eq!(points.len(), 120);
    assert_eq!(points[118], json!([87, 0, 29, "closed"]));
    assert_eq!(points[119], json!([0, 5, 0, "open"]));
    assert!(points[..118].iter().all(Value::is_null), "nobody looked");
}

/// A circuit that opened and closed again between two readings was not closed all the time.
#[tokio::test(start_paused = true)]
async fn what_was_worst_within_a_point_is_shown() {
    let registry = registry_in_time(&["plants"]);
    let admin = keeping(&registry, History::all());
    let plants = registry.get("plants").unwrap();

    tokio::time::sleep(Duration::from_millis(6500)).await;
    plants.force_open();
    tokio::time::sleep(Duration::from_secs(1)).await;
    plants.release();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let history = five_minutes(&admin, "plants").await;

    assert!(history["shown"].as_str().unwrap().ends_with("cfc"), "{}", history["shown"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_points_are_kept_and_older_ones_leave() {
    let registry = without_windows(&["plants"]);
    let admin = keeping(&registry, History::all());
    let plants = registry.get("plants").unwrap();

    // All that is asked for is asked for amid a point.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    pass(&plants, 5, 0, 1).await;
    pass(&plants, 290, 1, 0).await;
    let before = five_minutes(&admin, "plants").await["failed"].clone();
    pass(&plants, 10, 1, 0).await;
    let after = five_minutes(&admin, "plants").await["failed"].clone();

    assert_eq!(before[0], 100, "{before}");
    assert!(after.as_array().unwrap()[..59].iter().all(|failed| *failed == 0), "{after}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_read_is_a_hole_and_neither_zero_nor_a_peak_afterwards() {
    let registry = without_windows(&["plants"]);
    let plants = registry.get("plants").unwrap();
    // Outside of a runtime, no task reads.
    let builder = steering(&registry).history(History::all());
    let admin = std::thread::spawn(|| builder.build()).join().unwrap();
    admin.sample();
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(1)).await;
        succeed(&plants);
        admin.sample();
    }

    (0..900).for_each(|_| succeed(&plants));
    tokio::time::advance(Duration::from_secs(60)).await;
    admin.sample();
    tokio::time::advance(Duration::from_secs(1)).await;
    succeed(&plants);
    admin.sample();
    let points = hour(&admin, "plants").await;

    assert_eq!(points[117], json!([3, 0, 0, "closed"]));
    assert_eq!(points[118], json!(null));
    assert_eq!(points[119], json!([1, 0, 0, "closed"]), "those of the minute are nowhere");
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_made_anew_under_its_name_has_no_fewer_calls_than_none() {
    let registry = without_windows(&["plants"]);
    let admin = keeping(&registry, History::of(["plants"]));
    pass(&registry.get("plants").unwrap(), 4, 9, 0).await;

    registry.remove("plants");
    let anew = registry.get_or_create("plants");
    pass(&anew, 4, 1, 0).await;
    let points = hour(&admin, "plants").await;

    let admitted = points[119][0].as_u64().unwrap();
    assert!((31..=40).contains(&admitted), "{admitted}");
}

#[tokio::test(start_paused = true)]
async fn only_those_that_are_asked_for_have_one() {
    let registry = without_windows(&["plants", "prices"]);
    let admin = keeping(&registry, History::of(["plants", "later"]));
    tokio::time::sleep(Duration::from_secs(2)).await;
    registry.get_or_create("later");
    tokio::time::sleep(Duration::from_secs(2)).await;

    for (name, status) in [("plants", 200), ("later", 200), ("prices", 404), ("gone", 404)] {
        let answer = get(&admin, &format!("/circuits/{name}/history")).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
    }
    let several = get(&admin, "/circuits/history?ids=1,2,3,99").await.json;
    let ids: Vec<_> = several["circuits"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!((ids.len(), several["unknown"].as_array().unwrap().len()), (2, 2), "{several}");
}

#[tokio::test(start_paused = true)]
async fn the_busiest_have_places_until_they_are_idle_for_an_hour() {
    let registry = without_windows(&["calm", "busy", "busier", "busiest"]);
    let admin = keeping(&registry, History::busiest(2));
    let call = |name: &str, calls| {
        let circuit = registry.get(name).unwrap();
        (0..calls).for_each(|_| succeed(&circuit));
    };
    let has_one =
        async |name: &str| get(&admin, &format!("/circuits/{name}/history")).await.status == 200;
    tokio::time::sleep(Duration::from_millis(1500)).await;

    for (name, calls) in [("calm", 0), ("busy", 1), ("busier", 5), ("busiest", 9)] {
        call(name, calls);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(has_one("busiest").await && has_one("busier").await);
    assert!(!has_one("busy").await && !has_one("calm").await);

    for minute in 0..62 {
        call("busiest", 1);
        call("busy", 50);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(has_one("busiest").await);
        assert_eq!(has_one("busy").await, minute >= 60, "after {minute} minutes");
    }
    assert!(!has_one("busier").await, "it had no call for an hour");
}

/// Keys come and go: what is kept is bounded by the circuits that are there.
#[tokio::test(start_paused = true)]
async fn circuits_that_have_gone_leave_nothing() {
    let registry = without_windows(&[]);
    let admin = keeping(&registry, History::all());
    tokio::time::sleep(Duration::from_secs(1)).await;

    for number in 0..50 {
        succeed(&registry.get_or_create(&format!("key-{number}")));
        tokio::time::sleep(Duration::from_secs(2)).await;
        registry.remove(&format!("key-{number}"));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    registry.get_or_create("key-0");
    tokio::time::sleep(Duration::from_secs(2)).await;

    let back = hour(&admin, "key-0").await;
    assert_eq!(back.iter().filter(|point| !point.is_null()).count(), 1, "{back:?}");
}

#[tokio::test(start_paused = true)]
async fn the_highest_of_a_day_are_shown_beside_it() {
    let registry = CircuitRegistry::with_template(|builder| {
        builder.consecutive_failures(10).stalled_calls(9, Duration::from_secs(5))
    });
    let plants = registry.get_or_create("plants");
    let admin = keeping(&registry, History::all());
    tokio::time::sleep(Duration::from_millis(1100)).await;

    pass(&plants, 3, 0, 2).await;
    pass(&plants, 30, 5, 0).await;
    let today = five_minutes(&admin, "plants").await["peaks"].clone();
    tokio::time::sleep(Duration::from_secs(25 * 60 * 60)).await;
    let tomorrow = five_minutes(&admin, "plants").await["peaks"].clone();

    assert_eq!((&today["failure_share"], &today["consecutive_failures"]), (&json!(1.0), &json!(6)));
    assert_eq!(tomorrow["consecutive_failures"], 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_history_the_answer_says_how_to_get_one() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    for path in ["/circuits/plants/history", "/circuits/history?ids=1"] {
        let answer = get(&admin, path).await;
        assert_eq!(answer.status, 404);
        assert!(answer.detail().contains("`AdminBuilder::history`"), "{}", answer.detail());
    }
}

/// The task ends with the service, and reads on after the runtime that it was on has gone.
#[test]
fn a_history_goes_on_in_another_runtime() {
    let registry = without_windows(&["plants"]);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let admin = runtime().block_on(async { keeping(&registry, History::all()) });

    let shown = runtime().block_on(async {
        get(&admin, "/summary").await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        five_minutes(&admin, "plants").await["shown"].clone()
    });

    assert!(shown.as_str().unwrap().ends_with('c'), "{shown}");
}

/// Calls that take so many milliseconds each, a hundred a second of tokio's clock.
async fn take(circuit: &Circuit, clock: &ManualClock, seconds: u64, millis: &[u64]) {
    for _ in 0..seconds {
        for millis in millis {
            let call = circuit.try_acquire().unwrap();
            clock.advance(Duration::from_millis(*millis));
            call.record(Outcome::Success);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn how_long_calls_took_is_kept_where_the_circuit_keeps_it() {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |it| it.latency().clock(template.clone()));
    let plants = registry.get_or_create("plants");
    registry.insert(&Circuit::builder("untimed").build()).unwrap();
    let admin = keeping(&registry, History::all());
    tokio::time::sleep(Duration::from_millis(100)).await;

    let mostly_fast: Vec<_> = (0..100).map(|call| if call < 90 { 10 } else { 300 }).collect();
    take(&plants, &clock, 29, &mostly_fast).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    take(&plants, &clock, 10, &[1_000; 40]).await;

    let points = hour(&admin, "plants").await;
    assert_eq!(points[118].as_array().unwrap()[4..], [json!(13), json!(390), json!(390)]);
    assert_eq!(points[119].as_array().unwrap()[4..], [json!(1100), json!(1100), json!(1100)]);
    let untimed = hour(&admin, "untimed").await;
    assert_eq!(untimed[118], json!([0, 0, 0, "closed"]));
    let peaks = five_minutes(&admin, "plants").await["peaks"].clone();
    assert_eq!(peaks["p99"], 1.101_235, "{peaks}");
    let detail = get(&admin, "/circuits/plants").await.json;
    assert_eq!(detail["latency"]["p99"], 1.101_235, "{}", detail["latency"]);
    assert_eq!(get(&admin, "/circuits/untimed").await.json["latency"], json!(null));
    let table = get(&admin, "/circuits?form=rows").await.json;
    let row = &super::watching::rows(&table)[0];
    assert_eq!((&row["name"], &row["p50_ms"]), (&json!("plants"), &json!(13)), "{row}");
}

#[tokio::test(start_paused = true)]
async fn after_half_a_minute_without_calls_no_latency_is_known() {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |it| it.latency().clock(template.clone()));
    let plants = registry.get_or_create("plants");
    let admin = keeping(&registry, History::all());
    tokio::time::sleep(Duration::from_millis(100)).await;

    take(&plants, &clock, 3, &[20]).await;
    let latency = async || get(&admin, "/circuits/plants").await.json["latency"].clone();
    assert_eq!(latency().await["p50"], 0.021_516);
    tokio::time::sleep(Duration::from_secs(32)).await;

    assert_eq!(latency().await, json!(null));
}
