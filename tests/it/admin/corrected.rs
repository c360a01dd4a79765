//! Readers who are shown something between two looks, and what they are told afterwards.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tower_circuit_breaker::{CircuitGroup, CircuitRegistry, ManualClock, Outcome};
use tower_circuit_breaker_admin::Admin;

use super::watching::{Reader, after, believed, events, rows};
use super::{get, registry, steering};

/// What rows show of `column` after `change`, and what their reader believes of it once all is as it
/// was again: both between two looks.
async fn shown_and_believed<T>(
    admin: &Admin,
    column: &str,
    change: impl FnOnce() -> T,
    back: impl FnOnce(T),
) -> (Value, Value) {
    get(admin, "/circuits?form=rows").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let changed = change();
    let listed = get(admin, "/circuits?form=rows").await.json;
    back(changed);
    let mut reader = after(admin, &listed).await;
    let told = events(&mut reader, 30).await;
    (rows(&listed)[0][column].clone(), believed(&listed, &told, "plants", column))
}

/// Circuits whose calls hang after a second, nine of which trip them.
fn watched() -> (CircuitRegistry, ManualClock) {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |builder| {
        builder.stalled_calls(9, Duration::from_secs(1)).clock(template.clone())
    });
    (registry, clock)
}

#[tokio::test(start_paused = true)]
async fn rows_that_saw_an_isolation_between_two_looks_are_corrected() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let group = CircuitGroup::new("vendor");
    group.add(&registry.get("plants").unwrap());

    let seen = shown_and_believed(&admin, "isolations", || group.isolate(), drop).await;

    assert_eq!(seen, (json!(1), json!(null)));
}

#[tokio::test(start_paused = true)]
async fn rows_that_saw_a_second_isolation_are_corrected() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let (one, other) = (CircuitGroup::new("one"), CircuitGroup::new("other"));
    one.add(&registry.get("plants").unwrap());
    other.add(&registry.get("plants").unwrap());
    let _one = one.isolate();

    let seen = shown_and_believed(&admin, "isolations", || other.isolate(), drop).await;

    assert_eq!(seen, (json!(2), json!(1)));
}

#[tokio::test(start_paused = true)]
async fn rows_that_saw_an_override_between_two_looks_are_corrected() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let plants = registry.get("plants").unwrap();

    let (change, back) = (|| plants.observe(), |()| plants.release());
    let seen = shown_and_believed(&admin, "overridden", change, back).await;

    assert_eq!(seen, (json!("observing"), json!(null)));
}

#[tokio::test(start_paused = true)]
async fn rows_that_saw_an_override_of_an_open_circuit_are_corrected() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let plants = registry.get("plants").unwrap();
    plants.trip();

    let (change, back) = (|| plants.observe(), |()| plants.release());
    let seen = shown_and_believed(&admin, "overridden", change, back).await;

    assert_eq!(seen, (json!("observing"), json!(null)));
}

#[tokio::test(start_paused = true)]
async fn rows_that_saw_a_hung_call_between_two_looks_are_corrected() {
    let (registry, clock) = watched();
    let plants = registry.get_or_create("plants");
    let admin = steering(&registry).build();
    let call = plants.try_acquire().unwrap();

    let change = || clock.advance(Duration::from_secs(2));
    let back = |()| call.record(Outcome::Success);
    let seen = shown_and_believed(&admin, "stalled_calls", change, back).await;

    assert_eq!(seen, (json!(1), json!(null)));
}

#[tokio::test(start_paused = true)]
async fn rows_that_saw_a_circuit_that_was_then_made_anew_are_corrected() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    let change = || registry.get("plants").unwrap().trip();
    let back = |()| {
        registry.remove("plants");
        registry.get_or_create("plants");
    };
    let seen = shown_and_believed(&admin, "state", change, back).await;

    assert_eq!(seen, (json!("open"), json!("closed")));
}

#[tokio::test(start_paused = true)]
async fn more_hung_calls_are_told() {
    let (registry, clock) = watched();
    let plants = registry.get_or_create("plants");
    let admin = steering(&registry).build();
    let first = plants.try_acquire().unwrap();
    clock.advance(Duration::from_secs(2));
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let _hung: Vec<_> = (0..3).map(|_| plants.try_acquire().unwrap()).collect();
    clock.advance(Duration::from_secs(2));
    let mut reader = after(&admin, &listed).await;
    let told = events(&mut reader, 12).await;
    drop(first);

    assert_eq!(believed(&listed, &told, "plants", "stalled_calls"), 4);
}

#[tokio::test(start_paused = true)]
async fn settings_and_weight_of_a_circuit_that_change_are_told() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut reader = after(&admin, &listed).await;
    registry.mark_critical("plants");
    let told = events(&mut reader, 12).await;

    assert_eq!(believed(&listed, &told, "plants", "critical"), 1);
}

/// What a reader of the rows needs of a storm.
#[tokio::test(start_paused = true)]
async fn circuits_that_come_in_crowds_are_told_with_their_names() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut reader = after(&admin, &listed).await;
    reader.next_of("tick").await;
    for number in 0..300 {
        registry.get_or_create(&format!("new-{number}"));
    }
    let told = events(&mut reader, 3).await;

    let changes = told.iter().filter(|event| event.name.starts_with("change"));
    let named = changes.flat_map(|event| rows(&event.json)).filter(|row| row["name"].is_string());
    assert_eq!(named.count(), 300, "a number alone says nothing of what has come");
}

/// Whoever reads only the stream after the rows.
#[tokio::test(start_paused = true)]
async fn hung_calls_that_end_in_crowds_are_told() {
    let (registry, clock) = watched();
    let calls: Vec<_> = (0..300)
        .map(|number| registry.get_or_create(&format!("plants-{number}")).try_acquire().unwrap())
        .collect();
    let admin = steering(&registry).build();
    clock.advance(Duration::from_secs(2));
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut reader = after(&admin, &listed).await;
    reader.next_of("tick").await;
    calls.into_iter().for_each(|call| call.record(Outcome::Success));
    let told = events(&mut reader, 12).await;

    let told = told.iter().filter(|event| event.name.starts_with("change"));
    let calm = told.flat_map(|event| rows(&event.json));
    let calm = calm.filter(|row| row["stalled_calls"].is_null()).map(|row| row["id"].to_string());
    assert_eq!(rows(&listed)[0]["stalled_calls"], 1);
    assert_eq!(calm.collect::<BTreeSet<_>>().len(), 300, "that they hang no more");
}

/// The percentiles of a row that somebody reads by the stream.
#[tokio::test(start_paused = true)]
async fn percentiles_and_nearness_that_change_are_told() {
    let clock = ManualClock::new();
    let template = clock.clone();
    let registry = CircuitRegistry::with_template(move |it| {
        it.latency().consecutive_failures(100).clock(template.clone())
    });
    let plants = registry.get_or_create("plants");
    let admin = steering(&registry).build();
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut reader = after(&admin, &listed).await;
    for _ in 0..15 {
        for _ in 0..6 {
            let call = plants.try_acquire().unwrap();
            clock.advance(Duration::from_secs(2));
            call.record(Outcome::Failure(tower_circuit_breaker::FailureKind::OTHER));
        }
        reader.next_of("tick").await;
    }
    let now = rows(&get(&admin, "/circuits?form=rows").await.json)[0].clone();
    let mut reader =
        Reader::open(&admin, &format!("/events?after={}", listed["seq"].as_str().unwrap())).await;
    let told = events(&mut reader, 12).await;
    let is_told = told.iter().any(|event| event.json.to_string().contains("p99_ms"));
    assert!(is_told, "p99 went from none to {}, nearness to {}", now["p99_ms"], now["nearness"]);
}

/// The task that looks goes to sleep 15 s after the last who asked.
#[tokio::test(start_paused = true)]
async fn no_change_is_lost_while_the_task_goes_to_sleep() {
    for late in (13_500..17_000).step_by(35) {
        for between in [0, 5, 130] {
            let (registry, _clock) = registry(&["plants"]);
            let admin = steering(&registry).build();
            get(&admin, "/circuits?form=rows").await;
            tokio::time::sleep(Duration::from_millis(late)).await;
            let listed = get(&admin, "/circuits?form=rows").await.json;
            tokio::time::sleep(Duration::from_millis(between)).await;
            registry.get("plants").unwrap().trip();
            tokio::time::sleep(Duration::from_millis(between)).await;
            let mut reader = after(&admin, &listed).await;
            let told = events(&mut reader, 3).await;
            let is_known = told.iter().any(|event| event.name == "gone")
                || believed(&listed, &told, "plants", "state") == "open";
            assert!(is_known, "{late} {between}: {told:?}");
        }
    }
}

/// Keys come and go, and one looks at the circuits by name and number.
#[tokio::test(start_paused = true)]
async fn an_id_names_one_circuit_for_ever() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let before = rows(&get(&admin, "/circuits?form=rows").await.json)[0]["id"].clone();
    // Nobody looks any more.
    tokio::time::sleep(Duration::from_secs(60)).await;
    registry.remove("plants");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    registry.get_or_create("plants");
    let after = rows(&get(&admin, "/circuits?form=rows").await.json)[0]["id"].clone();
    assert_ne!(before, after, "an hour later it is another one");
}
