//! Operators of one process who reach all of them, by the admin service.

use std::net::SocketAddr;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_circuit_breaker::Override;
use tower_circuit_breaker_admin::Admin;
use tower_circuit_breaker_redis::SyncStatus;

use crate::nodes::{LONG, Node, until};
use crate::server::Server;

/// A command as the page of this process sends it.
async fn post(node: &Node, path: &str) -> (StatusCode, String) {
    let here: SocketAddr = ([127, 0, 0, 1], 4000).into();
    let admin = Admin::builder(node.registry.clone()).control().peer(move |_| Some(here)).build();
    let request = Request::post(path)
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .body(Full::<bytes::Bytes>::default())
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
