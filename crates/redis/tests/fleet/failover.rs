//! Another server becomes the primary behind one address, and the old one goes on answering.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker_redis::{SyncErrorKind, SyncStatus};

use crate::load::{Load, Upstream};
use crate::nodes::{
    LONG, Node, OPEN, all_are, call, call_all, fail, until, until_within, watch_for,
};
use crate::proxy::Proxy;
use crate::server::Server;

/// How soon all are where they belong.
const SOON: Duration = Duration::from_secs(5);

/// A primary, its replica, and a way that leads to the first.
async fn pair() -> (Server, Server, Proxy) {
    let primary = Server::with(&["--repl-diskless-sync-delay", "0"]).await;
    let replica = Server::with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]).await;
    let is_in_step = || replica.cli(&["info", "replication"]).contains("master_link_status:up");
    until("the replica is in step", is_in_step).await;
    let way = Proxy::to(primary.port()).await;
    (primary, replica, way)
}

/// The replica becomes the primary, and the primary its replica; connections stay.
fn swap(primary: &Server, replica: &Server, way: &Proxy) {
    replica.cli(&["replicaof", "no", "one"]);
    primary.cli(&["replicaof", "127.0.0.1", &replica.port().to_string()]);
    way.lead_to(replica.port());
}

async fn all_follow(nodes: &[Node]) {
    let is_there =
        |n: &Node| n.status() == SyncStatus::Connected && n.sync.health().connections > 1;
    until_within(SOON, "all follow", || nodes.iter().all(is_there)).await;
}

/// A trip in one reaches all.
async fn all_agree(nodes: &[Node]) {
    until("all open", || {
        // Again, where an earlier verdict came in between.
        fail(&nodes[2].api);
        all_are(nodes, CircuitState::Open)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn an_idle_link_follows_the_primary_behind_its_address() {
    let (primary, replica, way) = pair().await;
    let nodes = Node::join_all(3, &way.url(), LONG).await;

    swap(&primary, &replica, &way);

    all_follow(&nodes).await;
    all_agree(&nodes).await;
    assert!(replica.record().contains(" o "), "written where it is kept");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_link_in_an_outage_follows_the_primary_behind_its_address() {
    let (primary, replica, way) = pair().await;
    let nodes = Node::join_all(3, &way.url(), OPEN).await;
    let upstream = Arc::new(Upstream::default());
    upstream.is_down.store(true, Ordering::SeqCst);
    let load = Load::on(&nodes, &upstream);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;

    swap(&primary, &replica, &way);

    all_follow(&nodes).await;
    load.goes_on().await;
    upstream.is_down.store(false, Ordering::SeqCst);
    until("all recover", || all_are(&nodes, CircuitState::Closed)).await;
    load.stop().await;
    all_agree(&nodes).await;
}

/// No other is there: circuits go on, attempts are few, and the link is back when it is a primary.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_primary_that_becomes_a_replica_for_good_is_left_and_asked_again() {
    let server = Server::start().await;
    let way = Proxy::to(server.port()).await;
    let nodes = Node::join_all(2, &way.url(), OPEN).await;

    server.cli(&["replicaof", "127.0.0.1", "1"]);
    fail(&nodes[0].api);
    until("it is counted", || nodes[0].errors(SyncErrorKind::ReadOnly) > 0).await;
    assert_eq!(nodes[0].api.state(), CircuitState::Open, "it acts here");
    until("all leave", || nodes.iter().all(|n| n.status() == SyncStatus::Disconnected)).await;
    until("it recovers by itself", || {
        call(&nodes[0].api) && nodes[0].api.state() == CircuitState::Closed
    })
    .await;
    way.take_accepted();
    watch_for(Duration::from_secs(3)).await;
    let attempts = way.take_accepted().len();
    assert!((1..=8).contains(&attempts), "{attempts} attempts of two processes in 3 s");

    server.cli(&["replicaof", "no", "one"]);
    until("all are back", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    fail(&nodes[1].api);
    until("its trip arrives", || nodes[0].api.state() == CircuitState::Open).await;
    call_all(&nodes);
}
