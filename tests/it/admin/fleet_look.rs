//! What `GET /fleet` says.

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tower_circuit_breaker_admin::Admin;

use super::access::{guarded, with_token};
use super::fake_fleet::FakeFleet;
use super::{READ_TOKEN, TOKEN, ask, from_here, get, registry, steering};

#[tokio::test]
async fn where_no_fleet_is_joined_there_is_nothing_to_show() {
    let (registry, _clock) = registry(&["plants"]);

    let answer = get(&steering(&registry).build(), "/fleet").await;

    assert_eq!(answer.status, 404, "{}", answer.text);
    assert!(answer.detail().contains("RedisSync"), "{}", answer.text);
}

#[tokio::test]
async fn a_fleet_that_was_not_read_yet_is_empty_and_says_so() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::new().join(&registry);

    let answer = get(&steering(&registry).build(), "/fleet").await;

    let nothing = json!({ "link": null, "read_ago": null, "processes": [], "circuits": [] });
    assert_eq!((answer.status.as_u16(), answer.json), (200, nothing));
}

#[tokio::test]
async fn a_fleet_is_shown_as_it_was_last_read() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::read().join(&registry);

    let shown = get(&steering(&registry).build(), "/fleet").await.json;

    let link = json!({
        "status": "connected", "in_status_for": 90.0, "last_agreed": 1.5, "errors": 3,
        "degraded": false,
    });
    let said = json!({
        "status": "connected", "in_status_for": 12.0, "last_agreed": 1.0, "errors": 0,
        "degraded": true,
    });
    let this = json!({
        "name": "pod-1", "number": "000000000000beef", "vote": "eu", "version": "0.3.0",
        "link": said, "this": true, "circuits": [], "cut": false,
    });
    let other = json!({
        "name": "pod-2", "number": "ffffffffffffffff", "vote": "", "version": "",
        "link": null, "this": false, "cut": true,
        "circuits": [
            { "name": "plants", "state": "open", "override": "forced_open" },
            { "name": "prices", "state": "half_open", "override": null },
        ],
    });
    let plants = json!({
        "name": "plants", "epoch": 7, "state": "open", "override": "forced_open", "serial": 5,
        "left": 600.0, "cause": "operator", "process": "pod-2", "actor": "ann",
        "reason": "the vendor's maintenance", "votes": [],
        "leases": [{ "process": "pod-2", "left": 2.5 }],
    });
    let prices = json!({
        "name": "prices", "epoch": null, "state": null, "override": null, "serial": null, "left": null,
        "cause": null, "process": null, "actor": null, "reason": null, "votes": ["eu"],
        "leases": [],
    });
    let whole = json!({
        "link": link, "read_ago": 2.0, "processes": [this, other], "circuits": [plants, prices],
    });
    assert_eq!(shown, whole);
}

#[tokio::test]
async fn the_words_of_a_fleets_command_are_hidden_from_those_who_read_alone() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::read().join(&registry);
    let guarded = guarded(&registry).build();
    let open = Admin::builder(registry.clone()).build();
    let words = |shown: &Value| {
        let plants = &shown["circuits"][0];
        (plants.get("actor").cloned(), plants.get("reason").cloned())
    };
    let told = (Some(json!("ann")), Some(json!("the vendor's maintenance")));

    let operator = with_token(&guarded, Request::get("/fleet"), TOKEN).await;
    let reader = with_token(&guarded, Request::get("/fleet"), READ_TOKEN).await;
    let stranger = get(&guarded, "/fleet").await;
    let near = get(&open, "/fleet").await;
    let far = ask(&open, Request::get("/fleet").body(Full::default()).unwrap()).await;

    assert_eq!(words(&operator.json), told);
    assert_eq!(words(&near.json), told);
    for answer in [reader, far] {
        assert_eq!(answer.json["circuits"][0]["override"], "forced_open", "{}", answer.text);
        assert_eq!(words(&answer.json), (None, None));
        assert!(!answer.text.contains("ann") && !answer.text.contains("vendor"), "{}", answer.text);
    }
    assert_eq!(stranger.status, 401);
}

#[tokio::test]
async fn a_fleet_is_read_and_not_written() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::read().join(&registry);
    let admin = steering(&registry).build();
    for method in ["POST", "PUT", "DELETE"] {
        let request = from_here(Request::builder().method(method).uri("/fleet"));
        let answer = ask(&admin, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD", "{method}");
    }
}
