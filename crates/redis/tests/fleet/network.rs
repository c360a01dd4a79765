//! The way to Redis is cut, slow or lies.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker_redis::SyncStatus;

use crate::load::{Load, Upstream};
use crate::nodes::{
    LONG, Node, OPEN, all_are, call_all, fail, link, registry, until, until_within, watch_for,
};
use crate::proxy::{Mode, Proxy, Way};
use crate::server::Server;

/// Nodes with a way of their own each.
async fn apart(number: usize, server: &Server, open_for: Duration) -> (Vec<Node>, Vec<Proxy>) {
    let (mut nodes, mut ways) = (Vec::new(), Vec::new());
    for at in 0..number {
        let way = Proxy::to(server.port()).await;
        let builder = link(way.url()).node(format!("node-{at}"));
        nodes.push(Node::join(builder, registry(open_for)).await);
        ways.push(way);
    }
    (nodes, ways)
}

fn set_all(ways: &[Proxy], mode: Mode) {
    for way in ways {
        way.set(mode);
    }
}

/// A trip in each node in turn reaches all, and so does the recovery.
async fn agree(nodes: &[Node]) {
    let connected = || nodes.iter().all(|node| node.status() == SyncStatus::Connected);
    until_within(Duration::from_secs(5), "all are connected", connected).await;
    for (at, node) in nodes.iter().enumerate() {
        node.sync.reset("api").await.unwrap();
        until("all reset", || all_are(nodes, CircuitState::Closed)).await;
        let trips = |node: &Node| node.api.snapshot().totals.trips;
        let before: Vec<_> = nodes.iter().map(trips).collect();
        fail(&node.api);
        until(&format!("the trip of {at} reaches all"), || {
            nodes.iter().zip(&before).all(|(node, before)| trips(node) > *before)
        })
        .await;
    }
    until("all recover", || {
        call_all(nodes);
        all_are(nodes, CircuitState::Closed)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_slow_way_slows_news_and_no_call() {
    let server = Server::start().await;
    let way = Proxy::to(server.port()).await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let builder = link(way.url()).response_timeout(Duration::from_secs(5));
        nodes.push(Node::join(builder, registry(LONG)).await);
    }
    let load = Load::on(&nodes, &Arc::new(Upstream::default()));

    way.set(Mode::Slow(Duration::from_millis(300), Duration::from_millis(400)));
    load.goes_on().await;
    fail(&nodes[0].api);
    until("the news arrives", || all_are(&nodes, CircuitState::Open)).await;
    way.set(Mode::ByteByByte);
    nodes[1].sync.reset("api").await.unwrap();
    until("byte by byte, too", || all_are(&nodes, CircuitState::Closed)).await;
    load.goes_on().await;

    load.stop().await;
    assert!(nodes.iter().all(|node| node.sync.health().connections == 1));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn while_the_network_is_split_each_side_goes_on_and_then_all_agree() {
    let mut tasks = tokio::task::JoinSet::new();
    for way in [Way::Both, Way::ToServer, Way::ToClient] {
        tasks.spawn(split(way, OPEN));
        // Long enough to be noticed before the open time is over.
        tasks.spawn(split(way, 4 * OPEN));
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

async fn split(way: Way, open_for: Duration) {
    let server = Server::start().await;
    let (nodes, ways) = apart(3, &server, open_for).await;
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    ways[0].set(Mode::BlackHole(way));
    let load = Load::on(&nodes, &Arc::new(Upstream::default()));

    load.goes_on().await;
    // A node without the fleet recovers by itself.
    until("all recover", || all_are(&nodes, CircuitState::Closed)).await;
    until("one is apart", || nodes[0].status() == SyncStatus::Disconnected).await;
    assert_eq!(nodes[1].status(), SyncStatus::Connected, "{way:?}");

    load.stop().await;
    ways[0].set(Mode::Pass);
    agree(&nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_split_fleet_probes_once_for_each_side() {
    let server = Server::start().await;
    let (nodes, ways) = apart(4, &server, OPEN).await;
    let upstream = Arc::new(Upstream::default());
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    for way in &ways[..2] {
        way.set(Mode::BlackHole(Way::Both));
    }

    // The upstream takes its time: who probes is there at once with who else does.
    let probing = || nodes.iter().map(|node| (node.api.clone(), Arc::clone(&upstream)));
    let mut probes = tokio::task::JoinSet::new();
    let mut knock = || {
        for (circuit, upstream) in probing() {
            probes.spawn(async move {
                let _ = circuit.call(upstream.answer(Duration::from_secs(5))).await;
            });
        }
        upstream.calls()
    };
    until("both lone nodes and one for the rest", || knock() >= 3).await;
    // Whoever else would come has the time to.
    for _ in 0..20 {
        watch_for(Duration::from_millis(20)).await;
        knock();
    }

    assert_eq!(upstream.take_most(), 3, "two alone, and one for the two that hear each other");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn broken_connections_are_made_again_once_a_second_at_most() {
    let garbage: &[u8] = b"\x00\xff*-7\r\n$99999999999999\r\n!!\r\n";
    let giant: &[u8] = b"*2147483647\r\n$536870912\r\n";
    let modes =
        [Mode::ResetMidReply, Mode::HalfClose, Mode::Garbage(garbage), Mode::Garbage(giant)];
    let mut tasks = tokio::task::JoinSet::new();
    for mode in modes {
        tasks.spawn(async move {
            let server = Server::start().await;
            let (nodes, ways) = apart(2, &server, OPEN).await;
            let load = Load::on(&nodes, &Arc::new(Upstream::default()));
            set_all(&ways, mode);
            let lost = || nodes.iter().all(|n| n.status() == SyncStatus::Disconnected);
            until("all notice", lost).await;
            for way in &ways {
                way.take_accepted();
            }

            watch_for(Duration::from_secs(4)).await;
            load.goes_on().await;

            for way in &ways {
                let times = way.take_accepted();
                assert!(!times.is_empty(), "{mode:?}: it tries");
                let gaps = times.windows(2).map(|two| two[1] - two[0]);
                let least = gaps.min().unwrap_or(Duration::MAX);
                assert!(least > Duration::from_millis(900), "{mode:?}: {times:?}");
            }
            set_all(&ways, Mode::Pass);
            load.stop().await;
            agree(&nodes).await;
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn lost_messages_are_made_up_for_by_polls() {
    let server = Server::start().await;
    let (nodes, ways) = apart(3, &server, OPEN).await;

    set_all(&ways, Mode::LoseMessages);

    agree(&nodes).await;
    assert!(nodes.iter().all(|node| node.sync.health().connections == 1));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn messages_that_come_twice_and_late_change_nothing() {
    let server = Server::start().await;
    let (nodes, ways) = apart(3, &server, OPEN).await;

    set_all(&ways, Mode::DoubleMessages);

    agree(&nodes).await;
    for node in &nodes {
        let opened = node.api.snapshot().transitions.closed_to_open;
        assert_eq!(opened, 3, "one for each trip, at {}", node.sync.node());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn two_hundred_processes_come_back_spread_over_time() {
    let server = Server::start().await;
    let way = Proxy::to(server.port()).await;
    let mut nodes = Vec::new();
    for _ in 0..200 {
        let builder = link(way.url()).response_timeout(Duration::from_secs(5));
        nodes.push(Node::join(builder, registry(LONG)).await);
    }
    way.set(Mode::Refuse);
    until("all notice", || nodes.iter().all(|n| n.status() == SyncStatus::Disconnected)).await;

    way.take_accepted();
    way.set(Mode::Pass);
    until("all are back", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;

    let times = way.take_accepted();
    let first = *times.iter().min().unwrap();
    let mut tenths = [0; 40];
    for time in times {
        let tenth = (time - first).as_millis() / 100;
        tenths[usize::try_from(tenth).unwrap().min(39)] += 1;
    }
    let busiest = tenths.iter().max().unwrap();
    assert!(*busiest < 100, "of 200, in one tenth of a second: {tenths:?}");
    let used = tenths.iter().filter(|tenth| **tenth > 0).count();
    assert!(used >= 7, "spread over the second: {tenths:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn an_outage_of_all_at_once_ends_in_agreement() {
    let server = Server::start().await;
    let (nodes, ways) = apart(5, &server, OPEN).await;
    let upstream = Arc::new(Upstream::default());
    let load = Load::on(&nodes, &upstream);

    for mode in [Mode::Refuse, Mode::BlackHole(Way::Both), Mode::ResetMidReply] {
        set_all(&ways, mode);
        upstream.is_down.store(true, Ordering::SeqCst);
        load.goes_on().await;
        upstream.is_down.store(false, Ordering::SeqCst);
        set_all(&ways, Mode::Pass);
        until("all are back and closed", || {
            let is_back = |node: &Node| node.status() == SyncStatus::Connected;
            nodes.iter().all(is_back) && all_are(&nodes, CircuitState::Closed)
        })
        .await;
    }

    load.stop().await;
    agree(&nodes).await;
}
