//! Rates, percentiles and points of a time in which nobody looked, or another circuit had the name.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tower_circuit_breaker::{Circuit, CircuitRegistry, ManualClock, Outcome};
use tower_circuit_breaker_admin::History;

use super::watching::{Reader, Slow, rows};
use super::{get, registry, steering};
use crate::support::{fail, succeed};

#[tokio::test(start_paused = true)]
async fn the_share_of_failures_of_ten_seconds_has_none_of_an_hour_ago() {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(10_000));
    let plants = registry.get_or_create("plants");
    let admin = steering(&registry).build();
    get(&admin, "/circuits?form=rows").await;
    tokio::time::sleep(Duration::from_secs(60)).await;

    (0..1000).for_each(|_| fail(&plants));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    get(&admin, "/summary").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let row = rows(&get(&admin, "/circuits?form=rows").await.json)[0].clone();

    assert_eq!(row["failure_share"], json!(null), "no call within ten seconds: {row}");
}

#[tokio::test(start_paused = true)]
async fn a_peak_is_of_ten_seconds_and_not_of_what_nobody_read() {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(10_000));
    let plants = registry.get_or_create("plants");
    let builder = steering(&registry).history(History::all());
    let admin = std::thread::spawn(|| builder.build()).join().unwrap();
    admin.sample();
    tokio::time::advance(Duration::from_secs(1)).await;
    succeed(&plants);
    admin.sample();
    // Of a minute, a few fail, and not within any ten seconds more than a half.
    (0..30).for_each(|_| fail(&plants));
    tokio::time::advance(Duration::from_secs(60)).await;
    admin.sample();
    let json = get(&admin, "/circuits/plants/history").await.json;

    assert_eq!(json["peaks"]["failure_share"], 0.0, "{}", json["peaks"]);
}

#[tokio::test(start_paused = true)]
async fn a_point_of_a_gap_is_a_hole_and_no_zero() {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(10));
    let plants = registry.get_or_create("plants");
    let builder = steering(&registry).history(History::all());
    let admin = std::thread::spawn(|| builder.build()).join().unwrap();
    admin.sample();
    for _ in 0..3 {
        (0..900).for_each(|_| succeed(&plants));
        tokio::time::advance(Duration::from_secs(60)).await;
        admin.sample();
    }
    let json = get(&admin, "/circuits/plants/history?last=1h").await.json;

    let points = json["points"].as_array().unwrap();
    assert!(
        points[113..].iter().all(|point| point.is_null() || point[0] != 0),
        "2,700 calls have ended: {:?}",
        &points[113..],
    );
}

#[tokio::test(start_paused = true)]
async fn a_latency_of_half_a_minute_is_of_no_call_an_hour_ago() {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |it| it.latency().clock(template.clone()));
    let plants = registry.get_or_create("plants");
    let admin = steering(&registry).build();
    get(&admin, "/circuits?form=rows").await;
    tokio::time::sleep(Duration::from_secs(60)).await;

    for _ in 0..1000 {
        let call = plants.try_acquire().unwrap();
        clock.advance(Duration::from_secs(1));
        call.record(Outcome::Success);
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    get(&admin, "/summary").await;
    let mut said = Vec::new();
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        said.push(rows(&get(&admin, "/circuits?form=rows").await.json)[0]["p50_ms"].clone());
    }

    let wrong = said.iter().filter(|it| !it.is_null()).count();
    assert_eq!(wrong, 0, "of 30 seconds after an hour without a call: {said:?}");
}

#[tokio::test(start_paused = true)]
async fn the_latency_of_a_circuit_that_was_made_anew_is_its_own() {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |it| it.latency().clock(template.clone()));
    let call = |millis: u64| {
        let call = registry.get_or_create("plants").try_acquire().unwrap();
        clock.advance(Duration::from_millis(millis));
        call.record(Outcome::Success);
    };
    registry.get_or_create("plants");
    let admin = steering(&registry).history(History::all()).build();
    tokio::time::sleep(Duration::from_millis(100)).await;
    (0..1000).for_each(|_| call(10));
    tokio::time::sleep(Duration::from_secs(40)).await;

    registry.remove("plants");
    for _ in 0..5 {
        (0..100).for_each(|_| call(10));
        call(1000);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let detail = get(&admin, "/circuits/plants").await.json["latency"].clone();
    let points = get(&admin, "/circuits/plants/history?last=1h").await.json["points"].clone();

    assert_eq!(
        detail["p50"], 0.012_732,
        "500 calls of 10 ms and five of a second: {detail}, {}",
        points[119]
    );
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_circuit_that_was_made_anew_are_all_counted() {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(10));
    let plants = registry.get_or_create("plants");
    let admin = steering(&registry).history(History::all()).build();
    tokio::time::sleep(Duration::from_millis(100)).await;
    (0..50).for_each(|_| succeed(&plants));
    tokio::time::sleep(Duration::from_secs(2)).await;
    registry.remove("plants");
    let plants = registry.get_or_create("plants");
    (0..60).for_each(|_| succeed(&plants));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let points = get(&admin, "/circuits/plants/history?last=1h").await.json["points"].clone();

    assert_eq!(points[119][0], 110, "{}", points[119]);
}

#[tokio::test(start_paused = true)]
async fn before_two_readings_a_tick_knows_no_rates() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let plants = registry.get("plants").unwrap();
    (0..100).for_each(|_| succeed(&plants));
    let mut reader = Reader::open(&admin, "/events").await;

    let tick = reader.next_of("tick").await;
    assert_eq!(tick["calls_per_second"], json!(null), "{tick}");
}

#[tokio::test(start_paused = true)]
async fn calls_a_second_are_of_the_last_seconds_and_not_of_the_hour() {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(10));
    let plants = registry.get_or_create("plants");
    let admin = steering(&registry).build();
    get(&admin, "/circuits?form=rows").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    (0..36_000).for_each(|_| succeed(&plants));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let summary = get(&admin, "/summary").await.json;
    assert!(
        summary["calls_per_second"].is_null() || summary["calls_per_second"] == 0,
        "no call within an hour: {}",
        summary["calls_per_second"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_circuit_says_no_rates_while_nobody_counts() {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |it| it.latency().clock(template.clone()));
    let plants = registry.get_or_create("plants");
    let admin = steering(&registry).build();
    get(&admin, "/circuits?form=rows").await;
    for _ in 0..10 {
        (0..100).for_each(|_| succeed(&plants));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    (0..100).for_each(|_| succeed(&plants));
    tokio::time::sleep(Duration::from_secs(1)).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;

    let detail = get(&admin, "/circuits/plants").await.json;
    assert_eq!(
        (&detail["calls_per_second"], &detail["failure_share"], &detail["latency"]),
        (&json!(null), &json!(null), &json!(null)),
        "an hour after the last call"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_circuits_first_second_are_in_the_percentiles_as_in_the_rates() {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |it| it.latency().clock(template.clone()));
    let admin = steering(&registry).history(History::all()).build();
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let plants = registry.get_or_create("plants");
    for _ in 0..100 {
        let call = plants.try_acquire().unwrap();
        clock.advance(Duration::from_millis(10));
        call.record(Outcome::Success);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let points = get(&admin, "/circuits/plants/history?last=1h").await.json["points"].clone();

    assert_eq!(points[119], json!([100, 0, 0, "closed", 13, 13, 13]));
}

#[tokio::test(start_paused = true)]
async fn a_share_of_ten_seconds_is_of_ten_seconds_however_often_it_is_read() {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(10_000));
    let plants = registry.get_or_create("plants");
    let builder = steering(&registry).history(History::all());
    let admin = std::thread::spawn(|| builder.build()).join().unwrap();
    admin.sample();
    (0..100).for_each(|_| fail(&plants));
    for _ in 0..8 {
        tokio::time::advance(Duration::from_secs(5)).await;
        succeed(&plants);
        admin.sample();
    }
    let detail = get(&admin, "/circuits/plants").await.json;
    assert_eq!(detail["failure_share"], 0.0, "the last failure is 40 s ago");
}

/// Built before the runtime, as in many a `main`.
#[tokio::test(start_paused = true)]
async fn the_first_request_begins_the_history() {
    let (registry, _clock) = registry(&["plants"]);
    let builder = steering(&registry).history(History::all());
    let admin = std::thread::spawn(|| builder.build()).join().unwrap();
    get(&admin, "/health").await;
    get(&admin, "/circuits/plants/history").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let shown = get(&admin, "/circuits/plants/history").await.json["shown"].clone();

    assert!(shown.as_str().unwrap().ends_with("cccccccccccc"), "{shown}");
}

/// Without a history, asking for one is no work.
#[tokio::test(start_paused = true)]
async fn asking_for_a_history_that_is_not_kept_looks_at_nothing() {
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let registry = CircuitRegistry::new();
    let clock = Slow(Arc::clone(&asked), Duration::ZERO);
    registry.insert(&Circuit::builder("plants").clock(clock).build()).unwrap();
    let admin = steering(&registry).build();
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(get(&admin, "/circuits/plants/history").await.status, 404);
    assert_eq!(asked.load(Ordering::SeqCst), before);
}

/// Nobody ever asks for rows.
#[tokio::test(start_paused = true)]
async fn circuits_that_were_looked_at_one_by_one_leave_nothing() {
    let (registry, _clock) = registry(&[]);
    let admin = steering(&registry).build();
    let mut names = Vec::new();
    for number in 0..50 {
        let circuit = registry.get_or_create(&format!("key-{number}"));
        names.push(circuit.snapshot().name);
        drop(circuit);
        get(&admin, &format!("/circuits/key-{number}")).await;
        registry.remove(&format!("key-{number}"));
        tokio::time::sleep(Duration::from_secs(60)).await;
    }

    let kept = names.iter().filter(|name| Arc::strong_count(name) > 1).count();
    assert_eq!(kept, 0, "names of circuits that are no more");
}
