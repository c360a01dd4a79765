//! How a fleet comes to its verdicts.

use std::time::Duration;

use tower_circuit_breaker::{CircuitRegistry, CircuitState, Outcome, Override};
use tower_circuit_breaker_redis::{FleetRecord, RedisSync};

use crate::nodes::{
    LONG, Node, OPEN, all_are, call, call_all, fail, link, registry, registry_with, until,
};
use crate::server::Server;

async fn join(number: usize, server: &Server, quorum: u32) -> Vec<Node> {
    let mut nodes = Vec::new();
    for at in 0..number {
        let builder = link(server.url()).node(format!("node-{at}")).quorum(quorum);
        nodes.push(Node::join(builder.vote_window(WINDOW), registry(LONG)).await);
    }
    if quorum > 1 {
        grow_up(&nodes).await;
    }
    nodes
}

/// Longer than it takes for some to vote.
const WINDOW: Duration = Duration::from_secs(4);

/// Waits until each has a vote of its own.
async fn grow_up(nodes: &[Node]) {
    let is_grown = |node: &Node| node.sync.health().own_vote_in.is_zero();
    until("each has its own vote", || nodes.iter().all(is_grown)).await;
}

fn votes(server: &Server) -> String {
    server.cli(&["zcard", "{breaker:0}:votes:api"])
}

fn record(server: &Server) -> FleetRecord {
    server.record().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn two_of_five_do_not_open_the_fleet_and_three_do() {
    let server = Server::start().await;
    let nodes = join(5, &server, 3).await;

    // Often is not many.
    for _ in 0..3 {
        for node in &nodes[..2] {
            node.api.reset();
            fail(&node.api);
        }
    }
    until("two votes", || votes(&server) == "2").await;
    for node in &nodes {
        node.read_again().await;
    }
    assert!(all_are(&nodes[2..], CircuitState::Closed));
    assert_eq!(server.record(), "");

    fail(&nodes[3].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    assert_eq!(record(&server).node(), "node-3");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_vote_is_taken_back_when_the_circuit_closes() {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let builder = link(server.url()).quorum(2).vote_window(LONG);
        nodes.push(Node::join(builder, registry(LONG)).await);
    }

    fail(&nodes[0].api);
    until("a vote", || votes(&server) == "1").await;
    nodes[0].api.reset();
    until("none", || votes(&server) == "0").await;
    fail(&nodes[1].api);
    until("another", || votes(&server) == "1").await;

    assert_eq!(nodes[0].api.state(), CircuitState::Closed);
    let ttl: i64 = server.cli(&["pttl", "{breaker:0}:votes:api"]).parse().unwrap();
    assert!(ttl > 0 && ttl <= 600_000, "votes expire: {ttl}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn votes_out_of_the_window_do_not_count() {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let builder = link(server.url()).quorum(2).vote_window(Duration::from_millis(100));
        nodes.push(Node::join(builder, registry(LONG)).await);
    }

    fail(&nodes[0].api);
    until("the vote is over", || {
        nodes[0].api.state() == CircuitState::Open && votes(&server) == "0"
    })
    .await;
    nodes[0].read_again().await;
    fail(&nodes[1].api);
    nodes[1].read_again().await;
    nodes[1].read_again().await;

    assert_eq!(server.record(), "");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_late_joiner_learns_of_an_open_circuit_before_its_first_call() {
    let server = Server::start().await;
    let nodes = join(2, &server, 1).await;
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;

    let late = registry(LONG);
    let api = late.get_or_create("api");
    let sync = link(server.url()).connect(&late).await.unwrap();
    sync.ready().await;

    assert!(!call(&api));
    assert_eq!(api.snapshot().totals.successes, 0);
    let (left, first) = (api.snapshot().retry_after, nodes[0].api.snapshot().retry_after);
    assert!(
        left.unwrap() <= first.unwrap() + Duration::from_secs(1),
        "what is left, not all of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_circuit_that_was_evicted_and_made_again_learns_it_anew() {
    let server = Server::start().await;
    let nodes = join(2, &server, 1).await;
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;

    nodes[1].registry.remove("api").unwrap();
    nodes[1].read_again().await;
    let again = nodes[1].registry.get_or_create("api");

    until("it learns", || again.state() == CircuitState::Open).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn an_operator_of_the_fleet_acts_on_all_and_one_of_a_process_wins_there() {
    let server = Server::start().await;
    let nodes = join(3, &server, 1).await;
    let forced = |node: &Node| node.api.snapshot().overridden;
    let all_forced = |by| nodes.iter().all(|node| forced(node) == by);

    nodes[0].sync.force_open("api").await.unwrap();
    until("forced open", || all_forced(Some(Override::ForcedOpen))).await;
    nodes[1].sync.force_closed("api").await.unwrap();
    until("forced closed", || all_forced(Some(Override::ForcedClosed))).await;
    fail(&nodes[2].api);
    nodes[2].read_again().await;
    assert!(all_are(&nodes, CircuitState::Closed), "a forced circuit does not trip");
    nodes[2].sync.release("api").await.unwrap();
    until("released", || all_forced(None)).await;

    nodes[0].api.force_closed();
    nodes[1].sync.force_open("api").await.unwrap();
    until("the others", || nodes[1..].iter().all(|n| forced(n) == Some(Override::ForcedOpen)))
        .await;
    nodes[0].read_again().await;
    assert_eq!(forced(&nodes[0]), Some(Override::ForcedClosed));
    nodes[1].sync.release("api").await.unwrap();
    until("released there", || nodes[1..].iter().all(|node| forced(node).is_none())).await;
    assert_eq!(forced(&nodes[0]), Some(Override::ForcedClosed), "its own operator's");
    // Else its next trip would be one of before the fleet's word.
    nodes[0].read_again().await;
    nodes[0].api.release();

    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    nodes[2].sync.reset("api").await.unwrap();
    until("all reset", || all_are(&nodes, CircuitState::Closed)).await;
    let epochs = nodes.iter().map(|node| node.api.snapshot().window.failures);
    assert!(epochs.sum::<u64>() == 0);
}

/// Circuits that trip by nothing but the fleet's sums.
pub(crate) fn patient() -> CircuitRegistry {
    registry_with(|builder| builder.consecutive_failures(1_000_000).open_for(OPEN))
}

async fn summing(server: &Server, number: usize, over: Duration) -> Vec<Node> {
    let mut nodes = Vec::new();
    for at in 0..number {
        let builder: tower_circuit_breaker_redis::RedisSyncBuilder =
            RedisSync::builder(server.url());
        let builder = builder
            .node(format!("node-{at}"))
            .poll_interval(Duration::from_millis(100))
            .fleet_failure_rate(0.5, 20, over);
        nodes.push(Node::join(builder, patient()).await);
    }
    nodes
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn the_failure_rate_of_the_whole_fleet_opens_it() {
    let server = Server::start().await;
    let nodes = summing(&server, 4, Duration::from_secs(10)).await;
    // The sums begin with what is met from the first look on, and with the first failure.
    crate::nodes::watch_for(Duration::from_millis(1200)).await;
    call_all(&nodes);
    assert_eq!(server.cli(&["keys", "*:sums:*"]), "");

    until("all open", || {
        // None of them trips by itself: see `patient`.
        nodes.iter().for_each(|node| fail(&node.api));
        all_are(&nodes, CircuitState::Open)
    })
    .await;
    assert!(server.record().contains(" rate "), "{}", server.record());
    for key in server.cli(&["keys", "*"]).lines() {
        let ttl: i64 = server.cli(&["pttl", key]).parse().unwrap();
        assert!(ttl > 0, "{key} expires");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn sums_of_before_the_recovery_do_not_open_the_fleet_again() {
    let server = Server::start().await;
    let nodes = summing(&server, 2, Duration::from_secs(60)).await;
    until("all open", || {
        nodes.iter().for_each(|node| fail(&node.api));
        all_are(&nodes, CircuitState::Open)
    })
    .await;
    until("all recover", || {
        call_all(&nodes);
        all_are(&nodes, CircuitState::Closed)
    })
    .await;
    let trips = |node: &Node| node.api.snapshot().totals.trips;
    let before: Vec<_> = nodes.iter().map(trips).collect();

    // Long enough for several merges.
    for _ in 0..6 {
        assert!(nodes.iter().all(|node| call(&node.api)), "it is closed");
        nodes[0].read_again().await;
        crate::nodes::watch_for(Duration::from_millis(150)).await;
    }

    assert_eq!(nodes.iter().map(trips).collect::<Vec<_>>(), before);
    assert!(all_are(&nodes, CircuitState::Closed));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn probes_not_sent_are_no_verdict_and_one_success_closes_all() {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for at in 0..2 {
        let builder = link(server.url()).node(format!("node-{at}")).probe_lease(LONG);
        nodes.push(Node::join(builder, registry(OPEN)).await);
    }
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    let opened = record(&server);

    let mut not_sent = 0;
    until("twenty probes", || {
        for node in &nodes {
            if let Ok(probe) = node.api.try_acquire() {
                probe.record(Outcome::NotSent);
                not_sent += 1;
            }
        }
        not_sent >= 20
    })
    .await;
    for node in &nodes {
        node.read_again().await;
    }

    for node in &nodes {
        let moves = node.api.snapshot().transitions;
        assert_eq!((moves.half_open_to_closed, moves.open_to_closed), (0, 0), "{moves:?}");
        assert_eq!(moves.half_open_to_open, 0, "{moves:?}");
    }
    assert_eq!(record(&server), opened, "the fleet has heard of nothing");
    let probing = nodes.iter().find(|node| node.api.state() == CircuitState::HalfOpen);
    assert!(call(&probing.expect("one has the lease").api), "a probe");
    until("all closed", || all_are(&nodes, CircuitState::Closed)).await;
}
