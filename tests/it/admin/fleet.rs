//! Commands that are meant for all processes.

use std::sync::{Arc, Mutex};

use http::Request;
use http_body_util::Full;
use serde_json::Value;
use tower::ServiceExt;
use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder};
use tower_circuit_breaker_admin::Admin;

use super::access::guarded;
use super::fake_fleet::FakeFleet;
use super::{TOKEN, ask, command, get, post, registry, steering};
use crate::support::SECOND;

const FORCE_OPEN: &str = "/circuits/plants/force-open?scope=fleet";

async fn audited(admin: &Admin) -> Vec<Value> {
    get(admin, "/audit").await.json["entries"].as_array().unwrap().clone()
}

fn commands(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["command"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_command_to_a_fleet_that_is_not_there_is_refused() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();

    let answer = post(&admin, "/circuits/plants/force-open?scope=fleet", "{}").await;

    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(answer.detail().contains("RedisSync"), "{}", answer.text);
    assert_eq!(registry.get("plants").unwrap().snapshot().overridden, None);
}

#[tokio::test]
async fn a_scope_that_is_not_known_acts_on_nothing() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    for query in ["scope=Fleet", "scope=", "scop=fleet", "scope=fleet&scope=process", "x"] {
        let answer = post(&admin, &format!("/circuits/plants/force-open?{query}"), "{}").await;

        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert_eq!(registry.get("plants").unwrap().snapshot().overridden, None, "{query}");
    }
    let answer = post(&admin, "/circuits/plants/force-open?scope=process", "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn commands_that_are_for_one_process_are_not_given_to_the_fleet() {
    let (registry, _clock) = registry(&["plants"]);
    let admin = steering(&registry).build();
    for command in ["plants/trip", "plants/observe", "reset-all"] {
        let answer = post(&admin, &format!("/circuits/{command}?scope=fleet"), "{}").await;

        assert_eq!(answer.status, 400, "{command}: {}", answer.text);
        assert!(answer.detail().contains("one process"), "{command}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_audit_has_an_end_before_the_fleets_command_that_found_it() {
    let (registry, clock) = registry(&["plants"]);
    FakeFleet::new().join(&registry);
    let admin = steering(&registry).build();
    registry.get("plants").unwrap().force_open_for(10 * SECOND);
    clock.advance(10 * SECOND);

    post(&admin, FORCE_OPEN, "{}").await;

    assert_eq!(commands(&audited(&admin).await), ["release", "fleet force-open"]);
}

#[tokio::test]
async fn an_order_to_the_fleet_carries_who_gives_it_and_why() {
    let (registry, _clock) = registry(&["plants"]);
    let fleet = FakeFleet::new().join(&registry);
    let admin = guarded(&registry)
        .actor(|parts| Some(parts.headers.get("x-auth-user")?.to_str().ok()?.to_owned()))
        .build();
    let give = async |path: &str, user: Option<&str>, body: &'static str| {
        let request = command(path).header("authorization", format!("Bearer {TOKEN}"));
        let request = user.into_iter().fold(request, |it, user| it.header("x-auth-user", user));
        assert_eq!(ask(&admin, request.body(Full::from(body)).unwrap()).await.status, 200);
    };

    give(FORCE_OPEN, None, r#"{"actor": "ann", "reason": "deploy", "for": "10m"}"#).await;
    give("/circuits/plants/release?scope=fleet", Some("bob"), r#"{"actor": "ann"}"#).await;
    give("/circuits/plants/reset?scope=fleet", None, "{}").await;

    let mut forced = FleetOrder::new(FleetCommand::ForceOpen { lasting: Some(600 * SECOND) });
    forced.actor = Some("ann".to_owned());
    forced.reason = Some("deploy".to_owned());
    let mut released = FleetOrder::new(FleetCommand::Release);
    released.actor = Some("bob".to_owned());
    released.actor_checked = true;
    let expected = [forced, released, FleetOrder::new(FleetCommand::Reset)];
    assert_eq!(fleet.orders(), expected.map(|order| (Arc::from("plants"), order)));
}

#[tokio::test]
async fn a_command_that_the_fleet_has_kept_is_one_entry_of_the_audit() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::new().join(&registry);
    let admin = steering(&registry).build();

    let answer = post(&admin, FORCE_OPEN, r#"{"for": "10m"}"#).await;

    let entries = audited(&admin).await;
    assert_eq!((answer.status.as_u16(), &answer.json["name"]), (200, &"plants".into()));
    assert_eq!(commands(&entries), ["fleet force-open"]);
    assert_eq!(entries[0].get("failed"), Some(&Value::Null));
}

#[tokio::test]
async fn a_fleets_command_that_failed_says_so_in_an_entry_of_its_own() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::failing("no store answers").join(&registry);
    let admin = steering(&registry).build();
    let body = r#"{"actor": "ann", "reason": "deploy", "for": "10m"}"#;

    let answer = post(&admin, FORCE_OPEN, body).await;

    let entries = audited(&admin).await;
    assert_eq!((answer.status.as_u16(), answer.detail()), (503, "no store answers"));
    assert_eq!(commands(&entries), ["fleet force-open", "fleet force-open failed"]);
    assert_eq!(entries[0]["failed"], Value::Null, "it was not known when it was written");
    assert_eq!(entries[1]["failed"], "no store answers");
    assert_eq!((&entries[0]["number"], &entries[1]["number"]), (&1.into(), &2.into()));
    for field in ["circuit", "actor", "actor_checked", "reason", "peer", "for"] {
        assert_eq!(entries[1][field], entries[0][field], "{field}");
    }
}

#[tokio::test]
async fn every_command_to_the_fleet_that_failed_is_named_so() {
    let (registry, _clock) = registry(&["plants"]);
    FakeFleet::failing("no store answers").join(&registry);
    let admin = steering(&registry).build();
    for command in ["reset", "force-open", "force-closed", "release"] {
        post(&admin, &format!("/circuits/plants/{command}?scope=fleet"), "{}").await;

        let entries = audited(&admin).await;
        let given = format!("fleet {command}");
        let failed = format!("fleet {command} failed");
        assert_eq!(commands(&entries)[entries.len() - 2..], [given, failed], "{command}");
    }
}

#[tokio::test]
async fn an_entry_is_written_before_its_command_is_given_and_its_failure_after() {
    let (registry, _clock) = registry(&["plants"]);
    let fleet = FakeFleet::failing("a\nb").join(&registry);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let orders = Arc::clone(&fleet);
    let admin = steering(&registry)
        .on_audit(move |entry| {
            ear.lock().unwrap().push((orders.orders().len(), entry.to_string()));
        })
        .build();

    post(&admin, FORCE_OPEN, r#"{"reason": "deploy"}"#).await;

    let given = r#"fleet force-open of "plants" from 127.0.0.1: "deploy""#;
    let failed =
        r#"fleet force-open failed of "plants" from 127.0.0.1: "deploy"; it failed: "a\nb""#;
    assert_eq!(*heard.lock().unwrap(), [(0, given.to_owned()), (1, failed.to_owned())]);
}

#[tokio::test]
async fn that_a_command_failed_is_written_though_its_caller_has_left() {
    let (registry, _clock) = registry(&["plants"]);
    let fleet = FakeFleet::failing("no store answers").join(&registry);
    fleet.hold_answers();
    let admin = steering(&registry).build();
    let request: Request<_> = command(FORCE_OPEN).body(Full::<bytes::Bytes>::default()).unwrap();
    let mut call = Box::pin(admin.clone().oneshot(request));
    std::future::poll_fn(|cx| {
        assert!(call.as_mut().poll(cx).is_pending(), "the fleet has not answered");
        std::task::Poll::Ready(())
    })
    .await;

    drop(call);
    fleet.answer();
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;

    assert_eq!(commands(&audited(&admin).await), ["fleet force-open", "fleet force-open failed"]);
}
