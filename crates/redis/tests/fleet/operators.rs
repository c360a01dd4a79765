//! Operators of one process who reach all of them, by the admin service.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::ServiceExt;
use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder};
use tower_circuit_breaker::{CircuitState, Override};
use tower_circuit_breaker_admin::Admin;
use tower_circuit_breaker_redis::SyncStatus;

use crate::nodes::{LONG, Node, all_are, fail, until, watch_for};
use crate::server::Server;

/// A command as the page of this process sends it.
async fn post(node: &Node, path: &str) -> (StatusCode, String) {
    post_body(node, path, "").await
}

async fn post_body(node: &Node, path: &str, body: &'static str) -> (StatusCode, String) {
    let here: SocketAddr = ([127, 0, 0, 1], 4000).into();
    let admin = Admin::builder(node.registry.clone())
        .control_from_loopback()
        .peer(move |_| Some(here))
        .build();
    let request = Request::post(path)
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .body(Full::<bytes::Bytes>::from(body))
        .unwrap();
    let answer = admin.oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn forced(node: &Node) -> Option<Override> {
    node.api.snapshot().overridden
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_command_to_the_fleet_by_one_admin_service_acts_in_every_process() {
    let server = Server::start().await;
    let nodes = Node::join_all(3, &server.url(), LONG).await;

    let (status, body) = post(&nodes[0], "/circuits/api/force-open?scope=fleet").await;

    assert_eq!(status, 200, "{body}");
    assert!(body.contains(r#""overridden":"forced_open""#), "carried out here: {body}");
    until("everywhere", || nodes.iter().all(|node| forced(node) == Some(Override::ForcedOpen)))
        .await;
    let (status, body) = post(&nodes[1], "/circuits/api/release?scope=fleet").await;
    assert_eq!(status, 200, "{body}");
    until("released", || nodes.iter().all(|node| forced(node).is_none())).await;

    let (status, body) = post(&nodes[2], "/circuits/api/force-open").await;
    assert_eq!(status, 200, "{body}");
    nodes[0].read_again().await;
    assert_eq!(forced(&nodes[0]), None, "meant for one process");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_command_that_the_fleet_does_not_hear_says_so_and_changes_nothing() {
    let mut server = Server::start().await;
    let nodes = Node::join_all(1, &server.url(), LONG).await;
    server.kill();
    until("noticed", || nodes[0].status() == SyncStatus::Disconnected).await;

    let (status, body) = post(&nodes[0], "/circuits/api/force-open?scope=fleet").await;

    assert_eq!(status, 503, "{body}");
    assert!(body.contains("could not be told"), "{body}");
    assert_eq!(forced(&nodes[0]), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_the_fleet_forces_for_a_time_ends_in_every_process_by_itself() {
    let server = Server::start().await;
    let mut nodes = Node::join_all(2, &server.url(), LONG).await;
    let begun = Instant::now();

    let path = "/circuits/api/force-open?scope=fleet";
    let (status, body) = post_body(&nodes[0], path, r#"{"for": "2s"}"#).await;
    assert_eq!(status, 200, "{body}");
    until("everywhere", || nodes.iter().all(|node| forced(node) == Some(Override::ForcedOpen)))
        .await;
    // One that starts meanwhile is forced for the rest.
    watch_for(Duration::from_millis(500)).await;
    nodes.extend(Node::join_all(1, &server.url(), LONG).await);
    let rest = nodes[2].api.operators_override().expect("it has heard").ends_in.unwrap();
    assert!(rest <= Duration::from_millis(1500), "{rest:?}");

    until("over", || nodes.iter().all(|node| forced(node).is_none())).await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    // What has been over is not said again, to those that are here or to one that starts.
    for node in &nodes {
        node.read_again().await;
    }
    nodes.extend(Node::join_all(1, &server.url(), LONG).await);
    assert!(all_are(&nodes, CircuitState::Closed));
}

/// Its votes count again, and open the fleet.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_fleet_whose_override_is_over_protects_again() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    let path = "/circuits/api/force-closed?scope=fleet";
    let (status, body) = post_body(&nodes[0], path, r#"{"for": "1s"}"#).await;
    assert_eq!(status, 200, "{body}");
    until("everywhere", || nodes.iter().all(|node| forced(node).is_some())).await;
    until("over", || nodes.iter().all(|node| forced(node).is_none())).await;

    nodes.iter().for_each(|node| fail(&node.api));

    until("open", || all_are(&nodes, CircuitState::Open)).await;
}

/// A Redis that lost everything is told of the override again, with the rest of its time.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_flush_neither_lifts_nor_prolongs_what_the_fleet_forces_for_a_time() {
    let server = Server::start().await;
    let nodes = Node::join_all(1, &server.url(), LONG).await;
    let path = "/circuits/api/force-open?scope=fleet";
    let (status, body) = post_body(&nodes[0], path, r#"{"for": "3s"}"#).await;
    assert_eq!(status, 200, "{body}");

    server.cli(&["FLUSHALL"]);
    nodes[0].read_again().await;
    nodes[0].read_again().await;
    let late = Node::join_all(1, &server.url(), LONG).await;
    let rest = late[0].api.operators_override().expect("it has heard").ends_in.unwrap();
    assert!(rest <= Duration::from_secs(3), "{rest:?}");
    until("over", || late.iter().chain(&nodes).all(|node| forced(node).is_none())).await;

    server.cli(&["FLUSHALL"]);
    nodes[0].read_again().await;
    nodes[0].read_again().await;
    assert!(late.iter().chain(&nodes).all(|node| forced(node).is_none()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn who_has_forced_the_fleet_and_why_is_known_in_every_process_and_after_a_flush() {
    let server = Server::start().await;
    let nodes = Node::join_all(3, &server.url(), LONG).await;
    let mut order = FleetOrder::new(FleetCommand::ForceOpen { lasting: Some(LONG) });
    order.actor = Some("ann of the night shift".to_owned());
    order.actor_checked = true;
    order.reason = Some("50 % of orders are lost: \"stop\"\n".repeat(30));
    let reason = order.reason.clone().unwrap()[..200].to_owned();

    nodes[0].sync.order("api", order).await.unwrap();

    let words = |node: &Node| {
        let own = node.api.operators_override()?;
        Some((own.actor?.to_string(), own.actor_checked, own.reason?.to_string(), own.by_fleet))
    };
    let told = Some(("ann of the night shift".to_owned(), true, reason, true));
    let all_told = || nodes.iter().all(|node| words(node) == told);
    until("all know it", all_told).await;
    nodes[1].sync.reset("api").await.unwrap();
    until("a reset changes no word of it", all_told).await;
    server.cli(&["flushall"]);
    until("it is put in again", || server.record().contains("ann%20of%20the")).await;
    let late = Node::join(crate::nodes::link(server.url()), crate::nodes::registry(LONG)).await;
    assert_eq!(words(&late), told, "who comes later, too");

    nodes[2].sync.release("api").await.unwrap();
    until("nothing is left of it", || nodes.iter().all(|node| words(node).is_none())).await;
    assert!(server.record().starts_with("1 "), "{}", server.record());
}
