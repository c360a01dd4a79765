//! The fleet shares its circuits through a Redis Cluster.

use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{Circuit, CircuitRegistry, CircuitState};
use tower_circuit_breaker_fleet::partition::partition;
use tower_circuit_breaker_redis::{RedisSyncBuilder, SyncErrorKind, SyncStatus};

use crate::nodes::{LONG, Node, all_are, fail, link, registry, until, until_within};
use crate::refusals::Documented;
use crate::server::{Server, free_port};
use crate::shards::Shards;

/// How soon after the promotion all agree.
const SOON: Duration = Duration::from_secs(5);

/// The circuits of this name in each process, spread over all slots.
fn circuits(nodes: &[Node], name: &str) -> Vec<Vec<Circuit>> {
    let of = |node: &Node, at: usize| node.registry.get_or_create(&format!("{name}-{at}"));
    nodes.iter().map(|node| (0..30).map(|at| of(node, at)).collect()).collect()
}

fn are_all(circuits: &[Vec<Circuit>], state: CircuitState) -> bool {
    circuits.iter().flatten().all(|circuit| circuit.state() == state)
}

/// What one process says of thirty circuits reaches all.
async fn agree(nodes: &[Node], name: &str, within: Duration) {
    let circuits = circuits(nodes, name);
    let start = Instant::now();
    circuits[0].iter().for_each(fail);
    until_within(within, "all trips arrive", || are_all(&circuits, CircuitState::Open)).await;
    for at in 0..30 {
        let name = format!("{name}-{at}");
        while nodes[1].sync.reset(&name).await.is_err() {
            assert!(start.elapsed() < within, "not within {within:?}: {name} is reset");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let left = within.saturating_sub(start.elapsed());
    until_within(left, "all are reset", || are_all(&circuits, CircuitState::Closed)).await;
}

async fn join(builder: impl Fn() -> RedisSyncBuilder) -> Vec<Node> {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        // Three servers and their pushes: more to wait for than one.
        let builder = builder().response_timeout(Duration::from_millis(500));
        nodes.push(Node::join(builder, registry(LONG)).await);
    }
    nodes
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn thirty_circuits_are_shared_through_three_primaries() {
    let shards = Shards::start().await;
    let nodes = join(|| link(shards.primaries[0].url())).await;

    agree(&nodes, "c", Duration::from_secs(20)).await;
    for primary in &shards.primaries {
        let size: u32 = primary.cli(&["dbsize"]).parse().unwrap();
        assert!(size > 0, "each has its share");
        primary.cli(&["script", "flush"]);
    }
    // Each learns the scripts anew, and the replica is as good a seed as any.
    agree(&nodes, "d", Duration::from_secs(20)).await;
    let late = Node::join(link(shards.replica.url()), registry(LONG)).await;
    fail(&late.api);
    until("its trip arrives", || all_are(&nodes, CircuitState::Open)).await;

    for node in &nodes {
        assert_eq!(node.sync.health().errors, []);
        assert_eq!(node.sync.health().connections, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_user_with_the_permissions_documented_for_clusters_will_do() {
    let shards = Shards::start().await;
    for server in shards.servers() {
        Documented::User.set(server);
        Documented::Cluster.set(server);
    }
    let login = "redis://shop-breaker:a-long-secret@";
    let url = shards.primaries[0].url().replace("redis://", login);

    let nodes = join(|| link(&url).prefix("shop")).await;

    agree(&nodes, "c", Duration::from_secs(20)).await;
    assert!(nodes.iter().all(|node| node.sync.health().errors.is_empty()));
}

/// The key of a circuit's record in a cluster.
fn key(circuit: &str) -> String {
    format!("{{breaker:{}}}:record:{circuit}", partition(circuit, 16))
}

async fn fails_over(fail_primary: impl FnOnce(&mut Server)) {
    let mut shards = Shards::start().await;
    // The one that fails is the one of the URL, and the one that tells of changes.
    let url = shards.followed().url();
    let nodes = join(|| link(&url)).await;
    agree(&nodes, "c", Duration::from_secs(20)).await;
    let open = circuits(&nodes, "open");
    open[0].iter().for_each(fail);
    until("all open", || are_all(&open, CircuitState::Open)).await;

    fail_primary(shards.followed());
    shards.until_promoted().await;
    let promoted = Instant::now();

    agree(&nodes, "d", SOON).await;
    eprintln!("all agree: {:.1?} after the promotion", promoted.elapsed());
    assert!(are_all(&open, CircuitState::Open), "what was open stays so");
    until("all are well", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    // Its other nodes are known by now.
    for node in &nodes {
        assert!(node.sync.health().connections > 1, "{:?}", node.sync.health());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_primary_of_a_cluster_that_is_killed_is_followed_by_its_replica() {
    fails_over(Server::kill).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_primary_of_a_cluster_that_hangs_is_followed_by_its_replica() {
    fails_over(|primary| primary.freeze()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_slot_that_moves_takes_its_circuit_along() {
    let shards = Shards::start().await;
    let nodes = join(|| link(shards.primaries[0].url())).await;
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    let key = key("api");
    let from = shards.place_of(&key);
    let to = (from + 1) % 3;

    shards.move_slot(&key, from, to);

    let is_open_there = || shards.primaries[to].cli(&["get", &key]).contains(" o ");
    assert!(is_open_there(), "it went along");
    until("all know it", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    let start = Instant::now();
    while nodes[1].sync.reset("api").await.is_err() {
        assert!(start.elapsed() < SOON, "not within {SOON:?}: it is reset");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until("all closed", || all_are(&nodes, CircuitState::Closed)).await;
    fail(&nodes[2].api);
    until("all open again", || all_are(&nodes, CircuitState::Open)).await;
    until("and it is kept there", is_open_there).await;
}

/// What it had is not served until it is back; the rest is shared all the time.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_primary_without_a_replica_takes_only_its_own_circuits_along() {
    let partial = || ["--cluster-require-full-coverage".to_owned(), "no".to_owned()].to_vec();
    let mut shards = Shards::with([partial(), partial(), partial(), partial()]).await;
    let nodes = join(|| link(shards.primaries[0].url())).await;
    let circuits = circuits(&nodes, "c");
    let lost = (shards.followed + 1) % 3;
    // One whose slot is at the primary that fails, and one whose slot is not.
    let place = |at: usize| shards.place_of(&key(&format!("c-{at}")));
    let is_lost = |at: &usize| place(*at) == lost;
    let (away, kept) = ((0..30).find(is_lost).unwrap(), (0..30).find(|at| !is_lost(at)).unwrap());
    let others = |at: usize, state| circuits[1..].iter().all(|own| own[at].state() == state);

    shards.primaries[lost].kill();
    until("all notice", || nodes.iter().all(|n| n.status() != SyncStatus::Connected)).await;
    fail(&circuits[0][away]);
    assert_eq!(circuits[0][away].state(), CircuitState::Open, "it acts here");
    fail(&circuits[0][kept]);
    until("the other is shared", || others(kept, CircuitState::Open)).await;
    assert!(others(away, CircuitState::Closed), "nobody could tell them");

    shards.primaries[lost].run().await;
    until("it is told when it can be", || others(away, CircuitState::Open)).await;
    until("all are well", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn nodes_are_reached_where_the_map_says() {
    let announced = [free_port(), free_port(), free_port(), free_port()];
    let shards = Shards::announcing(&announced).await;
    let real: Vec<_> = shards.primaries.iter().chain([&shards.replica]).map(Server::port).collect();
    let map = move |host: &str, port: u16| {
        let place = announced.iter().position(|own| *own == port);
        (host.to_owned(), place.map_or(port, |place| real[place]))
    };
    let away = format!("redis://127.0.0.1:{}", free_port());
    let seeds = [away.clone(), shards.primaries[1].url()];

    let nodes = join(|| link(&away).nodes(seeds.clone()).map_address(map.clone())).await;

    agree(&nodes, "c", Duration::from_secs(20)).await;
    assert!(nodes.iter().all(|node| node.sync.health().connections == 1));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_cluster_without_slots_says_so() {
    let server = Server::with(&["--cluster-enabled", "yes", "--cluster-port", "0"]).await;

    let error = link(server.url()).connect(&CircuitRegistry::new()).await.unwrap_err();

    let text = error.to_string();
    assert_eq!(error.kind(), Some(SyncErrorKind::Moved), "{text}");
    assert!(text.contains("--cluster create"), "the remedy: {text}");
    let registry = registry(LONG);
    let sync = link(server.url()).local_until_connected().connect(&registry).await.unwrap();
    let api = registry.get_or_create("api");
    fail(&api);
    assert_eq!(api.state(), CircuitState::Open, "it goes on by itself");
    assert_eq!(sync.health().status, SyncStatus::Disconnected);
}
