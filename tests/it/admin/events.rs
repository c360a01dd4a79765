//! The stream of events.

use std::time::Duration;

use futures_util::FutureExt;
use http::Request;
use http_body_util::Full;
use serde_json::json;
use tower_circuit_breaker::{CircuitBuilder, CircuitRegistry, CircuitState, ManualClock};
use tower_circuit_breaker_admin::Admin;

use super::watching::{Event, Reader, reader, rows};
use super::{READ_TOKEN, TOKEN, ask, get, post, registry, steering};
use crate::support::{fail, ready_to_probe, succeed};

#[tokio::test(start_paused = true)]
async fn what_changes_after_the_rows_is_told_as_rows() {
    let (registry, _clock) = registry(&["plants", "prices"]);
    let admin = steering(&registry).build();
    let listed = get(&admin, "/circuits?form=rows").await.json;

    // Before the reader is there.
    fail(&registry.get("plants").unwrap());
    let place = listed["seq"].as_str().unwrap();
    let mut reader = Reader::open(&admin, &format!("/events?after={place}")).await;
    let change = reader.next_of("change").await;

    let (before, after) = (rows(&listed), rows(&change));
    assert_eq!(before.iter().map(|row| &row["state"]).collect::<Vec<_>>(), ["closed", "closed"]);
    assert_eq!(after.len(), 1, "{change}");
    assert_eq!((&after[0]["name"], &after[0]["state"]), (&json!("plants"), &json!("open")));
    assert_eq!(after[0]["id"], before[0]["id"]);
    assert_eq!((&change["health"], &listed["health"]), (&json!("degraded"), &json!("healthy")));
    assert_eq!(change["profiles"][0]["consecutive_failures"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_within_a_quarter_of_a_second() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;
    reader.next_of("tick").await;

    registry.get("plants").unwrap().trip();
    let told = tokio::time::timeout(Duration::from_millis(260), reader.next_of("change")).await;

    assert_eq!(rows(&told.expect("within a quarter of a second"))[0]["state"], "open");
}

#[tokio::test(start_paused = true)]
async fn a_command_within_a_state_is_told() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let plants = registry.get("plants").unwrap();
    plants.trip();
    let mut reader = reader(&admin).await;

    plants.trip_for(Duration::from_secs(7));
    let change = reader.next_of("change").await;

    let row = &rows(&change)[0];
    assert_eq!((&row["state"], &row["retry_after"]), (&json!("open"), &json!(7)), "{change}");
    assert_eq!(row["reason"], "operator");
}

#[tokio::test(start_paused = true)]
async fn a_recovery_without_an_answer_is_told() {
    let (registry, clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let plants = registry.get("plants").unwrap();
    ready_to_probe(&plants, &clock);
    let mut reader = reader(&admin).await;

    for _ in 0..16 {
        drop(plants.try_acquire().expect("a slot is free"));
        clock.advance(Duration::from_secs(4));
    }

    assert_eq!(rows(&reader.next_of("change").await)[0]["state"], "open");
}

#[tokio::test(start_paused = true)]
async fn a_tick_comes_each_second_whatever_happens() {
    let (registry, _clock) = registry(&["plants", "prices"]);
    registry.get("prices").unwrap().trip();
    registry.get("plants").unwrap().observe();
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;

    for _ in 0..5 {
        let next = tokio::time::timeout(Duration::from_millis(1300), reader.next()).await;
        let Event { name, json: tick, bytes, .. } = next.expect("a tick a second").unwrap();

        assert_eq!(name, "tick");
        assert_eq!(tick["circuits"], 2);
        assert_eq!((&tick["states"]["open"], &tick["states"]["observing"]), (&json!(1), &json!(1)));
        assert_eq!((&tick["health"], &tick["audit"]), (&json!("degraded"), &json!(0)));
        assert!(bytes < 600, "{bytes} bytes a second, where nothing happens");
    }
}

/// A tenth of all each second, so that ten thousand that are busy cost a reader little.
#[tokio::test(start_paused = true)]
async fn counts_of_each_circuit_come_within_ten_seconds_where_they_have_changed() {
    let names: Vec<_> = (0..30).map(|number| format!("upstream-{number}")).collect();
    let (registry, _clock) = registry(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;
    let listed = rows(&get(&admin, "/circuits?form=rows").await.json);
    let mut told = Vec::new();

    for _ in 0..12 {
        let busy = registry.get("upstream-7").unwrap();
        (0..50).for_each(|_| succeed(&busy));
        while let Some(event) = reader.next().await {
            match event.name.as_str() {
                "counts" => told.extend(rows(&event.json)),
                "tick" => break,
                other => panic!("{other}"),
            }
        }
    }

    let busy = listed.iter().find(|row| row["name"] == "upstream-7").unwrap();
    assert!(!told.is_empty());
    assert!(told.iter().all(|row| row["id"] == busy["id"]), "{told:?}");
    let rate = told.last().unwrap()["calls_per_second"].as_f64().unwrap();
    assert!((30.0..70.0).contains(&rate), "{rate} calls a second");
    assert_eq!(told.last().unwrap()["failure_share"], 0);
}

#[tokio::test(start_paused = true)]
async fn calls_that_begin_to_hang_are_told_though_none_has_ended() {
    let clock = ManualClock::new();
    let template = {
        let clock = clock.clone();
        move |builder: CircuitBuilder| {
            builder.stalled_calls(9, Duration::from_secs(1)).clock(clock.clone())
        }
    };
    let registry = CircuitRegistry::with_template(template);
    let _hung = registry.get_or_create("plants").try_acquire().unwrap();
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;

    clock.advance(Duration::from_secs(2));
    let change = reader.next_of("change").await;

    assert_eq!(rows(&change)[0]["stalled_calls"], 1, "{change}");
}

#[tokio::test(start_paused = true)]
async fn circuits_that_come_and_go_are_told() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let listed = rows(&get(&admin, "/circuits?form=rows").await.json);
    let mut reader = reader(&admin).await;

    registry.get_or_create("prices");
    let came = reader.next_of("change").await;
    registry.remove("plants");
    let gone = reader.next_of("change").await;
    registry.get_or_create("plants");
    let back = reader.next_of("change").await;

    assert_eq!(rows(&came)[0]["name"], "prices");
    assert_eq!(gone["removed"], json!([listed[0]["id"]]));
    assert_eq!(back["removed"], json!([]));
    assert_eq!(rows(&back)[0]["name"], "plants");
    assert_ne!(rows(&back)[0]["id"], listed[0]["id"], "it is another one");
}

/// What is told is for all readers: who said so, and why, is at `audit` for those who may see it.
#[tokio::test(start_paused = true)]
async fn commands_are_told_by_their_number_and_what_they_impose() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).token(TOKEN).read_token(READ_TOKEN).build();
    let open = async |token: &str| {
        let request = Request::get("/events").header("authorization", format!("Bearer {token}"));
        Reader::open_with(&admin, request).await
    };
    let (mut reading, mut steering) = (open(READ_TOKEN).await, open(TOKEN).await);
    reading.next_of("tick").await;
    steering.next_of("tick").await;

    let request = super::command("/circuits/plants/observe");
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let body = Full::from(r#"{"reason": "a secret", "for": "10m", "actor": "ann"}"#);
    assert_eq!(ask(&admin, request.body(body).unwrap()).await.status, 200);
    let (told, same) = (reading.next().await.unwrap(), steering.next().await.unwrap());

    assert_eq!(told, same, "the same for all");
    assert_eq!((told.name.as_str(), &told.json["audit"]), ("change", &json!(1)));
    let row = &rows(&told.json)[0];
    assert_eq!(row["overridden"], "observing");
    let left = row["override_ends"].as_u64().unwrap() - told.json["at"].as_u64().unwrap() / 1000;
    assert!((598..=600).contains(&left), "{left} s left");
    assert!(!told.json.to_string().contains("secret") && !told.json.to_string().contains("ann"));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_that_do_not_read_hold_up_nobody_and_keep_nothing() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let plants = registry.get("plants").unwrap();
    let mut slow = Vec::new();
    for _ in 0..1000 {
        slow.push(reader(&admin).await);
    }
    let mut fast = reader(&admin).await;

    for _ in 0..30 {
        plants.trip();
        assert_eq!(rows(&fast.next_of("change").await)[0]["state"], "open");
        plants.reset();
        assert_eq!(rows(&fast.next_of("change").await)[0]["state"], "closed");
    }

    for reader in &mut slow {
        assert_eq!(reader.next().await.unwrap().name, "gone");
        assert!(reader.next().now_or_never().is_none(), "nothing is kept for one reader");
    }
}

#[tokio::test]
async fn readers_beyond_the_limit_are_turned_away_until_one_leaves() {
    let admin = Admin::builder(CircuitRegistry::new()).build();
    let mut readers = Vec::new();
    for _ in 0..1024 {
        readers.push(Reader::open(&admin, "/events").await);
    }

    let beyond = get(&admin, "/events").await;
    readers.pop();
    Reader::open(&admin, "/events").await;

    assert_eq!(beyond.status, 503);
    assert_eq!(beyond.header("retry-after"), "10");
}

#[tokio::test(start_paused = true)]
async fn streams_end_when_they_are_told_to() {
    let admin = Admin::builder(CircuitRegistry::new()).build();
    let mut before = reader(&admin).await;

    admin.end_streams();
    let ended = tokio::time::timeout(Duration::from_millis(1), async {
        while before.next().await.is_some() {}
    });

    ended.await.expect("at once");
    assert!(Reader::open(&admin, "/events").await.next().await.is_none());
}

#[tokio::test]
async fn asking_for_the_head_of_the_events_ends() {
    let admin = Admin::builder(CircuitRegistry::new()).build();

    let answer = ask(&admin, Request::head("/events").body(Full::default()).unwrap()).await;

    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
}

#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_clock_that_panics_hides_no_other_circuit_and_ends_no_reader() {
    use tower_circuit_breaker::{Circuit, Clock};

    /// Panics while it is told to.
    struct Moody(std::sync::Arc<std::sync::atomic::AtomicBool>);

    impl Clock for Moody {
        fn now(&self) -> Duration {
            assert!(!self.0.load(std::sync::atomic::Ordering::SeqCst), "on purpose");
            Duration::ZERO
        }
    }

    let mood = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (registry, _clock) = registry(&["plants"]);
    let circuit = Circuit::builder("moody").clock(Moody(std::sync::Arc::clone(&mood))).build();
    registry.insert(&circuit).unwrap();
    let admin = Admin::builder(registry.clone()).build();
    let mut reader = reader(&admin).await;
    reader.next_of("tick").await;

    mood.store(true, std::sync::atomic::Ordering::SeqCst);
    registry.get("plants").unwrap().trip();
    let change = reader.next_of("change").await;
    let tick = reader.next_of("tick").await;
    mood.store(false, std::sync::atomic::Ordering::SeqCst);
    circuit.trip();
    let later = reader.next_of("change").await;

    assert_eq!((rows(&change).len(), &change["removed"]), (1, &json!([])), "{change}");
    assert_eq!(tick["circuits"], 2, "it is there, though nobody can see it");
    assert_eq!(rows(&later)[0]["name"], "moody");
    assert_eq!(circuit.state(), CircuitState::Open);
}

/// The reader's runtime goes on when that of the task that looks has gone.
#[test]
fn a_runtime_that_ends_leaves_the_readers_of_another_in_the_dark_for_a_moment_only() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    first.block_on(async { get(&admin, "/circuits?form=rows").await });
    drop(first);

    runtime().block_on(async {
        let mut reader = reader(&admin).await;
        let tick = tokio::time::timeout(Duration::from_secs(5), reader.next_of("tick")).await;
        tick.expect("another task has taken over");
    });
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_where_nobody_wants_to_know() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tower_circuit_breaker::{Circuit, Clock};

    struct Counted(std::sync::Arc<AtomicUsize>);

    impl Clock for Counted {
        fn now(&self) -> Duration {
            self.0.fetch_add(1, Ordering::SeqCst);
            Duration::ZERO
        }
    }

    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let registry = CircuitRegistry::new();
    let clock = Counted(std::sync::Arc::clone(&asked));
    registry.insert(&Circuit::builder("plants").clock(clock).build()).unwrap();
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;
    reader.next_of("tick").await;
    drop(reader);
    post(&admin, "/circuits/plants/reset", "{}").await;
    tokio::time::sleep(Duration::from_secs(20)).await;

    let before = asked.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;

    assert_eq!(asked.load(Ordering::SeqCst), before);
}
