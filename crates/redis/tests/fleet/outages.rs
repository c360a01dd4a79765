//! Redis is away, or has lost what it knew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tower_circuit_breaker::{CircuitEvent, CircuitState};
use tower_circuit_breaker_redis::{SyncErrorKind, SyncStatus};
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::load::{Load, Upstream};
use crate::nodes::{LONG, Node, all_are, call, carried_out, fail, link, registry, until};
use crate::server::{RECORD, Server};

/// How often circuits close from now on.
fn closings(nodes: &[Node]) -> Arc<AtomicU64> {
    let closings = Arc::new(AtomicU64::new(0));
    for node in nodes {
        let closings = Arc::clone(&closings);
        node.registry.on_event(move |event: &CircuitEvent| {
            if matches!(event, CircuitEvent::StateChanged { to: CircuitState::Closed, .. }) {
                closings.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    closings
}

async fn trip_all(nodes: &[Node]) {
    fail(&nodes[0].api);
    until("all open", || all_are(nodes, CircuitState::Open)).await;
}

fn epoch(record: &str) -> u64 {
    record.split(' ').nth(1).and_then(|epoch| epoch.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_redis_that_was_killed_and_comes_back_empty_is_told_again() {
    let mut server = Server::start().await;
    let nodes = Node::join_all(3, &server.url(), LONG).await;
    trip_all(&nodes).await;
    let (before, closings) = (server.record(), closings(&nodes));
    let upstream = Arc::new(Upstream::default());
    let load = Load::on(&nodes, &upstream);

    server.kill();
    until("all notice", || nodes.iter().all(|n| n.status() == SyncStatus::Disconnected)).await;
    load.goes_on().await;
    let other = nodes[1].registry.get_or_create("other");
    fail(&other);
    assert_eq!(other.state(), CircuitState::Open, "circuits go on by themselves");
    server.run().await;

    until("told again", || epoch(&server.record()) == epoch(&before)).await;
    until("what happened meanwhile too", || {
        !server.cli(&["get", "{breaker:0}:record:other"]).is_empty()
    })
    .await;
    until("all connected", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    load.stop().await;
    assert_eq!(closings.load(Ordering::SeqCst), 0);
    assert_eq!(upstream.calls(), 0, "open all the time");
    let ttl: i64 = server.cli(&["pttl", RECORD]).parse().unwrap();
    assert!(ttl > 0, "it expires");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_redis_with_persistence_comes_back_with_what_it_knew() {
    let always = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut server = Server::with(&always).await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    trip_all(&nodes).await;
    let (before, closings) = (server.record(), closings(&nodes));

    server.kill();
    server.run().await;

    until("it remembers", || server.record() == before).await;
    let late = Node::join(link(server.url()), registry(LONG)).await;
    assert_eq!(late.api.state(), CircuitState::Open);
    until("all connected", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    assert_eq!(closings.load(Ordering::SeqCst), 0);
    assert_eq!(server.record(), before, "nobody wrote anything");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn metrics_say_whether_redis_answers_and_when_all_was_read() {
    let mut server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    node.sync.ready().await;
    let text = PrometheusText::new();
    let value = |name: &str| -> f64 {
        let text = text.encode(&node.registry);
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
    };
    let errors = value("circuit_breaker_fleet_errors_total");
    let is_connected = || value("circuit_breaker_fleet_connected") > 0.5;
    assert!(is_connected());
    assert!(value("circuit_breaker_fleet_last_agreed_seconds") < 30.0);

    server.kill();
    until("it is told", || !is_connected()).await;
    assert!(value("circuit_breaker_fleet_errors_total") > errors);
    server.run().await;

    until("it is told that it is back", is_connected).await;
    drop(node.sync);
    until("it is told that nobody asks any more", || !is_connected()).await;
}

/// A service starts while Redis hangs, is away or refuses, and knows that it is alone.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_start_waits_for_redis_no_longer_than_it_is_told() {
    let server = Server::start().await;
    let enough = Duration::from_secs(10);
    let there = link(server.url()).connect(&registry(LONG)).await.unwrap();
    assert!(there.ready_within(enough).await);

    let hung = link(server.url()).connect(&registry(LONG)).await.unwrap();
    hung.ready().await;
    server.freeze();
    let registry = registry(LONG);
    registry.get_or_create("new");
    let away = link("redis://127.0.0.1:1").local_until_connected();
    let away = away.connect(&registry).await.unwrap();
    for (case, sync) in [("hung", hung), ("away", away)] {
        let ready = sync.ready_within(Duration::from_millis(300));
        let is_ready = tokio::time::timeout(Duration::from_secs(3), ready).await.expect(case);

        assert!(!is_ready || case == "hung", "{case}: it may have been read before");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_hung_redis_holds_up_no_call() {
    let server = Server::start().await;
    let open = Duration::from_millis(400);
    let nodes = Node::join_all(3, &server.url(), open).await;
    let upstream = Arc::new(Upstream::default());
    let load = Load::on(&nodes, &upstream);

    server.freeze();
    load.goes_on().await;
    until("all notice", || nodes.iter().all(|n| n.status() == SyncStatus::Disconnected)).await;
    // An outage meanwhile: each trips and recovers for itself.
    upstream.is_down.store(true, Ordering::SeqCst);
    until("all open", || nodes.iter().all(|n| n.api.snapshot().totals.trips > 0)).await;
    upstream.is_down.store(false, Ordering::SeqCst);
    until("all recover", || all_are(&nodes, CircuitState::Closed)).await;
    load.goes_on().await;
    assert!(nodes.iter().all(|node| node.errors(SyncErrorKind::TimedOut) > 0));
    let command = nodes[0].sync.force_open("api").await;
    assert_eq!(command.unwrap_err().kind(), SyncErrorKind::Unreachable);

    server.thaw();
    until("all connected", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    fail(&nodes[0].api);
    until("the fleet agrees", || nodes.iter().all(|n| n.api.snapshot().totals.trips > 1)).await;
    load.stop().await;
    let clients = server.cli(&["client", "list"]);
    assert!(clients.lines().count() <= nodes.len() + 1, "no connection is left over: {clients}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_is_flushed_or_expires_is_told_again() {
    let server = Server::start().await;
    let nodes = Node::join_all(3, &server.url(), LONG).await;
    trip_all(&nodes).await;
    let (before, closings) = (server.record(), closings(&nodes));
    let load = Load::on(&nodes, &Arc::new(Upstream::default()));

    for loss in [["flushall"].as_slice(), &["flushdb"], &["pexpire", RECORD, "1"], &["del", RECORD]]
    {
        server.cli(loss);
        until("told again", || epoch(&server.record()) == epoch(&before)).await;
        let late = Node::join(link(server.url()), registry(LONG)).await;
        assert_eq!(late.api.state(), CircuitState::Open, "after {loss:?}");
        let left = late.api.snapshot().retry_after.unwrap();
        assert!(left <= LONG && left > LONG - Duration::from_secs(60), "after {loss:?}: {left:?}");
    }

    load.stop().await;
    assert_eq!(closings.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn scripts_that_redis_has_forgotten_are_loaded_again() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;

    server.cli(&["script", "flush"]);
    trip_all(&nodes).await;
    server.cli(&["script", "flush"]);
    nodes[1].sync.reset("api").await.unwrap();
    until("all closed", || all_are(&nodes, CircuitState::Closed)).await;

    for node in &nodes {
        assert_eq!(node.sync.health().errors, [], "of {}", node.sync.node());
        assert_eq!(node.sync.health().connections, 1, "of {}", node.sync.node());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_redis_that_has_lost_the_latest_does_not_take_circuits_back() {
    let mut server = Server::with(&["--dbfilename", "old.rdb"]).await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    trip_all(&nodes).await;
    server.cli(&["save"]);
    let old = epoch(&server.record());
    // Saving may take longer than a command may.
    carried_out(|| nodes[0].sync.reset("api")).await;
    until("all closed", || all_are(&nodes, CircuitState::Closed)).await;
    let latest = epoch(&server.record());
    assert!(latest > old);

    server.kill();
    server.run().await;

    assert_eq!(epoch(&server.record()).max(latest), latest, "the old dump, or already mended");
    until("it is told the latest", || epoch(&server.record()) == latest).await;
    for node in &nodes {
        node.read_again().await;
        assert_eq!(node.api.state(), CircuitState::Closed, "of {}", node.sync.node());
        assert_eq!(node.api.snapshot().totals.trips, 1, "of {}", node.sync.node());
        assert!(call(&node.api));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn connections_that_redis_ends_are_made_again() {
    let server = Server::start().await;
    let nodes = Node::join_all(3, &server.url(), LONG).await;
    let load = Load::on(&nodes, &Arc::new(Upstream::default()));

    for kind in ["normal", "pubsub"] {
        server.cli(&["client", "kill", "type", kind]);
    }
    until("all are back", || nodes.iter().all(|n| n.sync.health().connections > 1)).await;
    load.goes_on().await;
    fail(&nodes[2].api);

    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    load.stop().await;
}
