//! PostgreSQL is away, or has lost what it knew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::fleet::LinkStatus;
use tower_circuit_breaker::{CircuitEvent, CircuitState};
use tower_circuit_breaker_postgres::{SyncErrorKind, SyncStatus};

use crate::nodes::{LONG, Node, all_are, call, fail, link, registry, until};
use crate::server::Server;

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

fn epoch(server: &Server) -> u64 {
    server.sql("SELECT epoch FROM breaker_circuits WHERE name = 'api'").parse().unwrap_or(0)
}

async fn connected(nodes: &[Node]) {
    until("all connected", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_postgresql_that_is_killed_or_stopped_and_comes_back_remembers() {
    let mut server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    trip_all(&nodes).await;
    let (before, closings) = (epoch(&server), closings(&nodes));

    for stop in [Server::kill, Server::stop] {
        stop(&mut server);
        until("all notice", || nodes.iter().all(|n| n.status() == SyncStatus::Disconnected)).await;
        let link = nodes[0].registry.fleet().unwrap().link().unwrap();
        assert_eq!(link.status, LinkStatus::Disconnected);
        let error = nodes[0].sync.reset("api").await.unwrap_err().to_string();
        assert!(error.contains("circuits go on by themselves"), "{error}");
        server.run().await;
        connected(&nodes).await;
    }

    let late = Node::join(link(server.url()), registry(LONG)).await;
    assert_eq!(late.api.state(), CircuitState::Open);
    assert_eq!(epoch(&server), before, "nobody wrote anything");
    assert_eq!(closings.load(Ordering::SeqCst), 0);
    assert!(nodes[0].sync.health().connections > 2);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn what_is_deleted_is_told_again() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    trip_all(&nodes).await;
    let (before, closings) = (epoch(&server), closings(&nodes));

    let all = "TRUNCATE breaker_circuits, breaker_fleets, breaker_processes";
    for loss in
        [all, "DELETE FROM breaker_circuits", "UPDATE breaker_circuits SET state = '', epoch = 0"]
    {
        server.sql(loss);
        server.sql("DELETE FROM breaker_fleets");
        until("told again", || epoch(&server) == before).await;
        let late = Node::join(link(server.url()).node("late"), registry(LONG)).await;
        assert_eq!(late.api.state(), CircuitState::Open, "after {loss}");
    }
    // Messages are known by a new secret, of which processes learn by the next poll.
    until("the secret is learnt", || nodes[1].sync.health().status == SyncStatus::Connected).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    nodes[0].sync.reset("api").await.unwrap();
    until("all closed", || all_are(&nodes, CircuitState::Closed)).await;
    assert_eq!(closings.load(Ordering::SeqCst), 2, "by the reset alone");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_hung_postgresql_holds_up_no_call() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), Duration::from_millis(400)).await;
    let alone = registry(Duration::from_millis(400)).get_or_create("api");

    server.freeze();
    until("all notice", || nodes.iter().all(|n| n.status() == SyncStatus::Disconnected)).await;
    let slowest = |circuit| {
        let times = (0..20_000).map(|_| {
            let start = Instant::now();
            assert!(call(circuit));
            start.elapsed()
        });
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        times[times.len() * 99 / 100]
    };
    // Calls are not asynchronous: none could wait for anything, but for a lock.
    let (with, without) = (slowest(&nodes[0].api), slowest(&alone));
    eprintln!("p99 of a call while PostgreSQL hangs: {with:?} with a fleet, {without:?} without");
    fail(&nodes[0].api);
    assert_eq!(nodes[0].api.state(), CircuitState::Open, "it goes on by itself");
    until("it recovers by itself", || call(&nodes[0].api)).await;
    assert!(nodes.iter().all(|node| node.errors(SyncErrorKind::TimedOut) > 0));

    server.thaw();
    connected(&nodes).await;
    trip_all(&nodes).await;
    let mut sessions = String::new();
    until("no session is left over", || {
        sessions = server.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'circuit-breaker'",
        );
        sessions == "2"
    })
    .await;
}

/// As by a migration, or by a transaction that somebody has forgotten.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_lock_of_somebody_else_holds_up_no_call_and_leaves_no_sessions_behind() {
    let server = Arc::new(Server::start().await);
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    let locking = Arc::clone(&server);
    let locked = tokio::task::spawn_blocking(move || {
        locking
            .sql("BEGIN; LOCK TABLE breaker_circuits, breaker_fleets; SELECT pg_sleep(6); COMMIT")
    });
    until("all notice", || nodes.iter().all(|n| n.errors(SyncErrorKind::TimedOut) > 0)).await;

    fail(&nodes[0].api);
    assert_eq!(nodes[0].api.state(), CircuitState::Open, "it goes on by itself");
    let mut most = 0;
    while !locked.is_finished() {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE application_name = 'circuit-breaker' AND wait_event_type = 'Lock'";
        most = most.max(server.sql(waiting).parse::<u32>().unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let attempts: u64 = nodes.iter().map(|node| node.errors(SyncErrorKind::TimedOut)).sum();
    eprintln!("{attempts} attempts in vain, at most {most} sessions that wait");
    assert!(attempts >= 4 && most <= 4, "{attempts} attempts, {most} sessions");
    connected(&nodes).await;
    until("all are told", || all_are(&nodes, CircuitState::Open)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn sessions_that_an_administrator_ends_are_made_again() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;

    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'circuit-breaker'");
    until("all are back", || nodes.iter().all(|n| n.sync.health().connections > 1)).await;
    connected(&nodes).await;
    let health = nodes[0].sync.health();
    let text = health.last_error_text.unwrap();
    assert!(text.contains("57P01 terminating connection due to administrator command"), "{text}");

    trip_all(&nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgres: run by tests/run.sh"]
async fn a_promoted_replica_is_found_where_all_servers_are_named() {
    let mut primary = Server::start().await;
    let replica = primary.replica().await;
    let both = format!(
        "postgresql://admin@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        replica.port(),
        primary.port(),
    );
    let nodes = Node::join_all(2, &both, LONG).await;
    trip_all(&nodes).await;
    let before = epoch(&primary);
    until("it is replicated", || epoch(&replica) == before).await;

    primary.kill();
    replica.sql("SELECT pg_promote()");

    let promoted = Instant::now();
    connected(&nodes).await;
    eprintln!("followed after {:?}", promoted.elapsed());
    nodes[0].sync.reset("api").await.unwrap();
    until("all closed", || all_are(&nodes, CircuitState::Closed)).await;
    assert!(epoch(&replica) > before);
}
