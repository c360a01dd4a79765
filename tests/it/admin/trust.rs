//! What is shown to whom: who did what, what was refused, texts of errors; and whose name counts.

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tower_circuit_breaker::{BoxError, CircuitRegistry, CircuitState, Error};
use tower_circuit_breaker_admin::Admin;

use super::access::{from, guarded, with_token};
use super::{READ_TOKEN, TOKEN, ask, command, from_here, get, post, registry, steering};

#[tokio::test]
async fn without_a_token_this_machine_alone_sees_what_operators_did() {
    let (registry, _clock) = registry(&["plants"]);
    let closed = Admin::builder(registry.clone()).build();
    let ask_from = async |admin: &Admin, peer| {
        ask(admin, from(Request::get("/audit"), peer).body(Full::default()).unwrap()).await
    };

    for admin in [&closed, &steering(&registry).build()] {
        assert_eq!(ask_from(admin, [127, 0, 0, 1]).await.status, 200);
        let far = ask_from(admin, [10, 0, 0, 7]).await;
        assert_eq!(far.status, 403);
        assert!(far.detail().contains("AdminBuilder::token"), "{}", far.text);
        let proxied = from_here(Request::get("/audit")).header("x-forwarded-for", "10.0.0.7");
        assert_eq!(ask(admin, proxied.body(Full::default()).unwrap()).await.status, 403);
    }
}

#[tokio::test]
async fn the_text_of_an_error_is_shown_to_those_who_may_steer() {
    let registry = CircuitRegistry::with_template(|builder| {
        builder.last_error(|error: &BoxError| error.to_string())
    });
    let secret = "cannot reach db.internal as admin";
    let failed = registry.get_or_create("plants").run(|| Err::<(), BoxError>(secret.into()));
    assert!(matches!(failed, Err(Error::Inner(_))));
    let admin = guarded(&registry).build();
    let open = Admin::builder(registry.clone()).build();

    let shown = with_token(&admin, Request::get("/circuits/plants"), TOKEN).await;
    assert_eq!(shown.json["last_error"], secret);
    assert_eq!(get(&open, "/circuits/plants").await.json["last_error"], secret);
    for path in ["/circuits", "/circuits/plants", "/metrics", "/circuits/plants/events"] {
        let shown = with_token(&admin, Request::get(path), READ_TOKEN).await;
        assert!(!shown.text.contains("db.internal"), "{path}: {}", shown.text);
    }
    let far = from(Request::get("/circuits/plants"), [10, 0, 0, 7]);
    let far = ask(&open, far.body(Full::default()).unwrap()).await;
    assert_eq!((far.status.as_u16(), &far.json["last_error"]), (200, &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_counted_by_peer_and_reason() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry).build();
    let path = "/circuits/plants/trip";

    for _ in 0..5 {
        with_token(&admin, from(command(path), [10, 0, 0, 7]), "wrong").await;
        with_token(&admin, from(command(path), [10, 0, 0, 8]), READ_TOKEN).await;
    }
    post(&admin, path, "{}").await;
    let form = from(Request::post(path), [10, 0, 0, 8]).header("content-type", "text/plain");
    with_token(&admin, form, TOKEN).await;
    let foreign = command(path).header("origin", "https://evil.example");
    with_token(&admin, foreign, TOKEN).await;
    let hosted = command(path).header("host", "evil.example");
    with_token(&admin, hosted, TOKEN).await;
    // What only reads, or is no command, is none.
    with_token(&admin, Request::get("/circuits"), "wrong").await;
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    with_token(&admin, from(command(path), [10, 0, 0, 8]), READ_TOKEN).await;

    let refused = with_token(&admin, Request::get("/audit"), TOKEN).await.json["refused"].clone();
    let entries: Vec<_> = refused["entries"].as_array().unwrap().iter().collect();
    let said: Vec<_> =
        entries.iter().map(|it| (it["peer"].as_str(), &it["reason"], &it["count"])).collect();
    let expected = [
        (Some("10.0.0.7"), json!("wrong_token"), json!(5)),
        (Some("10.0.0.8"), json!("read_token"), json!(5)),
        (Some("127.0.0.1"), json!("no_token"), json!(1)),
        (Some("10.0.0.8"), json!("not_json"), json!(1)),
        (Some("127.0.0.1"), json!("foreign_origin"), json!(1)),
        (Some("127.0.0.1"), json!("foreign_host"), json!(1)),
        (Some("10.0.0.8"), json!("read_token"), json!(1)),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(peer, reason, count)| (*peer, reason, count)).collect();
    assert_eq!(said, expected);
    assert_eq!(refused["total"], 15);
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refused_commands_fills_a_ring_of_its_own() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry).build();
    with_token(&admin, command("/circuits/plants/observe"), TOKEN).await;

    for [a, b] in (0..300_u16).map(u16::to_be_bytes) {
        with_token(&admin, from(command("/circuits/plants/trip"), [10, 0, a, b]), "wrong").await;
    }

    let audit = with_token(&admin, Request::get("/audit"), TOKEN).await.json;
    assert_eq!(audit["refused"]["entries"].as_array().unwrap().len(), 100);
    assert_eq!(audit["refused"]["total"], 300);
    assert_eq!(audit["refused"]["entries"][99]["peer"], "10.0.1.43");
    assert_eq!(audit["entries"].as_array().unwrap().len(), 1, "pushed out by nobody");
}

#[tokio::test]
async fn a_name_that_a_proxy_has_checked_counts_and_one_that_is_typed_is_what_somebody_says() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = guarded(&registry)
        .actor(|parts| Some(parts.headers.get("x-auth-user")?.to_str().ok()?.to_owned()))
        .build();
    let give = async |user: Option<&str>| {
        let request = command("/circuits/plants/observe");
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let request =
            user.into_iter().fold(request, |request, it| request.header("x-auth-user", it));
        let body = Full::from(r#"{"actor": "ann"}"#);
        assert_eq!(ask(&admin, request.body(body).unwrap()).await.status, 200);
    };
    give(Some("bob")).await;
    give(None).await;
    give(Some("  ")).await;
    give(Some(&"x".repeat(5000))).await;

    let audit = with_token(&admin, Request::get("/audit"), TOKEN).await.json;
    let who = |entry: usize| {
        let entry = &audit["entries"][entry];
        (entry["actor"].as_str().unwrap().to_owned(), entry["actor_checked"].as_bool().unwrap())
    };
    assert_eq!(who(0), ("bob".to_owned(), true));
    assert_eq!(who(1), ("ann".to_owned(), false));
    assert_eq!(who(2), ("ann".to_owned(), false));
    assert!(who(3).1 && who(3).0.len() <= 500, "{}", who(3).0.len());
}

/// `curl -X POST`, a script, a cron job.
#[tokio::test]
async fn a_command_without_a_body_needs_no_content_type_where_it_is_of_no_browser() {
    let (registry, _clock) = registry(&["plants"]);
    let bare = || from_here(Request::post("/circuits/plants/trip"));
    let guarded = guarded(&registry).build();
    let open = steering(&registry).build();

    assert_eq!(with_token(&guarded, bare(), TOKEN).await.status, 200);
    assert_eq!(ask(&open, bare().body(Full::default()).unwrap()).await.status, 200);
    registry.reset_all();
    let browsers = [
        ("origin", "http://localhost:3000"),
        ("referer", "http://localhost:3000/"),
        ("cookie", "theme=dark"),
        ("sec-fetch-site", "none"),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "empty"),
    ];
    for (name, value) in browsers {
        let request = || bare().header("host", "localhost:3000").header(name, value);
        assert_eq!(with_token(&guarded, request(), TOKEN).await.status, 415, "{name}");
        assert_eq!(
            ask(&open, request().body(Full::default()).unwrap()).await.status,
            415,
            "{name}"
        );
    }
    // `curl -d ''` and what a form sends.
    for content_type in
        ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
    {
        let request = bare().header("content-type", content_type);
        assert_eq!(with_token(&guarded, request, TOKEN).await.status, 415, "{content_type}");
    }
    let with_body = ask(&open, bare().body(Full::from("{}")).unwrap()).await;
    assert_eq!(with_body.status, 415, "a body needs a name");
    assert_eq!(with_token(&guarded, bare(), READ_TOKEN).await.status, 403);
    assert_eq!(ask(&guarded, bare().body(Full::default()).unwrap()).await.status, 401);
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);
}
