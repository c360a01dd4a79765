//! What processes agree on, directly and through a pooler in transaction mode.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder};
use tower_circuit_breaker::{CircuitState, Override};
use tower_circuit_breaker_postgres::{SyncErrorKind, SyncStatus};

use crate::nodes::{
    LONG, Node, all_are, call, call_all, fail, link, registry, registry_with, until,
};
use crate::pooler::Pooler;
use crate::server::Server;

/// Long enough that a slow machine is not late to ask who may probe.
const OPEN: Duration = Duration::from_millis(1500);

/// A trip is known to all, one at a time probes, and what it finds closes all.
async fn agree(url: &str) {
    // Whoever is not answered goes alone: here the machine may be slow.
    let builder = link(url).response_timeout(Duration::from_secs(5));
    let nodes = Node::join_by(&builder, 4, OPEN).await;
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;

    let (at_once, most, probes) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let probe = async |node: &Node| {
        // What a closed one lets through is no probe.
        if node.api.state() == CircuitState::Closed {
            return;
        }
        let called = node.api.call(async {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(50)).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            // The first finds that it is still down.
            if probes.fetch_add(1, Ordering::SeqCst) == 0 { Err("down") } else { Ok(()) }
        });
        let _ = called.await;
    };
    let start = Instant::now();
    while !all_are(&nodes, CircuitState::Closed) {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not recover");
        let [one, two, three, four] = [0, 1, 2, 3].map(|at| probe(&nodes[at]));
        tokio::join!(one, two, three, four);
        sleep(Duration::from_millis(2)).await;
    }

    let said: Vec<_> = nodes.iter().map(|node| node.sync.health()).collect();
    assert_eq!(most.load(Ordering::SeqCst), 1, "one at a time: {said:#?}");
    assert_eq!(probes.load(Ordering::SeqCst), 2, "one in vain, and one was enough");

    let mut order = FleetOrder::new(FleetCommand::ForceOpen { lasting: None });
    (order.actor, order.reason) = (Some("ann".to_owned()), Some("50 % of\n\"calls\"".to_owned()));
    nodes[1].sync.order("api", order).await.unwrap();
    let told = |node: &Node| node.api.operators_override()?.reason.map(|reason| reason.to_string());
    until("all are told why", || {
        nodes.iter().all(|node| told(node).as_deref() == Some("50 % of\n\"calls\""))
    })
    .await;
    let late = Node::join(link(url).node("late"), registry(OPEN)).await;
    assert_eq!(late.api.snapshot().overridden, Some(Override::ForcedOpen));
    nodes[2].sync.release("api").await.unwrap();
    until("all are released", || nodes.iter().all(|node| call(&node.api))).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_trip_is_known_to_all_one_probes_and_operators_are_heard() {
    let server = Server::start().await;

    agree(&server.url()).await;

    let node = Node::join(link(server.url()), registry(OPEN)).await;
    let health = node.sync.health();
    assert!(health.hears_changes);
    assert_eq!(health.errors, []);
    assert_eq!(health.status, SyncStatus::Connected);
}

/// Through a pooler that has so many connections for all.
async fn agree_through_pooler(connections: u32) {
    let server = Server::start().await;
    let pooler = Pooler::start(&server, connections).await;

    agree(&pooler.url()).await;

    let node = Node::join(link(pooler.url()), registry(OPEN)).await;
    let health = node.sync.health();
    assert!(!health.hears_changes, "{connections}");
    assert_eq!(health.last_error, Some(SyncErrorKind::Unheard), "{connections}");
    let text = health.last_error_text.unwrap();
    assert!(text.contains("a pooler in transaction mode"), "{text}");
    assert_eq!(health.status, SyncStatus::Connected, "{connections}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres and pgbouncer: run by tests/run.sh"]
async fn through_a_pooler_in_transaction_mode_all_agree_and_health_says_that_none_is_told() {
    // Where one session is for all, a message comes with the answer to whoever has sent it.
    tokio::join!(agree_through_pooler(1), agree_through_pooler(4));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn two_of_three_votes_open_all_one_does_not_and_schemas_are_apart() {
    let server = Server::start().await;
    let vote_window = Duration::from_millis(800);
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"] {
        let builder = link(server.url()).schema("it's \"one\"").node(name).quorum(2);
        nodes.push(Node::join(builder.vote_window(vote_window), registry(LONG)).await);
    }
    let elsewhere = Node::join(link(server.url()).node("d"), registry(LONG)).await;
    sleep(vote_window).await;

    fail(&nodes[0].api);
    sleep(Duration::from_millis(200)).await;
    assert!(all_are(&nodes[1..], CircuitState::Closed), "one is not enough");
    fail(&nodes[1].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;

    call_all(&nodes);
    assert_eq!(elsewhere.api.state(), CircuitState::Closed, "another schema is another fleet");
}

/// Processes whose circuits trip by nothing but what calls of all of them meet.
async fn summing(url: &str, number: usize) -> Vec<Node> {
    let builder = link(url).fleet_failure_rate(0.5, 20, Duration::from_secs(10));
    let mut nodes = Vec::new();
    for at in 0..number {
        let patient =
            registry_with(|circuit| circuit.consecutive_failures(1_000_000).open_for(OPEN));
        nodes.push(Node::join(builder.clone().node(format!("node-{at}")), patient).await);
    }
    nodes
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn the_failure_rate_of_the_whole_fleet_opens_it_and_not_again_after_the_recovery() {
    let server = Server::start().await;
    let nodes = summing(&server.url(), 4).await;
    let start = Instant::now();
    until("all open", || {
        nodes.iter().for_each(|node| fail(&node.api));
        all_are(&nodes, CircuitState::Open)
    })
    .await;
    assert!(start.elapsed() >= Duration::from_secs(4), "not before all add their successes");
    let cause = server.sql("SELECT cause FROM breaker_circuits WHERE name = 'api'");
    assert_eq!(cause, "rate");

    until("all recover", || {
        call_all(&nodes);
        all_are(&nodes, CircuitState::Closed)
    })
    .await;
    let trips = |node: &Node| node.api.snapshot().totals.trips;
    let before: Vec<_> = nodes.iter().map(trips).collect();
    // Long enough for several merges.
    for _ in 0..6 {
        call_all(&nodes);
        sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(nodes.iter().map(trips).collect::<Vec<_>>(), before, "what was before is over");
    assert!(all_are(&nodes, CircuitState::Closed));
}

/// What circuits are called is data, and nothing else.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn whatever_a_circuit_is_called_it_is_shared() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    let long = "x".repeat(65_536);
    let names =
        ["", "it's; DROP TABLE breaker_circuits; --", "a\0b", "{\"a\": [1]}", "ü €\r\n", &long];
    for name in names {
        let [one, other] = [0, 1].map(|at| nodes[at].registry.get_or_create(name));

        fail(&one);

        until(&format!("{name:.20?} is open"), || other.state() == CircuitState::Open).await;
    }
    assert_eq!(server.sql("SELECT count(*) FROM breaker_circuits"), names.len().to_string());
    assert_eq!(nodes[0].sync.health().errors, []);
}
