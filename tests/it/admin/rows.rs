//! Many circuits in few bytes.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::{Duration, SystemTime};

use flate2::read::GzDecoder;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower_circuit_breaker::{Circuit, CircuitGroup, CircuitRegistry, OpenCap};
use tower_circuit_breaker_admin::{About, Admin};

use super::watching::{Reader, rows};
use super::{READ_TOKEN, TOKEN, ask, from_here, get, registry, send, steering};
use crate::support::{fail, succeed};

/// As many as the budgets are for, with rules, and with names of a common length.
fn ten_thousand() -> CircuitRegistry {
    let registry = CircuitRegistry::with_template(|builder| {
        builder
            .failure_rate(0.5)
            .consecutive_failures(50)
            .slow_call_rate(0.8, Duration::from_secs(2))
            .stalled_calls(20, Duration::from_secs(5))
    });
    for number in 0..10_000 {
        registry.get_or_create(&format!("upstream-{number:05}.eu"));
    }
    registry
}

fn call_all(registry: &CircuitRegistry, calls: usize) {
    for (number, circuit) in registry.circuits().iter().enumerate() {
        for call in 0..calls {
            // Those that are open reject it.
            let _ = circuit.run(|| if (number + call) % 7 == 0 { Err(()) } else { Ok(()) });
        }
    }
}

/// The bytes that one reader is sent within so many seconds, each with `busy` before.
async fn read_for(reader: &mut Reader, seconds: usize, busy: impl Fn()) -> usize {
    let mut bytes = 0;
    for _ in 0..seconds {
        busy();
        loop {
            let event = reader.next().await.unwrap();
            bytes += event.bytes;
            if event.name == "tick" {
                break;
            }
        }
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_circuits_cost_a_reader_what_they_may() {
    let registry = ten_thousand();
    let admin = steering(&registry).build();
    let asked = get(&admin, "/circuits?form=rows").await;
    let place = asked.json["seq"].as_str().unwrap();
    let mut reader = Reader::open(&admin, &format!("/events?after={place}")).await;
    let quiet = read_for(&mut reader, 5, || {}).await / 5;
    let busy = read_for(&mut reader, 10, || call_all(&registry, 3)).await / 10;
    for circuit in registry.circuits().iter().step_by(50) {
        circuit.trip();
    }
    let rows_bytes = get(&admin, "/circuits?form=rows").await.text.len();

    println!("rows {rows_bytes} bytes; quiet {quiet} and busy {busy} bytes a second");
    assert!(rows_bytes <= 1_500_000, "{rows_bytes} bytes of rows");
    assert!(quiet <= 1_000, "{quiet} bytes a second where nothing happens");
    assert!(busy <= 50_000, "{busy} bytes a second where all are busy");
}

#[tokio::test(start_paused = true)]
async fn rows_are_sent_in_gzip_where_that_is_accepted() {
    let registry = ten_thousand();
    let admin = steering(&registry).build();
    let plain = get(&admin, "/circuits?form=rows").await;
    let accepting = async |accepted: &str| {
        let request = from_here(Request::get("/circuits?form=rows"));
        let request = request.header("accept-encoding", accepted);
        send(&admin, request.body(Full::default()).unwrap()).await
    };

    for accepted in ["gzip", "br, gzip;q=0.5", "GZIP , deflate"] {
        let answer = accepting(accepted).await;
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{accepted}");
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        let zipped = answer.into_body().collect().await.unwrap().to_bytes();
        let mut text = String::new();
        GzDecoder::new(&*zipped).read_to_string(&mut text).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();

        assert_eq!(json["circuits"].as_array().unwrap().len(), 10_000);
        println!("{} bytes in gzip, {} without", zipped.len(), plain.text.len());
        assert!(zipped.len() < 300_000, "{} bytes", zipped.len());
    }
    for refused in ["identity", "gzip;q=0", "gzip; q=0.000", "br", ""] {
        let answer = accepting(refused).await;
        assert!(!answer.headers().contains_key("content-encoding"), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_two_hundred_changes_in_a_second_are_told_in_few_bytes() {
    let registry = ten_thousand();
    let admin = steering(&registry).build();
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let place = listed["seq"].as_str().unwrap().to_owned();
    let mut reader = Reader::open(&admin, &format!("/events?after={place}")).await;
    reader.next_of("tick").await;

    for circuit in registry.circuits().iter().take(5_000) {
        circuit.trip();
    }
    let mut told = BTreeSet::new();
    for _ in 0..2 {
        while let Some(event) = reader.next().await {
            match event.name.as_str() {
                "changes" => {
                    println!("{} bytes for {} changes", event.bytes, rows(&event.json).len());
                    assert!(event.bytes < 5_000 * 50, "{} bytes", event.bytes);
                    for row in rows(&event.json) {
                        assert_eq!(
                            (&row["state"], &row["reason"]),
                            (&json!("open"), &json!("operator"))
                        );
                        told.insert(row["id"].as_u64().unwrap());
                    }
                }
                "change" => {
                    told.extend(rows(&event.json).iter().map(|row| row["id"].as_u64().unwrap()))
                }
                "tick" => break,
                _ => {}
            }
        }
    }

    let expected = rows(&listed).into_iter().take(5_000).map(|row| row["id"].as_u64().unwrap());
    assert_eq!(told, expected.collect());
}

#[tokio::test(start_paused = true)]
async fn equal_settings_are_sent_once() {
    let (registry, _clock) = registry(&["a", "b"]);
    let other = Circuit::builder("c").failure_rate(0.9).build();
    registry.insert(&other).unwrap();
    let admin = steering(&registry).build();

    let listed = get(&admin, "/circuits?form=rows").await.json;

    let profiles: Vec<_> = rows(&listed).iter().map(|row| row["profile"].clone()).collect();
    assert_eq!(profiles, [0, 0, 1]);
    assert_eq!(listed["profiles"].as_array().unwrap().len(), 2);
    assert_eq!(listed["profiles"][1]["failure_rate"], 0.9);
}

#[tokio::test(start_paused = true)]
async fn rows_are_selected_as_lists_are() {
    let (registry, _clock) = registry(&["a", "b", "c"]);
    registry.get("b").unwrap().trip();
    let admin = steering(&registry).build();
    let all = rows(&get(&admin, "/circuits?form=rows").await.json);
    let ids = format!("{},{}", all[2]["id"], all[0]["id"]);

    let cases = [
        ("state=open", vec!["b"]),
        ("q=C", vec!["c"]),
        ("limit=2", vec!["a", "b"]),
        ("after=a&limit=1", vec!["b"]),
        (&format!("ids={ids}"), vec!["a", "c"]),
        (&format!("ids={ids},4000000000&q=c"), vec!["c"]),
    ];
    for (query, names) in cases {
        let found = get(&admin, &format!("/circuits?form=rows&{query}")).await.json;
        let found: Vec<_> = rows(&found).iter().map(|row| row["name"].clone()).collect();
        assert_eq!(found, names, "{query}");
        let whole = get(&admin, &format!("/circuits?{query}")).await.json;
        let whole = whole["circuits"].as_array().unwrap().clone();
        assert_eq!(whole.iter().map(|it| it["name"].clone()).collect::<Vec<_>>(), names, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_counts_of_what_is_looked_at_are_asked_for_by_number() {
    let (registry, _clock) = registry(&["plants", "prices"]);
    let admin = steering(&registry).build();
    let ids: Vec<_> = rows(&get(&admin, "/circuits?form=rows").await.json)
        .iter()
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    registry.remove("prices");
    for _ in 0..15 {
        (0..6).for_each(|_| succeed(&registry.get("plants").unwrap()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let counts = get(&admin, &format!("/circuits/counts?ids={},{},77", ids[1], ids[0])).await.json;

    assert_eq!(counts["unknown"], json!([ids[1], 77]));
    let plants = &counts["circuits"][0];
    assert_eq!((&plants["name"], &plants["id"]), (&json!("plants"), &json!(ids[0])));
    assert_eq!(plants["totals"]["successes"], 90);
    assert_eq!(plants["failure_share"], 0.0);
    let rate = plants["calls_per_second"].as_f64().unwrap();
    // Between two readings there are four to six of these rounds.
    assert!((15.0..45.0).contains(&rate), "{rate} a second");
    let many = (0..201).map(|id: u32| id.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(get(&admin, &format!("/circuits/counts?ids={many}")).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn the_summary_is_what_the_tick_says_with_what_the_caller_may() {
    let (registry, _clock) = registry(&["plants", "prices"]);
    registry.get("plants").unwrap().trip();
    let started = SystemTime::UNIX_EPOCH + Duration::from_millis(1_796_000_000_125);
    let about = About::new("gateway").instance("pod-3").version("1.4.0").started(started);
    let admin = steering(&registry).about(about).token(TOKEN).read_token(READ_TOKEN).build();
    let summary = async |token: &str| {
        let request = Request::get("/summary").header("authorization", format!("Bearer {token}"));
        ask(&admin, request.body(Full::default()).unwrap()).await.json
    };

    let (operators, readers) = (summary(TOKEN).await, summary(READ_TOKEN).await);

    assert_eq!(operators["states"]["open"], 1);
    assert_eq!((&operators["circuits"], &operators["health"]), (&json!(2), &json!("degraded")));
    assert_eq!((&operators["control"], &readers["control"]), (&json!(true), &json!(false)));
    let may = ["reset", "trip", "force-open", "force-closed", "observe", "release", "reset-all"];
    assert_eq!((&operators["may"], &readers["may"]), (&json!(may), &json!([])));
    let about = json!({
        "service": "gateway", "instance": "pod-3", "environment": null, "version": "1.4.0",
        "started": 1_796_000_000_125_u64,
    });
    assert_eq!(operators["about"], about);
    let list = Request::get("/circuits").header("authorization", format!("Bearer {TOKEN}"));
    let list = ask(&admin, list.body(Full::default()).unwrap()).await.json;
    assert_eq!(list["about"], about);
    assert_eq!(get(&admin, "/summary").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn groups_are_shown_with_their_caps_and_why_they_are_isolated() {
    let (registry, _clock) = registry(&["a", "b", "c"]);
    let group = CircuitGroup::new("replicas").at_most_open(OpenCap::half());
    registry.circuits().iter().for_each(|circuit| group.add(circuit));
    let admin = steering(&registry).group(&group).group(&CircuitGroup::new("empty")).build();
    fail(&registry.get("a").unwrap());
    fail(&registry.get("b").unwrap());
    let shown = get(&admin, "/groups").await.json["groups"].clone();

    assert_eq!(shown[0]["members"], json!(["a", "b", "c"]));
    assert_eq!((&shown[0]["open"], &shown[0]["most_open"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&shown[0]["trips_prevented"], &shown[0]["is_isolated"]),
        (&json!(1), &json!(false))
    );
    assert_eq!((&shown[1]["name"], &shown[1]["most_open"]), (&json!("empty"), &json!(null)));

    let _isolation = group.isolate_because("ann says so");
    let here = get(&admin, "/groups").await;
    let far = ask(&admin, Request::get("/groups").body(Full::default()).unwrap()).await;
    assert_eq!(here.json["groups"][0]["reason"], "ann says so");
    assert_eq!(far.json["groups"][0]["is_isolated"], true);
    assert!(!far.text.contains("ann"), "{}", far.text);
}

#[tokio::test(start_paused = true)]
async fn settings_are_sent_again_only_when_they_have_changed() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let ask_for = async |known: &str| {
        let request = from_here(Request::get("/circuits/plants/settings"));
        let request = request.header("if-none-match", known);
        ask(&admin, request.body(Full::default()).unwrap()).await
    };

    let first = ask_for("").await;
    let again = ask_for(first.header("etag")).await;
    let plants = registry.get("plants").unwrap();
    plants.reconfigure(Circuit::builder("plants").consecutive_failures(3).build().config());
    let changed = ask_for(first.header("etag")).await;

    assert_eq!((first.status.as_u16(), again.status.as_u16()), (200, 304));
    assert_eq!(first.json["thresholds"]["consecutive_failures"], 1);
    assert_eq!(changed.status, 200);
    assert_eq!(changed.json["thresholds"]["consecutive_failures"], 3);
}

#[tokio::test(start_paused = true)]
async fn what_tells_of_times_before_tells_the_time_of_day() {
    let (registry, _clock) = registry(&["plants"]);
    registry.get("plants").unwrap().trip();
    let admin = steering(&registry).build();

    for path in ["/circuits/plants", "/circuits/plants/events", "/circuits", "/summary"] {
        let at = get(&admin, path).await.json["at"].as_u64().unwrap_or_else(|| panic!("{path}"));
        // Milliseconds of this century.
        assert!((1_700_000_000_000..4_100_000_000_000).contains(&at), "{path}: {at}");
    }
}

/// The page and those that poll ask while circuits are removed and made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_while_circuits_come_and_go_finds_each_or_says_that_it_is_gone() {
    let registry = CircuitRegistry::new();
    let admin: Admin = steering(&registry).build();
    let churn = {
        let registry = registry.clone();
        tokio::task::spawn_blocking(move || {
            for number in 0..3_000 {
                succeed(&registry.get_or_create(&format!("key-{}", number % 40)));
                registry.remove(&format!("key-{}", (number + 20) % 40));
            }
        })
    };
    for _ in 0..200 {
        let listed = get(&admin, "/circuits?form=rows").await;
        assert_eq!(listed.status, 200);
        let ids: Vec<_> = rows(&listed.json).iter().map(|row| row["id"].to_string()).collect();
        if !ids.is_empty() {
            let path = format!("/circuits/counts?ids={}", ids.join(","));
            let counts = get(&admin, &path).await.json;
            let found = counts["circuits"].as_array().unwrap().len();
            assert_eq!(found + counts["unknown"].as_array().unwrap().len(), ids.len());
        }
    }
    churn.await.unwrap();
}
