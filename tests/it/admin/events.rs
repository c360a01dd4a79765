//! The stream of events.

use std::time::Duration;

use futures_util::FutureExt;
use http::Request;
use http::request::Builder;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower_circuit_breaker::{CircuitBuilder, CircuitRegistry, CircuitState, ManualClock};
use tower_circuit_breaker_admin::{Admin, AdminBody};

use super::{READ_TOKEN, TOKEN, ask, from_here, get, post, registry, send, steering};
use crate::support::{fail, fail_as, ready_to_probe, succeed};

/// Reads events as a browser would.
struct Reader {
    body: AdminBody,
}

impl Reader {
    async fn open(admin: &Admin) -> Self {
        Self::open_with(admin, from_here(Request::get("/events"))).await
    }

    async fn open_with(admin: &Admin, request: Builder) -> Self {
        let response = send(admin, request.body(Full::default()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body() }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        let data = self.body.frame().await?.unwrap().into_data().unwrap();
        let text = String::from_utf8(data.to_vec()).unwrap();
        let (name, json) = text
            .strip_prefix("event: ")
            .and_then(|rest| rest.strip_suffix("\n\n")?.split_once("\ndata: "))
            .unwrap_or_else(|| panic!("no event: {text:?}"));
        Some((name.to_owned(), serde_json::from_str(json).unwrap()))
    }

    /// The next event of this name.
    async fn next_of(&mut self, wanted: &str) -> Value {
        for _ in 0..40 {
            let (name, json) = self.next().await.unwrap();
            if name == wanted {
                return json;
            }
        }
        panic!("no {wanted} among 40 events");
    }
}

/// A reader that has read what is there at the beginning.
async fn reader(admin: &Admin) -> Reader {
    let mut reader = Reader::open(admin).await;
    reader.next_of("counts").await;
    reader
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_comes_first_and_then_what_changes() {
    let (registry, _clock) = registry(&["plants", "prices"]);
    let admin = steering(&registry).build();
    let mut reader = Reader::open(&admin).await;

    let (name, first) = reader.next().await.unwrap();
    reader.next_of("counts").await;
    fail(&registry.get("plants").unwrap());
    let change = reader.next_of("change").await;

    assert_eq!(name, "snapshot");
    assert_eq!(first["control"], true);
    assert_eq!(first["health"], "healthy");
    assert_eq!(first["circuits"].as_array().unwrap().len(), 2);
    assert_eq!(change["health"], "degraded");
    assert_eq!(change["circuits"].as_array().unwrap().len(), 1, "{change}");
    assert_eq!(change["circuits"][0]["name"], "plants");
    assert_eq!(change["circuits"][0]["state"], "open");
    assert_eq!(change["circuits"][0]["recent_events"][0]["event"]["to"], "open");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_within_a_tick() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;

    registry.get("plants").unwrap().trip();
    let told = tokio::time::timeout(Duration::from_millis(251), reader.next_of("change")).await;

    assert_eq!(told.expect("within a quarter of a second")["circuits"][0]["state"], "open");
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
    let asked = get(&admin, "/circuits/plants/events").await;

    let told = &change["circuits"][0]["recent_events"][1]["event"];
    assert_eq!(told, &asked.json["events"][1]["event"]);
    assert_eq!(told["event"], "renewed", "{told}");
    assert_eq!((&told["state"], &told["reason"]), (&json!("open"), &json!("operator")));
    assert_eq!((&told["open_for"], &told["epoch"]), (&json!(7.0), &json!(3)));
}

#[tokio::test(start_paused = true)]
async fn a_recovery_without_an_answer_is_told_with_its_reason() {
    let (registry, clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let plants = registry.get("plants").unwrap();
    ready_to_probe(&plants, &clock);
    let mut reader = reader(&admin).await;

    for _ in 0..16 {
        drop(plants.try_acquire().expect("a slot is free"));
        clock.advance(Duration::from_secs(4));
    }
    let change = reader.next_of("change").await;

    let told = &change["circuits"][0]["recent_events"][2]["event"];
    assert_eq!((&told["from"], &told["to"]), (&json!("half_open"), &json!("open")), "{change}");
    assert_eq!(told["reason"], "probes_unanswered");
}

#[tokio::test(start_paused = true)]
async fn counts_come_each_second_for_those_that_were_called() {
    let (registry, _clock) = registry(&["plants", "prices"]);
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;

    succeed(&registry.get("prices").unwrap());
    fail_as(&registry.get("prices").unwrap(), "connect");
    let busy = tokio::time::timeout(Duration::from_millis(1300), reader.next_of("counts")).await;
    let idle = tokio::time::timeout(Duration::from_millis(1300), reader.next_of("counts")).await;

    let busy = busy.unwrap();
    assert_eq!(busy["circuits"].as_array().unwrap().len(), 1, "{busy}");
    assert_eq!(busy["circuits"][0]["name"], "prices");
    assert_eq!(busy["circuits"][0]["totals"]["successes"], 1);
    assert_eq!(busy["circuits"][0]["failures_by_kind"], json!({ "other": 0, "connect": 1 }));
    assert_eq!(idle.unwrap()["circuits"].as_array().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn counts_tell_how_many_calls_in_a_row_have_failed() {
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(5));
    registry.get_or_create("plants");
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;

    fail(&registry.get("plants").unwrap());
    fail(&registry.get("plants").unwrap());
    let counts = reader.next_of("counts").await;

    assert_eq!(counts["circuits"][0]["consecutive_failures"], 2, "{counts}");
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
    let counts = reader.next_of("counts").await;

    assert_eq!(counts["circuits"][0]["stalled_calls"], 1, "{counts}");
}

#[tokio::test(start_paused = true)]
async fn circuits_that_come_and_go_are_told() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;

    registry.get_or_create("prices");
    let came = reader.next_of("change").await;
    registry.remove("plants");
    let gone = reader.next_of("change").await;
    registry.get_or_create("plants");
    let back = reader.next_of("change").await;

    assert_eq!(came["circuits"][0]["name"], "prices");
    assert_eq!(gone["removed"], serde_json::json!(["plants"]));
    assert_eq!(back["removed"], serde_json::json!([]));
    assert_eq!(back["circuits"][0]["name"], "plants");
}

#[tokio::test(start_paused = true)]
async fn commands_and_what_they_impose_are_told() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let mut reader = reader(&admin).await;

    post(&admin, "/circuits/plants/observe", r#"{"reason": "a look", "for": "10m"}"#).await;
    let change = reader.next_of("change").await;
    let audit = reader.next_of("audit").await;

    assert_eq!(audit["audit"][0]["reason"], "a look");
    assert_eq!(change["circuits"][0]["overridden"], "observing");
    assert!(change["circuits"][0]["override_ends_in"].as_f64().unwrap() > 590.0, "{change}");
}

/// Those who only read see what becomes of a circuit, and not who said so.
#[tokio::test(start_paused = true)]
async fn commands_are_told_to_those_who_may_give_them() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).token(TOKEN).read_token(READ_TOKEN).build();
    let open = async |token: &str| {
        let request = Request::get("/events").header("authorization", format!("Bearer {token}"));
        Reader::open_with(&admin, request).await
    };
    let give = async |command: &str| {
        let request = super::command(&format!("/circuits/plants/{command}"));
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let body = Full::from(r#"{"reason": "a secret"}"#);
        assert_eq!(ask(&admin, request.body(body).unwrap()).await.status, 200);
    };
    give("observe").await;
    let (mut reading, mut steering) = (open(READ_TOKEN).await, open(TOKEN).await);
    let (_, first) = reading.next().await.unwrap();
    assert_eq!((&first["control"], &first["audit"]), (&json!(false), &json!([])));
    let (_, first) = steering.next().await.unwrap();
    assert_eq!(
        (&first["control"], &first["audit"][0]["reason"]),
        (&json!(true), &json!("a secret"))
    );

    give("force-open").await;
    assert_eq!(steering.next_of("audit").await["audit"][0]["command"], "force-open");
    let change = reading.next_of("change").await;
    assert_eq!(change["circuits"][0]["overridden"], "forced_open");
    for _ in 0..10 {
        let (name, told) = reading.next().await.unwrap();
        assert!(name != "audit" && !told.to_string().contains("a secret"), "{name}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_told_of_the_gap_and_starts_anew() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let plants = registry.get("plants").unwrap();
    let mut slow = reader(&admin).await;
    let mut fast = reader(&admin).await;

    for _ in 0..30 {
        plants.trip();
        fast.next_of("change").await;
        plants.reset();
        fast.next_of("change").await;
    }
    let (gap, missed) = slow.next().await.unwrap();
    let (then, snapshot) = slow.next().await.unwrap();

    assert_eq!((gap.as_str(), then.as_str()), ("gap", "snapshot"));
    assert!(missed["missed"].as_u64().unwrap() >= 40, "{missed}");
    assert_eq!(snapshot["circuits"][0]["state"], "closed");
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

    for _ in 0..20 {
        plants.trip();
        assert_eq!(fast.next_of("change").await["circuits"][0]["state"], "open");
        plants.reset();
        assert_eq!(fast.next_of("change").await["circuits"][0]["state"], "closed");
    }

    for reader in &mut slow {
        assert_eq!(reader.next().await.unwrap().0, "gap");
        assert_eq!(reader.next().await.unwrap().0, "snapshot");
        assert!(reader.next().now_or_never().is_none(), "nothing is kept for one reader");
    }
}

#[tokio::test]
async fn readers_beyond_the_limit_are_turned_away_until_one_leaves() {
    let admin = Admin::builder(CircuitRegistry::new()).build();
    let mut readers = Vec::new();
    for _ in 0..1024 {
        readers.push(Reader::open(&admin).await);
    }

    let beyond = get(&admin, "/events").await;
    readers.pop();
    Reader::open(&admin).await;

    assert_eq!(beyond.status, 503);
    assert_eq!(beyond.header("retry-after"), "10");
}

#[tokio::test(start_paused = true)]
async fn streams_end_when_they_are_told_to() {
    let admin = Admin::builder(CircuitRegistry::new()).build();
    let mut before = reader(&admin).await;

    admin.end_streams();
    let ended = tokio::time::timeout(Duration::from_millis(251), async {
        while before.next().await.is_some() {}
    });

    ended.await.expect("within a quarter of a second");
    assert!(Reader::open(&admin).await.next().await.is_none());
}

#[tokio::test]
async fn asking_for_the_head_of_the_events_ends() {
    let admin = Admin::builder(CircuitRegistry::new()).build();

    let answer = ask(&admin, Request::head("/events").body(Full::default()).unwrap()).await;

    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
}

#[tokio::test(start_paused = true)]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
async fn a_clock_that_panics_ends_one_reader_and_not_the_others() {
    use tower_circuit_breaker::{Circuit, Clock};

    /// Panics once it is told to.
    struct Moody(std::sync::Arc<std::sync::atomic::AtomicBool>);

    impl Clock for Moody {
        fn now(&self) -> Duration {
            assert!(!self.0.swap(false, std::sync::atomic::Ordering::SeqCst), "on purpose");
            Duration::ZERO
        }
    }

    let mood = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let registry = CircuitRegistry::new();
    let circuit = Circuit::builder("moody").clock(Moody(std::sync::Arc::clone(&mood))).build();
    registry.insert(&circuit).unwrap();
    let admin = Admin::builder(registry).build();
    let (mut one, mut other) = (reader(&admin).await, reader(&admin).await);

    mood.store(true, std::sync::atomic::Ordering::SeqCst);
    let reading = async { while one.next().await.is_some() {} };
    let hurt = std::panic::AssertUnwindSafe(reading).catch_unwind().await;
    circuit.trip();

    assert!(hurt.is_err());
    assert_eq!(other.next_of("change").await["circuits"][0]["state"], "open");
    assert_eq!(circuit.state(), CircuitState::Open);
}
