//! What was said before: resets, recoveries and overrides that are over, and votes of processes that are no more.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker_redis::{RedisSync, SyncStatus};

use crate::nodes::{LONG, Node, all_are, call, fail, link, registry, unnamed, until, watch_for};
use crate::proxy::{Mode, Proxy, Way};
use crate::server::{CHANGES, RECORD, Server};
use crate::verdicts::patient;

async fn grown(node: &Node) {
    until("it has its own vote", || node.sync.health().own_vote_in.is_zero()).await;
}

/// "a process that crashes and comes back is no quorum of its own"
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn one_that_was_here_for_long_and_crashes_and_comes_back_is_one_vote() {
    let server = Server::start().await;
    let two = || link(server.url()).quorum(2).vote_window(Duration::from_secs(5)).node("web");
    let node = Node::join(two(), registry(LONG)).await;
    grown(&node).await;
    fail(&node.api);
    until("its vote is there", || server.cli(&["zcard", "{breaker:0}:votes:api"]) == "1").await;
    drop(node);

    let again = Node::join(two(), registry(LONG)).await;
    fail(&again.api);
    again.read_again().await;
    let votes = || server.cli(&["zrange", "{breaker:0}:votes:api", "0", "-1"]);
    until("its second vote is there, or was enough", || {
        votes().contains("* ") || !server.record().is_empty()
    })
    .await;
    assert_eq!(server.record(), "", "one process alone has opened the fleet's circuit");
}

/// "The processes of one host have one vote together, unless they have names"
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn one_host_of_which_one_process_is_young_is_one_vote() {
    let server = Server::start().await;
    let two = || unnamed(server.url()).quorum(2).vote_window(Duration::from_secs(5));
    let old = Node::join(two(), registry(LONG)).await;
    grown(&old).await;
    let young = Node::join(two(), registry(LONG)).await;
    assert_eq!(old.sync.health().vote, young.sync.health().vote);
    fail(&old.api);
    fail(&young.api);
    let votes = || server.cli(&["zcard", "{breaker:0}:votes:api"]);
    until("both have voted, or that was enough", || votes() == "2" || !server.record().is_empty())
        .await;
    assert_eq!(server.record(), "", "one host alone has opened the fleet's circuit");
}

/// The record of a reset of some time ago does not close what has tripped since.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn an_old_reset_does_not_close_what_has_tripped_here_since() {
    let server = Server::start().await;
    let nodes = Node::join_all(1, &server.url(), LONG).await;
    nodes[0].sync.reset("api").await.unwrap();
    let record = server.record();

    // A process that starts later; its circuit is made by the first call.
    let fresh = registry(LONG);
    let sync = link(server.url()).quorum(2).connect(&fresh).await.unwrap();
    sync.ready().await;
    let api = fresh.get_or_create("api");
    fail(&api);
    assert_eq!(api.state(), CircuitState::Open);
    sync.ready().await;
    assert_eq!(server.record(), record);
    assert_eq!(api.state(), CircuitState::Open, "a reset of before has closed it");
}

/// The same where Redis was away when the process started.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_redis_that_comes_back_does_not_close_what_has_tripped_meanwhile() {
    let server = Server::start().await;
    let way = Proxy::to(server.port()).await;
    let nodes = Node::join_all(1, &server.url(), LONG).await;
    let lone = Node::join(link(way.url()).node("lone").quorum(2), registry(LONG)).await;
    way.set(Mode::BlackHole(Way::Both));
    until("it is apart", || lone.status() == SyncStatus::Disconnected).await;
    nodes[0].sync.reset("api").await.unwrap();
    watch_for(Duration::from_millis(200)).await;

    fail(&lone.api);
    assert_eq!(lone.api.state(), CircuitState::Open);
    way.set(Mode::Pass);
    until("it is back", || lone.status() == SyncStatus::Connected).await;
    lone.read_again().await;
    assert_eq!(lone.api.state(), CircuitState::Open, "it has tripped after the reset");
}

/// "What Redis said earlier ends no open time sooner that a circuit has begun since."
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_recovery_of_before_does_not_end_an_open_time_that_has_begun_since() {
    let server = Server::start().await;
    let way = Proxy::to(server.port()).await;
    let open_for = Duration::from_secs(8);
    let lone = Node::join(link(way.url()).node("lone"), registry(open_for)).await;
    let other = Node::join(link(server.url()).node("other"), registry(open_for)).await;
    fail(&lone.api);
    until("all open", || other.api.state() == CircuitState::Open).await;
    way.set(Mode::BlackHole(Way::Both));
    until("it is apart", || lone.status() == SyncStatus::Disconnected).await;
    until("the other recovers", || call(&other.api) && server.record().contains(" c ")).await;
    watch_for(Duration::from_millis(500)).await;

    // Then the upstream fails again: the lone one probes by itself, and finds out.
    let mut failed = None;
    until("its probe fails", || {
        let _ = lone.api.run(|| {
            failed = Some(Instant::now());
            Err::<(), _>("down")
        });
        failed.is_some()
    })
    .await;
    assert_eq!(lone.api.state(), CircuitState::Open);
    way.set(Mode::Pass);
    until("it is back", || lone.status() == SyncStatus::Connected).await;
    lone.read_again().await;
    let since = failed.unwrap().elapsed();
    assert!(since < open_for, "too slow a machine");
    assert_eq!(lone.api.state(), CircuitState::Open, "its own open time has begun {since:?} ago");
}

/// Those whose leases are asked for go on by themselves, and all agree in the end.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn an_old_dump_with_the_number_that_was_known_is_noticed() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    nodes[0].sync.force_open("api").await.unwrap();
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    let [number, record] = [CHANGES, RECORD].map(|key| server.cli(&["get", key]));
    nodes[0].sync.release("api").await.unwrap();
    until("all closed", || all_are(&nodes, CircuitState::Closed)).await;
    nodes[1].read_again().await;
    server.cli(&["mset", CHANGES, &number, RECORD, &record]);
    until("told again", || server.record().contains(" c ")).await;
    assert!(all_are(&nodes, CircuitState::Closed));
}

/// A dump is read in between two polls, and what changes then has a number that was known before.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_number_that_comes_back_with_an_old_dump_hides_no_change() {
    let server = Server::start().await;
    let way = Proxy::to(server.port()).await;
    let one = Node::join(link(server.url()).node("one"), registry(LONG)).await;
    let slow = link(way.url()).node("other").poll_interval(Duration::from_secs(1));
    let other = Node::join(slow, registry(LONG)).await;
    let writes = one.registry.get_or_create("elsewhere");
    one.sync.reset("elsewhere").await.unwrap();
    let number = server.cli(&["get", CHANGES]);
    one.sync.reset("elsewhere").await.unwrap();
    assert_eq!(writes.state(), CircuitState::Closed);
    way.set(Mode::LoseMessages);
    other.read_again().await;

    // The dump is of before the second reset, and the next change is another circuit's.
    server.cli(&["set", CHANGES, &number]);
    one.sync.force_open("api").await.unwrap();
    let start = Instant::now();
    while other.api.state() != CircuitState::Open && start.elapsed() < Duration::from_secs(15) {
        watch_for(Duration::from_millis(20)).await;
    }
    assert_eq!(other.api.state(), CircuitState::Open, "after {:?}", start.elapsed());
}

/// A circuit that was evicted while the fleet's was forced, and a release that its process has not heard.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_was_released_long_ago_is_not_forced_again_by_who_has_not_heard_of_it() {
    let server = Server::start().await;
    let mut nodes = Node::join_all(2, &server.url(), LONG).await;
    nodes[0].sync.force_open("api").await.unwrap();
    until("all are forced", || all_are(&nodes, CircuitState::Open)).await;
    nodes[1].registry.remove("api");
    nodes[1].read_again().await;
    nodes[0].sync.release("api").await.unwrap();
    assert!(server.record().contains(" c "), "{}", server.record());
    nodes[1].read_again().await;

    // The process that knows is replaced, and an hour later the record has expired.
    drop(nodes.remove(0));
    server.cli(&["del", RECORD]);
    nodes[0].read_again().await;
    nodes[0].read_again().await;
    watch_for(Duration::from_millis(300)).await;
    let late = Node::join(link(server.url()), registry(LONG)).await;
    assert_eq!(server.record(), "", "an override that was released is there again");
    assert_eq!(late.api.state(), CircuitState::Closed);
}

/// "Forces the circuit open in every process, until release": also where it is made only by its first
/// call, and that is later than an hour.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_is_forced_before_there_is_such_a_circuit_stays_forced() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    node.sync.force_open("later").await.unwrap();
    // As an hour after: all but two seconds of its life are over.
    server.cli(&["pexpire", "{breaker:0}:record:later", "2000"]);
    // Two full readings.
    node.read_again().await;
    node.read_again().await;
    watch_for(Duration::from_millis(2500)).await;
    node.read_again().await;
    let later = node.registry.get_or_create("later");
    node.read_again().await;
    assert_eq!(later.state(), CircuitState::Open, "nobody has released it");
}

/// A circuit that is evicted and made again between two polls goes by what the fleet says.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn a_circuit_that_is_made_again_and_again_goes_by_the_fleet() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    for round in 0..30_u64 {
        let forces = round % 2 == 0;
        if forces {
            nodes[0].sync.force_open("api").await.unwrap();
        } else {
            nodes[0].sync.release("api").await.unwrap();
        }
        let state = if forces { CircuitState::Open } else { CircuitState::Closed };
        watch_for(Duration::from_millis(37 * (round % 7))).await;
        nodes[1].registry.remove("api");
        if round % 3 == 0 {
            watch_for(Duration::from_millis(500)).await;
        }
        let api = nodes[1].registry.get_or_create("api");
        until("the new one knows", || api.state() == state).await;
    }
}

/// Between two calls that fail and were let through is the open time, whatever Redis does.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn a_redis_that_comes_and_goes_lets_no_more_through_than_the_circuit_alone() {
    let open_for = Duration::from_millis(1500);
    let mut server = Server::start().await;
    let way = Proxy::to(server.port()).await;
    let mut nodes = Vec::new();
    for at in 0..3 {
        let builder =
            link(way.url()).node(format!("node-{at}")).poll_interval(Duration::from_millis(50));
        nodes.push(Node::join(builder, registry(open_for)).await);
    }
    let goes_on = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let mut callers = tokio::task::JoinSet::new();
    for node in &nodes {
        let (api, goes_on) = (node.api.clone(), Arc::clone(&goes_on));
        callers.spawn(async move {
            let mut times = Vec::new();
            while goes_on.load(std::sync::atomic::Ordering::SeqCst) {
                let _ = api.run(|| {
                    times.push(Instant::now());
                    Err::<(), _>("down")
                });
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            times
        });
    }
    for round in 0..12_u64 {
        match round % 6 {
            0 => server.freeze(),
            1 => way.set(Mode::Refuse),
            2 => way.set(Mode::BlackHole(Way::ToClient)),
            3 => {
                server.cli(&["flushall"]);
            }
            4 => {
                server.kill();
                server.run().await;
            }
            _ => way.set(Mode::Slow(Duration::from_millis(200), Duration::from_millis(200))),
        }
        watch_for(Duration::from_millis(900 + 211 * (round % 5))).await;
        if round % 6 == 0 {
            server.thaw();
        }
        way.set(Mode::Pass);
        watch_for(Duration::from_millis(900 + 171 * (round % 3))).await;
    }
    goes_on.store(false, std::sync::atomic::Ordering::SeqCst);
    let mut all = 0;
    for times in callers.join_all().await {
        all += times.len();
        let gaps: Vec<_> = times.windows(2).map(|two| two[1] - two[0]).collect();
        let least = gaps.iter().min().copied().unwrap_or(open_for);
        assert!(least >= open_for * 9 / 10, "{gaps:?}");
    }
    eprintln!("{all} calls of three processes");
}

/// "Panics when .. `over` is shorter than 10 ms": half a second is a window, then.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_short_window_of_the_whole_fleet_opens_it_too() {
    let server = Server::start().await;
    let builder = RedisSync::builder(server.url())
        .poll_interval(Duration::from_millis(100))
        .fleet_failure_rate(0.5, 5, Duration::from_millis(500));
    let node = Node::join(builder, patient()).await;
    watch_for(Duration::from_millis(1200)).await;
    let before: u64 = server.cli(&["get", CHANGES]).parse().unwrap();

    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) && node.api.state() == CircuitState::Closed {
        (0..20).for_each(|_| fail(&node.api));
        watch_for(Duration::from_millis(50)).await;
    }
    let after: u64 = server.cli(&["get", CHANGES]).parse().unwrap();
    let raised = after.saturating_sub(before);
    assert_eq!(node.api.state(), CircuitState::Open, "all calls fail; the number rose by {raised}");
}
