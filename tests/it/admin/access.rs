//! Who may read, and who may steer.

use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use http::request::Builder;
use http_body_util::Full;
use serde_json::json;
use tower_circuit_breaker::{CircuitRegistry, CircuitState};
use tower_circuit_breaker_admin::{self as admin, Admin, AdminBuilder, Peer};

use super::{Answer, TOKEN, ask, command, from_here, get, post, registry, steering};

fn guarded(registry: &CircuitRegistry) -> AdminBuilder {
    steering(registry).token(TOKEN).metrics(|_| "circuits 1\n".to_owned())
}

async fn with_token(admin: &Admin, request: Builder, token: &str) -> Answer {
    let request = request.header("authorization", format!("Bearer {token}"));
    ask(admin, request.body(Full::default()).unwrap()).await
}

fn from(request: Builder, peer: [u8; 4]) -> Builder {
    request.extension(Peer(SocketAddr::from((peer, 4000))))
}

#[tokio::test]
async fn control_is_off_until_it_is_switched_on() {
    let (registry, _clock) = registry(&["plants"]);

    for path in ["/circuits/plants/trip", "/circuits/reset-all", "/circuits/unknown/trip"] {
        let answer = post(&admin::service(registry.clone()), path, "{}").await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.detail().contains("AdminBuilder::control"), "{}", answer.text);
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

#[tokio::test]
async fn without_a_token_only_the_same_machine_steers() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let bare = || Request::post("/circuits/plants/trip").header("content-type", "application/json");
    let ask_from =
        async |request: Builder| ask(&admin, request.body(Full::default()).unwrap()).await;

    let unknown = ask_from(bare()).await;
    let far = ask_from(from(bare(), [10, 0, 0, 7])).await;
    let claimed = ask_from(bare().header("x-forwarded-for", "127.0.0.1")).await;
    let before = registry.get("plants").unwrap().state();
    let near = ask_from(from(bare(), [127, 0, 0, 1])).await;
    let mapped = Peer("[::ffff:127.0.0.1]:80".parse().unwrap());
    let near_6 = ask_from(bare().extension(mapped)).await;

    assert_eq!(
        (unknown.status.as_u16(), far.status.as_u16(), claimed.status.as_u16()),
        (403, 403, 403)
    );
    assert!(unknown.detail().contains("AdminBuilder::peer"), "{}", unknown.text);
    assert!(far.detail().contains("AdminBuilder::token"), "{}", far.text);
    assert_eq!(before, CircuitState::Closed);
    assert_eq!((near.status.as_u16(), near_6.status.as_u16()), (200, 200));
}

#[tokio::test]
async fn control_for_everybody_has_to_be_asked_for() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = Admin::builder(registry).control().allow_unauthenticated_control().build();

    let far = from(command("/circuits/plants/trip"), [10, 0, 0, 7]);

    assert_eq!(ask(&admin, far.body(Full::default()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn with_a_token_nothing_is_shown_or_steered_without_it() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry).allow_unauthenticated_control().build();

    for path in [
        "/circuits",
        "/circuits/plants",
        "/circuits/plants/events",
        "/events",
        "/metrics",
        "/audit",
    ] {
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
async fn health_without_the_token_names_no_circuit() {
    let (registry, _clock) = registry(&["plants"]);
    registry.get("plants").unwrap().trip();
    registry.mark_critical("plants");
    let admin = guarded(&registry).build();

    let without = get(&admin, "/health").await;
    let with = with_token(&admin, Request::get("/health"), TOKEN).await;
    let wrong = with_token(&admin, Request::get("/health"), "wrong").await;

    assert_eq!((without.status.as_u16(), without.json), (503, json!({ "health": "failing" })));
    assert_eq!(with.status, 503);
    assert_eq!(with.json["circuits"][0]["name"], "plants");
    assert_eq!(wrong.status, 401);
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
async fn guessing_is_counted_and_stopped_for_a_while() {
    let (registry, _clock) = registry(&[]);
    let admin = guarded(&registry).build();
    let near = || from_here(Request::get("/audit"));
    let far = || from(Request::get("/audit"), [10, 0, 0, 7]);

    for guess in 0..10 {
        assert_eq!(with_token(&admin, far(), &format!("guess-{guess}")).await.status, 401);
    }
    let stopped = with_token(&admin, far(), TOKEN).await;
    let other = with_token(&admin, near(), TOKEN).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let later = with_token(&admin, far(), TOKEN).await;

    assert_eq!(stopped.status, 429);
    assert_eq!(stopped.header("retry-after"), "61");
    assert_eq!(other.json["wrong_tokens"], 10);
    assert_eq!(later.status, 200);
}

#[tokio::test(start_paused = true)]
async fn guessers_from_many_addresses_take_no_more_than_a_bounded_room() {
    let (registry, _clock) = registry(&[]);
    let admin = guarded(&registry).build();

    for [a, b] in (0..1100_u16).map(u16::to_be_bytes) {
        with_token(&admin, from(Request::get("/audit"), [10, 0, a, b]), "wrong").await;
    }
    let beyond = with_token(&admin, from(Request::get("/audit"), [10, 1, 0, 0]), TOKEN).await;
    let counted = with_token(&admin, from(Request::get("/audit"), [10, 0, 0, 0]), TOKEN).await;

    assert_eq!(beyond.status, 429, "those beyond the cap are counted together");
    assert_eq!(counted.json["wrong_tokens"], 1034, "after ten of them they were not let try");
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_token_is_shown_nowhere() {
    let (registry, _clock) = registry(&["plants"]);
    let builder = guarded(&registry);

    assert!(!format!("{builder:?}").contains("horse"));
    assert!(!format!("{:#?}", builder.build()).contains("horse"));
    for token in ["short-horse", "correct-horse-batt\u{e9}ry", "correct-horse battery"] {
        let panic = std::panic::catch_unwind(|| {
            let _ = Admin::builder(CircuitRegistry::new()).token(token);
        });
        let message = panic.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("16 or more"), "{message}");
        assert!(!message.contains("horse"), "{message}");
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
    let absolute = Request::get("http://evil.example/circuits").header("host", "localhost");
    assert_eq!(ask(&named, absolute.body(Full::default()).unwrap()).await.status, 421);
}
