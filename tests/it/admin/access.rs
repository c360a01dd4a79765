//! Who may read, and who may steer.

use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use http::request::Builder;
use http_body_util::Full;
use serde_json::json;
use tower_circuit_breaker::{CircuitRegistry, CircuitState};
use tower_circuit_breaker_admin::{self as admin, Admin, AdminBuilder, Peer};

use super::fake_fleet::FakeFleet;
use super::{Answer, READ_TOKEN, TOKEN, ask, command, from_here, get, post, registry, steering};

pub(super) fn guarded(registry: &CircuitRegistry) -> AdminBuilder {
    Admin::builder(registry.clone())
        .token(TOKEN)
        .read_token(READ_TOKEN)
        .metrics(|_| "circuits 1\n".to_owned())
}

pub(super) async fn with_token(admin: &Admin, request: Builder, token: &str) -> Answer {
    let request = request.header("authorization", format!("Bearer {token}"));
    ask(admin, request.body(Full::default()).unwrap()).await
}

pub(super) fn from(request: Builder, peer: [u8; 4]) -> Builder {
    request.extension(Peer(SocketAddr::from((peer, 4000))))
}

/// Everything that shows circuits.
const SHOWS: [&str; 7] = [
    "/circuits",
    "/circuits/plants",
    "/circuits/plants/events",
    "/events",
    "/fleet",
    "/metrics",
    "/audit",
];

#[tokio::test]
async fn without_a_token_nobody_steers() {
    let (registry, _clock) = registry(&["plants"]);

    for path in ["/circuits/plants/trip", "/circuits/reset-all", "/circuits/unknown/trip"] {
        let answer = post(&admin::service(registry.clone()), path, "{}").await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.detail().contains("AdminBuilder::token"), "{}", answer.text);
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

#[tokio::test]
async fn where_the_loopback_is_let_in_only_the_same_machine_steers() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let bare = || Request::post("/circuits/plants/trip").header("content-type", "application/json");
    let ask_from =
        async |request: Builder| ask(&admin, request.body(Full::default()).unwrap()).await;

    let unknown = ask_from(bare()).await;
    let far = ask_from(from(bare(), [10, 0, 0, 7])).await;
    let before = registry.get("plants").unwrap().state();
    let near = ask_from(from(bare(), [127, 0, 0, 1])).await;
    let mapped = Peer("[::ffff:127.0.0.1]:80".parse().unwrap());
    let near_6 = ask_from(bare().extension(mapped)).await;

    assert_eq!((unknown.status.as_u16(), far.status.as_u16()), (403, 403));
    assert!(unknown.detail().contains("AdminBuilder::peer"), "{}", unknown.text);
    assert!(far.detail().contains("AdminBuilder::token"), "{}", far.text);
    assert_eq!(before, CircuitState::Closed);
    assert_eq!((near.status.as_u16(), near_6.status.as_u16()), (200, 200));
}

#[tokio::test]
async fn what_a_proxy_on_this_machine_passes_on_is_not_of_this_machine() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).allow_any_host().build();
    let with = async |name: &str, value: &str| {
        let request = command("/circuits/plants/trip").header(name, value);
        ask(&admin, request.body(Full::default()).unwrap()).await
    };
    let told = [
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 proxy"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-envoy-external-address", "127.0.0.1"),
        ("x-original-forwarded-for", "127.0.0.1"),
        ("cf-connecting-ip", "127.0.0.1"),
        ("true-client-ip", ""),
    ];
    for (name, value) in told {
        let answer = with(name, value).await;
        assert_eq!(answer.status, 403, "{name}");
        assert!(answer.detail().contains(name), "{}", answer.text);
    }
    for host in ["ops.example", "10.0.0.7", "10.0.0.7:80", "[fe80::1]", "localhost.ops.example"] {
        let answer = with("host", host).await;
        assert_eq!(answer.status, 403, "{host}");
        assert!(answer.detail().contains("127.0.0.1"), "{}", answer.text);
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
    for host in ["localhost", "LOCALHOST.:1", "127.0.0.1:80", "127.1.2.3", "[::1]:80"] {
        assert_eq!(with("host", host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn where_there_is_a_token_the_loopback_needs_it_like_all() {
    let (registry, _clock) = registry(&["plants"]);
    let admins = [
        steering(&registry).token(TOKEN).build(),
        steering(&registry).read_token(READ_TOKEN).build(),
    ];
    for admin in admins {
        assert_eq!(post(&admin, "/circuits/plants/trip", "{}").await.status, 401);
        assert_eq!(get(&admin, "/circuits").await.status, 401);
        let reader = with_token(&admin, command("/circuits/plants/trip"), READ_TOKEN).await;
        assert!([401, 403].contains(&reader.status.as_u16()));
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

#[tokio::test]
async fn with_a_token_nothing_is_shown_or_steered_without_it() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::read().join(&registry);
    let admin = guarded(&registry).build();

    for path in SHOWS {
        let without = get(&admin, path).await;
        assert_eq!(without.status, 401, "{path}");
        assert_eq!(without.header("www-authenticate"), "Bearer", "{path}");
        assert!(without.detail().contains("Authorization: Bearer"), "{}", without.text);
        assert!(!without.text.contains("plants"), "{path}: {}", without.text);
    }
    assert_eq!(post(&admin, "/circuits/plants/trip", "{}").await.status, 401);
    let far = from(command("/circuits/plants/trip"), [10, 0, 0, 7]);
    assert_eq!(with_token(&admin, far, TOKEN).await.status, 200);
    assert_eq!(with_token(&admin, Request::get("/metrics"), TOKEN).await.text, "circuits 1\n");
}

#[tokio::test]
async fn a_token_to_read_by_reads_and_steers_nothing() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::read().join(&registry);
    let admin = guarded(&registry).build();

    for path in SHOWS {
        let (expected, request) = match path {
            "/audit" => (403, Request::get(path)),
            "/events" => (200, Request::head(path)),
            _ => (200, Request::get(path)),
        };
        assert_eq!(with_token(&admin, request, READ_TOKEN).await.status, expected, "{path}");
    }
    for path in ["/circuits/plants/trip", "/circuits/reset-all"] {
        let refused = with_token(&admin, from_here(command(path)), READ_TOKEN).await;
        assert_eq!(refused.status, 403);
        assert!(refused.detail().contains("AdminBuilder::token"), "{}", refused.text);
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

/// One takes the place of another without an outage.
#[tokio::test]
async fn several_tokens_are_good_at_once() {
    let (registry, _clock) = registry(&["plants"]);
    let (new, new_reading) = ("the-token-of-next-month", "to-read-by-in-next-month");
    let admin = guarded(&registry).token(new).read_token(new_reading).build();

    for token in [TOKEN, new, READ_TOKEN, new_reading] {
        let read = with_token(&admin, Request::get("/circuits"), token).await;
        let steered = with_token(&admin, command("/circuits/plants/trip"), token).await;
        let may_steer = [TOKEN, new].contains(&token);
        assert_eq!(read.status, 200, "{token}");
        assert_eq!(steered.status, if may_steer { 200 } else { 403 }, "{token}");
    }
}

#[tokio::test]
async fn where_all_tokens_are_to_read_by_control_is_off() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = Admin::builder(registry).read_token(READ_TOKEN).build();

    let refused = with_token(&admin, command("/circuits/plants/trip"), READ_TOKEN).await;

    assert_eq!(refused.status, 403);
    assert!(refused.detail().contains("control is off"), "{}", refused.text);
}

#[tokio::test]
async fn health_without_the_token_names_no_circuit() {
    let (registry, _clock) = registry(&["plants"]);
    registry.get("plants").unwrap().trip();
    registry.mark_critical("plants");
    let admin = guarded(&registry).build();

    let without = get(&admin, "/health").await;
    let wrong = with_token(&admin, Request::get("/health"), "wrong").await;

    assert_eq!((without.status.as_u16(), without.json), (503, json!({ "health": "failing" })));
    assert_eq!(wrong.status, 401);
    for token in [TOKEN, READ_TOKEN] {
        let with = with_token(&admin, Request::get("/health"), token).await;
        assert_eq!(with.status, 503);
        assert_eq!(with.json["circuits"][0]["name"], "plants");
    }
}

#[tokio::test]
async fn only_the_very_token_will_do() {
    let (registry, _clock) = registry(&["plants"]);
    let wrong = [
        "",
        "correct-horse-batter",
        "correct-horse-battery2",
        "correct-horse-batterz",
        "Correct-horse-battery",
        "correct-horse-batterycorrect-horse-battery",
    ];
    for token in wrong {
        let answer =
            with_token(&guarded(&registry).build(), Request::get("/circuits"), token).await;
        assert_eq!(answer.status, 401, "{token}");
    }
    let admin = guarded(&registry).build();
    for scheme in ["Bearer", "bearer"] {
        let request =
            Request::get("/circuits").header("authorization", format!("{scheme} {TOKEN}"));
        assert_eq!(ask(&admin, request.body(Full::default()).unwrap()).await.status, 200);
    }
    let basic = Request::get("/circuits").header("authorization", format!("Basic {TOKEN}"));
    assert_eq!(ask(&admin, basic.body(Full::default()).unwrap()).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn many_wrong_tokens_are_answered_late_and_the_right_one_at_once() {
    let (registry, _clock) = registry(&[]);
    let admin = guarded(&registry).build();
    let far = || from(Request::get("/audit"), [10, 0, 0, 7]);
    let started = tokio::time::Instant::now();

    for guess in 0..10 {
        assert_eq!(with_token(&admin, far(), &format!("guess-{guess}")).await.status, 401);
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    let late = with_token(&admin, far(), "one-more-guess").await;
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    let right = with_token(&admin, far(), TOKEN).await;
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let later = with_token(&admin, far(), "a-minute-later").await;

    assert_eq!((late.status.as_u16(), late.header("retry-after")), (429, "61"));
    assert_eq!((right.status.as_u16(), &right.json["wrong_tokens"]), (200, &json!(11)));
    assert_eq!(later.status, 401);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_wrong_tokens_beside_the_right_one_lock_nobody_out() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry).build();
    let guess = |number: u32| {
        let admin = admin.clone();
        let request = from(command("/circuits/plants/trip"), [127, 0, 0, 1]);
        async move { with_token(&admin, request, &format!("guess-{number}")).await.status }
    };
    let guesses: Vec<_> = (0..10_000).map(|number| tokio::spawn(guess(number))).collect();
    let mine = || from(Request::get("/circuits"), [127, 0, 0, 1]);
    tokio::task::yield_now().await;

    let started = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(with_token(&admin, mine(), TOKEN).await.status, 200);
    }
    assert_eq!(started.elapsed(), Duration::ZERO);

    for guess in guesses {
        assert!([401, 429].contains(&guess.await.unwrap().as_u16()));
    }
    assert!(started.elapsed() <= Duration::from_secs(1), "no more than a few are held back");
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn guessers_from_many_addresses_take_no_more_than_a_bounded_room() {
    let (registry, _clock) = registry(&[]);
    let admin = guarded(&registry).build();

    for [a, b] in (0..1040_u16).map(u16::to_be_bytes) {
        with_token(&admin, from(Request::get("/audit"), [10, 0, a, b]), "wrong").await;
    }
    let beyond = with_token(&admin, from(Request::get("/audit"), [10, 1, 0, 0]), "wrong").await;
    let counted = with_token(&admin, from(Request::get("/audit"), [10, 1, 0, 0]), TOKEN).await;

    assert_eq!(beyond.status, 429, "those beyond the cap are counted together");
    assert_eq!((counted.status.as_u16(), &counted.json["wrong_tokens"]), (200, &json!(1041)));
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_token_is_shown_nowhere() {
    let (registry, _clock) = registry(&["plants"]);
    let builder = guarded(&registry);

    for shown in [format!("{builder:?}"), format!("{:#?}", builder.build())] {
        assert!(!shown.contains("horse") && !shown.contains("secret"), "{shown}");
    }
    for token in ["short-horse", "correct-horse-batt\u{e9}ry", "correct-horse battery"] {
        let gives: [fn(AdminBuilder, &str) -> AdminBuilder; 2] =
            [|builder, token| builder.token(token), |builder, token| builder.read_token(token)];
        for give in gives {
            let panic = std::panic::catch_unwind(|| {
                let _ = give(Admin::builder(CircuitRegistry::new()), token);
            });
            let message = panic.unwrap_err().downcast::<String>().unwrap();
            assert!(message.contains("16 or more"), "{message}");
            assert!(!message.contains("horse"), "{message}");
        }
    }
}

#[tokio::test]
async fn only_addresses_and_allowed_names_are_answered() {
    let (registry, _clock) = registry(&["plants"]);
    let named = Admin::builder(registry.clone()).allow_host("Ops.Example.com").build();
    let any = Admin::builder(registry).allow_any_host().build();
    let host =
        |host: &str| Request::get("/circuits").header("host", host).body(Full::default()).unwrap();
    let own = [
        "localhost",
        "localhost:3000",
        "LOCALHOST.:1",
        "127.0.0.1:3000",
        "10.0.0.7",
        "[::1]:3000",
        "ops.example.com",
        "OPS.example.com.:8443",
    ];
    for name in own {
        assert_eq!(ask(&named, host(name)).await.status, 200, "{name}");
    }
    for name in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "ops.example"]
    {
        let answer = ask(&named, host(name)).await;
        assert_eq!(answer.status, 421, "{name}");
        assert!(answer.detail().contains("allow_host"), "{}", answer.text);
        assert_eq!(ask(&any, host(name)).await.status, 200, "{name}");
    }
    assert_eq!(ask(&named, host("a b")).await.status, 400);
    let two = Request::get("/circuits").header("host", "localhost").header("host", "evil.example");
    assert_eq!(ask(&named, two.body(Full::default()).unwrap()).await.status, 400);
    let absolute = Request::get("http://evil.example/circuits");
    assert_eq!(ask(&named, absolute.body(Full::default()).unwrap()).await.status, 421);
    let both = Request::get("http://evil.example/circuits").header("host", "localhost");
    assert_eq!(ask(&named, both.body(Full::default()).unwrap()).await.status, 400);
}
