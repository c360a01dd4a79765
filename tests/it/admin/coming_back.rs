//! Where readers go on, and who comes at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tower_circuit_breaker::{Circuit, CircuitConfig, CircuitGroup, CircuitRegistry};
use tower_circuit_breaker_admin::{Admin, History};

use super::watching::{Reader, Slow, after, events, reader, rows};
use super::{ask, from_here, get, registry, send, steering};

/// `EventSource` keeps its address, and says by the header where it was.
#[tokio::test(start_paused = true)]
async fn a_browser_that_comes_back_goes_on_where_it_was_whatever_its_address_says() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut reader = after(&admin, &listed).await;
    let last = events(&mut reader, 30).await.pop().unwrap().id;
    drop(reader);

    let path = format!("/events?after={}", listed["seq"].as_str().unwrap());
    let request = from_here(Request::get(path)).header("last-event-id", &last);
    let response = send(&admin, request.body(Full::default()).unwrap()).await;
    let mut back = Reader::of(response.into_body()).await;

    assert_ne!(back.next().await.unwrap().name, "gone");
}

#[tokio::test(start_paused = true)]
async fn a_place_in_a_header_that_cannot_be_read_is_no_place() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    get(&admin, "/circuits?form=rows").await;
    let request = from_here(Request::get("/events")).header("last-event-id", "17");
    let response = send(&admin, request.body(Full::default()).unwrap()).await;
    let mut back = Reader::of(response.into_body()).await;

    assert_eq!(back.next().await.unwrap().name, "gone", "what happened since is not known");
}

/// Two who ask at once, when nobody has asked before.
#[test]
fn rows_that_are_asked_for_at_once_have_a_place_to_go_on_from() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let registry = CircuitRegistry::new();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let clock = Slow(asked, Duration::from_millis(20));
    registry.insert(&Circuit::builder("plants").clock(clock).build()).unwrap();
    let admin = steering(&registry).build();
    let told: Vec<_> = runtime.block_on(async {
        let mut asks = Vec::new();
        for _ in 0..8 {
            let admin = admin.clone();
            asks.push(tokio::spawn(async move {
                let listed = get(&admin, "/circuits?form=rows").await.json;
                after(&admin, &listed).await.next().await.unwrap().name
            }));
        }
        let mut told = Vec::new();
        for ask in asks {
            told.push(ask.await.unwrap());
        }
        told
    });
    let gone = told.iter().filter(|name| *name == "gone").count();
    assert_eq!(gone, 0, "of 8 that came at once, so many have to fetch all anew");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_within_a_quarter_of_a_second_also_beside_a_history() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).history(History::all()).build();
    tokio::time::sleep(Duration::from_millis(10_050)).await;
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut reader = after(&admin, &listed).await;

    registry.get("plants").unwrap().trip();
    let told = tokio::time::timeout(Duration::from_millis(260), reader.next_of("change")).await;
    assert!(told.is_ok(), "it comes within a second");
}

/// Whatever happens, in the end readers know what there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_end_readers_know_what_there_is() {
    let names: Vec<_> = (0..6).map(|number| format!("c{number}")).collect();
    let registry = CircuitRegistry::with_template(|builder| builder.consecutive_failures(1));
    names.iter().for_each(|name| drop(registry.get_or_create(name)));
    let admin = steering(&registry).build();
    let is_over = Arc::new(AtomicBool::new(false));
    let stirring = {
        let (registry, is_over) = (registry, Arc::clone(&is_over));
        tokio::task::spawn_blocking(move || stir(&registry, &names, &is_over))
    };
    let readers: Vec<_> = (0..30).map(|at| tokio::spawn(follow(admin.clone(), at * 50))).collect();

    tokio::time::sleep(Duration::from_millis(2000)).await;
    is_over.store(true, Ordering::SeqCst);
    stirring.await.unwrap();
    let mut known = Vec::new();
    for reader in readers {
        known.push(reader.await.unwrap());
    }
    let truth = words(&get(&admin, "/circuits?form=rows").await.json);

    assert!(known.iter().all(|known| *known == truth), "{truth:?}, not {known:?}");
}

/// Commands at random, until it is over.
fn stir(registry: &CircuitRegistry, names: &[String], is_over: &AtomicBool) {
    let group = CircuitGroup::new("vendor");
    names.iter().for_each(|name| group.add(&registry.get(name).unwrap()));
    let mut random = 7_u64;
    while !is_over.load(Ordering::SeqCst) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let circuit = registry.get(&names[(random >> 40) as usize % names.len()]).unwrap();
        match (random >> 50) % 8 {
            0 | 1 => circuit.trip(),
            2 | 3 => circuit.reset(),
            4 => circuit.force_closed(),
            5 => circuit.observe(),
            6 => circuit.release(),
            _ => drop(group.isolate()),
        }
        std::thread::yield_now();
    }
}

/// What one reader knows in the end who comes after so many milliseconds.
async fn follow(admin: Admin, after_millis: u64) -> BTreeMap<String, Value> {
    tokio::time::sleep(Duration::from_millis(after_millis)).await;
    let listed = get(&admin, "/circuits?form=rows").await.json;
    let mut known = words(&listed);
    let mut reader = after(&admin, &listed).await;
    let until = tokio::time::Instant::now() + Duration::from_millis(4000 - after_millis);
    while let Ok(Some(event)) = tokio::time::timeout_at(until, reader.next()).await {
        match event.name.as_str() {
            "gone" => known = words(&get(&admin, "/circuits?form=rows").await.json),
            "change" => known.append(&mut words(&event.json)),
            "changes" => panic!("there are few circuits"),
            _ => {}
        }
    }
    known
}

/// What rows say of each circuit.
fn words(table: &Value) -> BTreeMap<String, Value> {
    let word = |row: Value| {
        let name = row["name"].as_str().unwrap().to_owned();
        (name, json!([row["state"], row["overridden"], row["isolations"]]))
    };
    rows(table).into_iter().map(word).collect()
}

/// Names that a path and a row may find hard.
#[tokio::test(start_paused = true)]
async fn odd_names_are_found_everywhere() {
    let names = ["counts", "history", "a\nb", "", "..", "a/b", "\u{2028}", "%", "\"", "settings"];
    let (registry, _clock) = registry(&names);
    let admin = steering(&registry).history(History::all()).build();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let listed = get(&admin, "/circuits?form=rows").await.json;
    assert_eq!(rows(&listed).len(), names.len());
    for name in names {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in ["circuits", "circuits/history", "circuits/settings"] {
            let answer = get(&admin, &format!("/{path}?name={encoded}")).await;
            assert_eq!(answer.status, 200, "{path} {name:?}: {}", answer.text);
        }
        if !["", ".."].contains(&name) {
            let answer = get(&admin, &format!("/circuits/{encoded}/history")).await;
            assert_eq!(answer.status, 200, "{name:?}: {}", answer.text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn settings_have_another_tag_for_another_circuit() {
    let (registry, _clock) = registry(&["a", "b"]);
    let admin = steering(&registry).build();
    let (a, b) =
        (get(&admin, "/circuits/a/settings").await, get(&admin, "/circuits/b/settings").await);
    assert_ne!(a.header("etag"), b.header("etag"));
    let _ = (CircuitConfig::default(), ask);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_are_asked_for_in_pages_are_all_shown() {
    let (registry, _clock) = registry(&["z"]);
    let admin = steering(&registry).build();
    get(&admin, "/circuits?form=rows").await;
    registry.get_or_create("a");
    let all = rows(&get(&admin, "/circuits?form=rows").await.json);
    let ids = format!("{},{}", all[0]["id"], all[1]["id"]);

    let mut names = Vec::new();
    let mut query = String::new();
    loop {
        let page = get(&admin, &format!("/circuits?form=rows&limit=1&ids={ids}{query}")).await.json;
        names.extend(rows(&page).iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("&after={next}");
    }
    names.sort();
    assert_eq!(names, ["a", "z"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_shown_with_members_of_the_registry() {
    let (registry, _clock) = registry(&["plants"]);
    let group = CircuitGroup::new("vendor");
    group.add(&registry.get("plants").unwrap());
    let hidden = Circuit::builder("hidden").build();
    group.add(&hidden);
    let admin = steering(&registry).group(&group).build();

    let groups = get(&admin, "/groups").await.json;
    assert_eq!(groups["groups"][0]["members"], json!(["plants"]), "{groups}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_back_within_ten_seconds_goes_on_where_it_was() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let mut first = reader(&admin).await;
    let last = first.next().await.unwrap().id;
    drop(first);

    registry.get("plants").unwrap().trip();
    tokio::time::sleep(Duration::from_secs(8)).await;
    let by_header = Request::get("/events").header("last-event-id", &last);
    let mut by_header = Reader::open_with(&admin, from_here(by_header)).await;
    let mut by_query = Reader::open(&admin, &format!("/events?after={last}")).await;

    let change = by_query.next().await.unwrap();
    assert_eq!(by_header.next().await.unwrap(), change);
    assert_eq!(rows(&change.json)[0]["state"], "open");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_comes_back_later_is_told_to_fetch_anew() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let mut first = reader(&admin).await;
    let last = first.next().await.unwrap().id;
    drop(first);

    for (wait, place) in [(14, last.as_str()), (60, &last), (0, "00000000-7"), (0, "ffffffff-1")] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        let mut back = Reader::open(&admin, &format!("/events?after={place}")).await;

        let gone = back.next().await.unwrap();
        assert_eq!(gone.name, "gone", "{place} after {wait} s more");
        get(&admin, "/circuits?form=rows").await;
        registry.get("plants").unwrap().trip();
        let change = back.next_of("change").await;
        assert_eq!(rows(&change)[0]["state"], "open", "it goes on from the place that it was told");
        registry.get("plants").unwrap().reset();
        back.next_of("change").await;
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_read_is_refused() {
    let admin = Admin::builder(CircuitRegistry::new()).build();

    for place in ["7", "", "x-7", "0a1b2c3d-", "0a1b2c3d--1", "0a1b2c3d-99999999999999999999", "-"]
    {
        let answer = get(&admin, &format!("/events?after={place}")).await;

        assert_eq!(answer.status, 400, "{place}");
        assert!(answer.detail().contains("`seq` of an answer"), "{}", answer.detail());
    }
}
