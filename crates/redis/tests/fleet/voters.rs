//! Whose vote a process has, and what is said where two have one name.

use std::time::Duration;

use tower_circuit_breaker::{CircuitRegistry, CircuitState};
use tower_circuit_breaker_redis::{RedisSyncBuilder, SyncErrorKind, SyncStatus};

use crate::nodes::{
    LONG, Node, all_are, fail, link, registry, unnamed, until, until_within, watch_for,
};
use crate::server::Server;

/// Longer than it takes for some to vote.
const WINDOW: Duration = Duration::from_secs(4);

fn two(server: &Server) -> RedisSyncBuilder {
    unnamed(server.url()).quorum(2).vote_window(WINDOW)
}

fn votes(server: &Server) -> Vec<String> {
    let entries = server.cli(&["zrange", "{breaker:0}:votes:api", "0", "-1"]);
    entries.lines().map(ToOwned::to_owned).collect()
}

async fn grow_up(nodes: &[Node]) {
    let is_grown = |node: &Node| node.sync.health().own_vote_in.is_zero();
    until("each has its own vote", || nodes.iter().all(is_grown)).await;
}

/// Waits until the circuit's vote is in Redis, and for all that follows from it.
async fn vote(node: &Node, server: &Server) {
    fail(&node.api);
    let id = node.sync.node().to_owned();
    let is_there = || votes(server).iter().any(|entry| entry.contains(&id));
    until("its vote is there, or was enough", || is_there() || !server.record().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_crashes_and_comes_back_is_one_vote_under_whatever_name() {
    let server = Server::start().await;
    let mut steady = Vec::new();
    for name in ["steady-1", "steady-2"] {
        steady.push(Node::join(two(&server).node(name), registry(LONG)).await);
    }
    // Under one name, under new ones as on new hosts, and as the default is.
    let names = ["web", "web", "web-1", "web-2", "pod-3:1", ""];
    for name in names {
        let builder = if name.is_empty() { two(&server) } else { two(&server).node(name) };
        let node = Node::join(builder, registry(LONG)).await;
        vote(&node, &server).await;
        // As a process that is killed: its vote stays.
        drop(node);
        assert_eq!(server.record(), "", "{name}: {:?}", votes(&server));
    }
    assert!(votes(&server).len() > 3, "they are there, as one: {:?}", votes(&server));

    grow_up(&steady).await;
    let last = Node::join(two(&server).node("web-9"), registry(LONG)).await;
    vote(&last, &server).await;
    fail(&steady[0].api);
    until("it has voted, too", || votes(&server).iter().any(|one| one.contains("steady-1"))).await;
    assert_eq!(server.record(), "", "it may have crashed and come back: {:?}", votes(&server));
    fail(&steady[1].api);
    until("with another's it is enough", || server.record().contains(" o ")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn processes_of_one_host_have_one_vote_and_those_with_names_have_theirs() {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for name in [None, None, Some("own")] {
        let builder = name.into_iter().fold(two(&server), RedisSyncBuilder::node);
        nodes.push(Node::join(builder, registry(LONG)).await);
    }
    let health = nodes[0].sync.health();
    assert!(nodes[0].sync.node().starts_with(&format!("{}:", health.vote)), "{health:?}");
    assert_eq!(nodes[1].sync.health().vote, health.vote);
    assert_eq!(nodes[2].sync.health().vote, "own");
    assert!(health.own_vote_in > Duration::ZERO && health.own_vote_in <= WINDOW);
    grow_up(&nodes).await;

    for node in &nodes[..2] {
        vote(node, &server).await;
    }
    nodes[0].api.reset();
    until("only what it has cast is taken back", || votes(&server).len() == 1).await;
    fail(&nodes[0].api);
    until("both have voted", || votes(&server).len() == 2).await;
    nodes[1].read_again().await;
    assert_eq!((server.record(), nodes[2].api.state()), (String::new(), CircuitState::Closed));

    fail(&nodes[2].api);
    until("another's vote is enough", || all_are(&nodes, CircuitState::Open)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn two_processes_of_one_name_are_noticed_and_one_that_comes_back_is_not() {
    let server = Server::start().await;
    let of_name = || link(server.url()).node("web-1");
    let earlier = Node::join(of_name(), registry(LONG)).await;
    until("it has said that it is there", || said(&server).starts_with("2 ")).await;
    let before = said(&server);
    drop(earlier);
    let one = Node::join(of_name(), registry(LONG)).await;
    until("the next has, too", || said(&server) != before).await;
    assert_eq!(one.errors(SyncErrorKind::SameName), 0);

    let other = Node::join(of_name(), CircuitRegistry::new()).await;
    let both = [&one, &other];
    let is_told = |node: &&Node| node.errors(SyncErrorKind::SameName) > 0;
    until_within(Duration::from_secs(20), "both are told", || both.iter().all(is_told)).await;
    assert!(both.iter().all(|node| node.status() == SyncStatus::Degraded));
    let text = one.sync.health().last_error_text.unwrap();
    assert!(text.contains("web-1") && text.contains("`node`"), "{text}");
    watch_for(Duration::from_secs(1)).await;
    assert!(both.iter().all(|node| node.status() == SyncStatus::Degraded), "as long as it is so");
}

/// What stands there of the process `web-1`.
fn said(server: &Server) -> String {
    server.cli(&["get", "{breaker:~}:process:web-1"])
}
