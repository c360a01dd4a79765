//! What is told of the circuits.

use http::Request;
use http_body_util::Full;
use serde_json::json;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_admin::Admin;

use super::{ask, get, registry, steering};
use crate::support::{SECOND, fail, succeed};

#[tokio::test]
async fn circuits_are_listed_with_their_health_rates_and_thresholds() {
    let (registry, clock) = registry(&["plants", "prices"]);
    fail(&registry.get("plants").unwrap());
    succeed(&registry.get("prices").unwrap());
    clock.advance(2 * SECOND);

    let answer = get(&Admin::builder(registry).build(), "/circuits").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["health"], "degraded");
    let [plants, prices] = [&answer.json["circuits"][0], &answer.json["circuits"][1]];
    assert_eq!(plants["name"], "plants");
    assert_eq!(plants["state"], "open");
    assert_eq!(plants["health"], "failing");
    assert_eq!(plants["retry_after"], 28.0);
    assert_eq!(plants["last_trip"]["reason"], "consecutive_failures");
    assert_eq!(plants["last_trip"]["ago"], 2.0);
    assert_eq!(plants["recent_events"][0]["event"]["to"], "open");
    assert_eq!(prices["health"], "healthy");
    assert_eq!(prices["window"]["calls"], 1);
    assert_eq!(prices["failure_rate"], json!(null), "below the minimum of calls");
    assert_eq!(prices["thresholds"]["failure_rate"], 0.5);
    assert_eq!(prices["thresholds"]["consecutive_failures"], 1);
    assert_eq!(prices["thresholds"]["slow_call_rate"], json!(null));
    assert_eq!(prices["thresholds"]["minimum_calls"], 20);
}

#[tokio::test]
async fn one_circuit_is_told_with_its_settings() {
    let (registry, _clock) = registry(&["plants"]);

    let answer = get(&Admin::builder(registry).build(), "/circuits/plants").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["name"], "plants");
    assert_eq!(answer.json["config"]["open_for"], "30s");
    assert_eq!(answer.json["config"]["rules"][0]["consecutive_failures"], 1);
}

#[tokio::test]
async fn the_last_events_of_a_circuit_are_all_there() {
    let (registry, _clock) = registry(&["plants"]);
    let plants = registry.get("plants").unwrap();
    for _ in 0..4 {
        plants.trip();
        plants.reset();
    }

    let admin = Admin::builder(registry).build();
    let answer = get(&admin, "/circuits/plants/events").await;
    let few = get(&admin, "/circuits/plants").await;

    assert_eq!(answer.json["circuit"], "plants");
    assert_eq!(answer.json["events"].as_array().unwrap().len(), 8);
    assert_eq!(answer.json["events"][7]["number"], 8);
    assert_eq!(few.json["recent_events"].as_array().unwrap().len(), 5);
    assert_eq!(few.json["recent_events"][4]["number"], 8);
}

#[tokio::test]
async fn health_is_503_only_while_failing() {
    let (registry, _clock) = registry(&["plants", "prices"]);
    let admin = Admin::builder(registry.clone()).build();

    let healthy = get(&admin, "/health").await;
    registry.get("plants").unwrap().trip();
    let degraded = get(&admin, "/health").await;
    registry.mark_critical("plants");
    let failing = get(&admin, "/health").await;

    let told = |health: &str, state: &str, of_one: &str| {
        json!({ "health": health, "circuits": [
            { "name": "plants", "health": of_one, "state": state, "overridden": null },
            { "name": "prices", "health": "healthy", "state": "closed", "overridden": null },
        ]})
    };
    assert_eq!(
        (healthy.status.as_u16(), healthy.json),
        (200, told("healthy", "closed", "healthy"))
    );
    assert_eq!(
        (degraded.status.as_u16(), degraded.json),
        (200, told("degraded", "open", "failing"))
    );
    assert_eq!((failing.status.as_u16(), failing.json), (503, told("failing", "open", "failing")));
}

#[tokio::test]
async fn metrics_are_what_the_encoder_writes() {
    let admin = Admin::builder(CircuitRegistry::new());
    let none = get(&admin.build(), "/metrics").await;
    let (registry, _clock) = registry(&["plants", "prices"]);
    let count = |circuits: &CircuitRegistry| format!("circuits {}\n", circuits.snapshots().len());
    let plain = Admin::builder(registry).metrics(count).build();
    let open = Admin::builder(CircuitRegistry::new()).metrics(|_| "# EOF\n".to_owned()).build();

    let (plain, open) = (get(&plain, "/metrics").await, get(&open, "/metrics").await);

    assert_eq!(none.status, 404);
    assert!(none.detail().contains("AdminBuilder::metrics"), "{}", none.text);
    assert_eq!(plain.text, "circuits 2\n");
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(open.header("content-type").starts_with("application/openmetrics-text;"));
}

#[tokio::test]
async fn a_slash_at_the_end_and_a_prefix_make_no_difference() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = Admin::builder(registry).path_prefix("ops/").build();
    let paths = ["/circuits", "/circuits/", "/ops/circuits", "/ops/circuits/"];

    for path in paths {
        let answer = get(&admin, path).await;
        assert_eq!(answer.json["circuits"][0]["name"], "plants", "{path}");
    }
    for path in ["/", "/ops", "/ops/"] {
        let answer = get(&admin, path).await;
        assert!(answer.text.starts_with("<!DOCTYPE html>"), "{path}: {}", answer.text);
    }
    assert_eq!(get(&admin, "/opscircuits").await.status, 404);
}

#[tokio::test]
async fn every_answer_forbids_framing_caching_sniffing_and_referring() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    for path in ["/", "/circuits", "/health", "/nowhere", "/circuits/gone", "/openapi.json"] {
        let answer = get(&admin, path).await;
        let policy = answer.header("content-security-policy").to_owned();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        // What says nothing of circuits is kept, and asked for each time.
        let is_kept = ["/", "/openapi.json"].contains(&path);
        let cached = if is_kept { "no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), cached, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_found_says_what_to_do() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let cases = [
        ("/nowhere", 404, "openapi.json"),
        ("/circuits/gone", 404, r#"no circuit is named "gone""#),
        ("/circuits/gone/events", 404, "GET circuits lists them all"),
        ("/circuits/plants/explode", 404, "there are reset, trip, force-open"),
        ("/circuits/plants/reset/now", 404, "openapi.json"),
    ];
    for (path, status, word) in cases {
        let answer = get(&admin, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert!(answer.detail().contains(word), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_which_are_right() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    let cases = [
        ("GET", "/circuits/plants/reset", "POST"),
        ("PUT", "/circuits/plants/reset", "POST"),
        ("POST", "/circuits", "GET, HEAD"),
        ("DELETE", "/circuits/plants", "GET, HEAD"),
        ("OPTIONS", "/", "GET, HEAD"),
        ("POST", "/circuits/plants/events", "GET, HEAD"),
    ];
    for (method, path, allowed) in cases {
        let request = Request::builder().method(method).uri(path);
        let answer = ask(&admin, request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        assert!(answer.detail().contains(allowed), "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn reading_changes_nothing_whatever_the_path() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    for command in ["reset", "trip", "force-open", "force-closed", "observe", "release"] {
        let answer = get(&admin, &format!("/circuits/plants/{command}")).await;
        assert_eq!(answer.status, 405, "{command}");
    }
    assert_eq!(get(&admin, "/circuits/reset-all").await.status, 404);
    assert!(registry.get("plants").unwrap().recent_events().is_empty());
}

#[tokio::test]
async fn odd_names_are_found_decoded_and_told_as_they_are() {
    let names =
        ["a/b", "100%", "käfer", "<img src=x onerror=alert(1)>", "\"><script>", "a\r\nb", "\0"];
    let (registry, _clock) = registry(&names);
    let admin = Admin::builder(registry).build();
    let paths = [
        "a%2Fb",
        "100%25",
        "k%C3%A4fer",
        "%3Cimg%20src=x%20onerror=alert(1)%3E",
        "%22%3E%3Cscript%3E",
        "a%0D%0Ab",
        "%00",
    ];
    for (name, path) in names.iter().zip(paths) {
        let answer = get(&admin, &format!("/circuits/{path}")).await;
        assert_eq!(answer.json["name"], *name, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn paths_that_mean_something_else_elsewhere_mean_nothing_here() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = Admin::builder(registry).build();
    let long = format!("/circuits/{}", "x".repeat(60_000));
    let crabs = format!("/circuits/x{}", "%F0%9F%A6%80".repeat(1_000));
    let cases = [
        ("/../etc/passwd", 404),
        ("/circuits/../../etc/passwd", 404),
        ("/circuits/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        ("/circuits/plants%00", 404),
        ("//circuits", 404),
        ("/circuits//plants", 404),
        ("/circuits/%", 400),
        ("/circuits/%zz", 400),
        ("/circuits/%+1", 400),
        ("/circuits/%ff%fe", 400),
        ("/circuits/%c3%28", 400),
        (long.as_str(), 404),
        (crabs.as_str(), 404),
    ];
    for (path, status) in cases {
        let answer = get(&admin, path).await;
        assert_eq!(answer.status, status, "{path:.80}");
        assert!(answer.text.len() < 400, "{path:.80}: {}", answer.text.len());
    }
}
