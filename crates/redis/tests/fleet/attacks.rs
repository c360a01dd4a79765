//! What was thought of by somebody who wanted it to fail.

use std::time::Duration;

use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker_redis::{SyncErrorKind, SyncStatus};

use crate::nodes::{
    LONG, Node, OPEN, all_are, call, call_all, fail, link, registry, registry_with, until,
    watch_for,
};
use crate::proxy::{Mode, Proxy, Way};
use crate::server::{CHANGES, RECORD, Server};
use crate::verdicts::patient;

const SHARED: &str = include_str!("../../src/scripts/record.lua");
const VOTE: &str = include_str!("../../src/scripts/vote.lua");
const SETTLE: &str = include_str!("../../src/scripts/settle.lua");
const LEASE: &str = include_str!("../../src/scripts/lease.lua");

/// What a script says, line by line.
fn eval(server: &Server, script: &str, keys: &[&str], arguments: &[&str]) -> Vec<String> {
    let (script, number) = (format!("{SHARED}\n{script}"), keys.len().to_string());
    let words: Vec<_> = ["eval", &script, &number]
        .into_iter()
        .chain(keys.iter().chain(arguments).copied())
        .collect();
    server.cli(&words).lines().map(str::to_owned).collect()
}

fn epoch(server: &Server) -> u64 {
    server.record().split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn an_opener_and_a_closer_of_an_older_epoch_are_refused() {
    let server = Server::start().await;
    let keys = [RECORD, CHANGES, "{breaker:0}:votes:api"];
    let vote = |node: &str, known: u64| {
        let (known, channel) = (known.to_string(), "breaker:changes");
        let (own, young) = (format!("{node} {node}/1"), format!("* {node}/1"));
        let trip = [channel, "api", node, &known, "60000", "0", "10000", "1", "votes"];
        eval(&server, VOTE, &keys, &[&trip[..], &[&own, &young]].concat())
    };
    let settle = |epoch: u64, state: &str| {
        let epoch = epoch.to_string();
        let arguments = ["breaker:changes", "api", "late", &epoch, state, "60000", "1"];
        eval(&server, SETTLE, &keys, &arguments)
    };

    assert_eq!(vote("one", 0)[0], "1");
    let opened = epoch(&server);
    assert_eq!(settle(opened - 1, "c")[0], "0", "a closer of before");
    assert_eq!(settle(opened - 1, "o")[0], "0", "a failed probe of before");
    assert_eq!(epoch(&server), opened);
    assert_eq!(settle(opened, "c")[0], "1");
    let closed = epoch(&server);
    assert!(closed > opened);

    assert_eq!(settle(opened, "o")[0], "0", "a second verdict on the same epoch");
    assert_eq!(vote("late", opened)[0], "0", "an opener of before");
    assert!(server.record().contains(" c "), "{}", server.record());
    assert_eq!(server.cli(&["exists", keys[2]]), "0", "nor does its vote stand");
    assert_eq!(vote("one", closed)[0], "1");
    assert!(epoch(&server) > closed);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn as_many_leases_as_there_are_slots_and_none_for_an_older_epoch() {
    let server = Server::start().await;
    server.cli(&["set", RECORD, "1 1790000000000000 o 1790000030000 30000 0 votes web-1"]);
    let lease = |node: &str, epoch: &str| {
        let keys = [RECORD, "{breaker:0}:probe:1:0:api", "{breaker:0}:probe:1:1:api"];
        eval(&server, LEASE, &keys, &[node, epoch, "60000"])[0].clone()
    };

    let said = ["a", "b", "c", "a", "b"].map(|node| lease(node, "1790000000000000"));

    assert_eq!(said, ["1", "1", "0", "1", "1"], "who asks again has the same one");
    assert_eq!(lease("a", "1789999999999999"), "-1");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_lease_that_never_ends_keeps_no_circuit_open() {
    let server = Server::start().await;
    let open = Duration::from_secs(1);
    let nodes = Node::join_all(2, &server.url(), open).await;
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    let lease = format!("{{breaker:0}}:probe:{}:0:api", epoch(&server));
    assert_eq!(server.cli(&["set", &lease, "somebody's"]), "OK");

    until("all recover", || {
        call_all(&nodes);
        all_are(&nodes, CircuitState::Closed)
    })
    .await;

    assert!(nodes.iter().any(|node| node.errors(SyncErrorKind::Foreign) > 0));
    assert_eq!(server.cli(&["get", &lease]), "somebody's", "it is left alone");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_trip_of_before_the_split_ended_does_not_open_the_fleet() {
    let server = Server::start().await;
    let way = Proxy::to(server.port()).await;
    let lone = Node::join(link(way.url()).node("lone"), registry(LONG)).await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    nodes[0].sync.reset("api").await.unwrap();
    lone.read_again().await;

    way.set(Mode::BlackHole(Way::Both));
    until("it is apart", || lone.status() == SyncStatus::Disconnected).await;
    fail(&lone.api);
    nodes[0].sync.reset("api").await.unwrap();
    let before = server.record();
    way.set(Mode::Pass);

    until("it hears the newer word", || lone.api.state() == CircuitState::Closed).await;
    assert_eq!(server.record(), before);
    assert!(all_are(&nodes, CircuitState::Closed));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn the_first_word_does_not_close_what_has_tripped_here() {
    let server = Server::start().await;
    // The fleet was open once, and recovered.
    let nodes = Node::join_all(1, &server.url(), OPEN).await;
    fail(&nodes[0].api);
    until("it recovered", || call(&nodes[0].api) && server.record().contains(" c ")).await;
    let fresh = registry(LONG);
    let sync = link(server.url()).quorum(2).connect(&fresh).await.unwrap();
    sync.ready().await;

    let api = fresh.get_or_create("api");
    fail(&api);
    sync.ready().await;
    until("its vote is there", || server.cli(&["zcard", "{breaker:0}:votes:api"]) == "1").await;
    sync.ready().await;

    assert_eq!(api.state(), CircuitState::Open);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_clock_of_redis_that_was_set_back_holds_no_circuit_open_for_longer() {
    let server = Server::start().await;
    // As it looks when the clock stands an hour before the moment at which it was written.
    let later = now_ms() + 60 * 60 * 1000;
    server.cli(&["set", RECORD, &format!("1 {later}000 o {later} 400 0 votes web-1")]);

    let node = Node::join(link(server.url()), registry(OPEN)).await;
    assert_eq!(node.api.state(), CircuitState::Open);
    assert!(node.api.snapshot().retry_after.unwrap() < LONG);

    until("it recovers", || call(&node.api) && node.api.state() == CircuitState::Closed).await;
    assert!(server.record().starts_with(&format!("1 {later}001 c ")), "{}", server.record());
}

/// Or the clock was set back by more than a day. Nobody goes by it, and an operator's command ends it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_forged_record_of_a_far_epoch_is_nobodys_word_and_a_reset_ends_it() {
    for state in ["o 4990000000000 86400000", "fo 0 0", "fc 0 0", "c 0 0"] {
        let server = Server::start().await;
        let nodes = Node::join_all(2, &server.url(), LONG).await;
        nodes[0].read_again().await;
        let forged = format!("1 8999999999999999 {state} 0 votes evil");

        server.cli(&["set", RECORD, &forged]);
        server.cli(&["publish", "breaker:changes", &format!("86400000 {forged} api")]);
        for node in &nodes {
            until("it is seen", || node.errors(SyncErrorKind::Foreign) > 0).await;
        }
        assert!(all_are(&nodes, CircuitState::Closed), "{state}: nobody goes by it");
        assert!(nodes.iter().all(|node| node.api.snapshot().overridden.is_none()), "{state}");
        fail(&nodes[0].api);
        nodes[0].read_again().await;
        assert_eq!(nodes[0].api.state(), CircuitState::Open, "{state}: it decides alone");
        assert_eq!(server.record(), forged, "{state}: and says nothing");

        nodes[1].sync.reset("api").await.unwrap();
        until("all closed", || all_are(&nodes, CircuitState::Closed)).await;
        assert!(epoch(&server) / 1000 <= now_ms() + 1000, "{state}: {}", server.record());
        fail(&nodes[0].api);
        until("they agree again", || all_are(&nodes, CircuitState::Open)).await;
        until("all connected", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    }
}

/// As a process hears it that was stopped meanwhile: of how long the circuit is open it says what was left.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_message_that_was_long_on_its_way_is_nobodys_word_until_it_is_read() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    node.read_again().await;
    for (age, state) in [(10_000, CircuitState::Closed), (0, CircuitState::Open)] {
        let (begun, ends) = (now_ms() - age, now_ms() - age + 60_000);
        let message = format!("60000 1 {begun}000 o {ends} 60000 0 votes web-1 api");
        server.cli(&["publish", "breaker:changes", &message]);
        watch_for(Duration::from_millis(500)).await;
        node.read_again().await;
        assert_eq!(node.api.state(), state, "{age} ms on its way");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn votes_of_ever_new_names_fill_no_more_than_a_thousand() {
    let server = Server::start().await;
    let keys = [RECORD, CHANGES, "{breaker:0}:votes:api"];
    let fill =
        "for i = 1, 1020 do redis.call('ZADD', KEYS[3], ARGV[1], 'a' .. i .. ' b') end return {1}";
    eval(&server, fill, &keys, &[&now_ms().to_string()]);

    let trip = ["breaker:changes", "api", "one", "0", "60000", "0", "60000", "2000", "votes"];
    let votes = eval(&server, VOTE, &keys, &[&trip[..], &["one one/1", "* one/1"]].concat());

    assert_eq!(votes[0], "1000");
    assert_eq!(server.cli(&["zcard", keys[2]]), "1000");
}

/// A process whose link is new has not yet read the clock of Redis.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_flood_of_forged_messages_opens_no_circuit_of_a_process_that_starts() {
    let server = Server::start().await;
    let forged = "86400000 1 8999999999999999 o 4990000000000 86400000 0 votes evil api";
    for _ in 0..5 {
        let node = Node::join(link(server.url()), registry(LONG)).await;
        for _ in 0..20 {
            server.cli(&["publish", "breaker:changes", forged]);
        }
        node.read_again().await;
        assert_eq!(node.api.state(), CircuitState::Closed);
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of Redis on this machine")]
fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap().as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_foreign_value_under_one_key_keeps_nobody_from_starting() {
    let server = Server::start().await;
    server.cli(&["set", RECORD, "somebody's"]);
    let node = Node::join(link(server.url()), registry(LONG)).await;

    until("it shows", || node.status() == SyncStatus::Degraded).await;
    let changes = node.sync.health();
    for _ in 0..3 {
        node.read_again().await;
    }

    assert!(node.errors(SyncErrorKind::Foreign) > 1);
    let now = node.sync.health();
    assert!(now.in_status_for > changes.in_status_for, "degraded all the time");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn the_longest_times_are_no_trouble() {
    let server = Server::start().await;
    let joined = |node: &str| {
        link(server.url())
            .node(node)
            .poll_interval(Duration::MAX)
            .response_timeout(Duration::MAX)
            .vote_window(Duration::MAX)
            .probe_lease(Duration::MAX)
            .fleet_failure_rate(0.5, u64::MAX, Duration::MAX)
    };
    let longest = || registry_with(|builder| builder.open_for(Duration::MAX));
    let nodes =
        [Node::join(joined("one"), longest()).await, Node::join(joined("two"), longest()).await];

    fail(&nodes[0].api);
    until("it travels", || all_are(&nodes, CircuitState::Open)).await;
    nodes[1].sync.reset("api").await.unwrap();
    until("it closes", || all_are(&nodes, CircuitState::Closed)).await;
    let third = Node::join(joined("three"), patient()).await;
    until("it counts", || {
        fail(&third.api);
        !server.cli(&["keys", "*:sums:*"]).is_empty()
    })
    .await;

    for node in &nodes {
        assert_eq!(node.sync.health().errors, [], "of {}", node.sync.node());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_flood_of_messages_hides_nothing() {
    let server = Server::start().await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let builder = link(server.url()).response_timeout(Duration::from_secs(5));
        nodes.push(Node::join(builder, registry(LONG)).await);
    }
    let old = "0 1 5 o 1 1 0 votes web-1 api";
    let flood = "for _ = 1, 20000 do redis.call('PUBLISH', 'breaker:changes', ARGV[1]) end";

    for (number, message) in [old, "garbage", old, "", old].into_iter().enumerate() {
        nodes[0].sync.reset("api").await.unwrap();
        until("all closed", || all_are(&nodes, CircuitState::Closed)).await;
        server.cli(&["eval", flood, "0", message]);
        fail(&nodes[number % 3].api);
        until("it is heard through the flood", || all_are(&nodes, CircuitState::Open)).await;
    }

    for node in &nodes {
        let health = node.sync.health();
        assert!(health.lagged > 0, "there were more than it keeps: {health:?}");
        assert_eq!((health.status, health.connections), (SyncStatus::Connected, 1), "{health:?}");
    }
}

#[test]
#[ignore = "needs redis-server: run by tests/run.sh"]
fn one_thread_will_do_and_the_end_of_the_runtime_frees_every_circuit() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let servers = runtime();
    let server = servers.block_on(Server::start());
    let own = runtime();
    let patient = || link(server.url()).response_timeout(Duration::from_secs(5));
    let nodes = [
        own.block_on(Node::join(patient(), registry(OPEN))),
        own.block_on(Node::join(patient(), registry(OPEN))),
    ];
    fail(&nodes[0].api);
    own.block_on(until("both open", || all_are(&nodes, CircuitState::Open)));
    // Nobody calls: they wait for somebody who does, and for Redis to answer then.
    let left = |node: &Node| node.api.snapshot().retry_after.unwrap_or_default();
    own.block_on(until("both are held", || nodes.iter().all(|node| left(node) > 2 * OPEN)));

    drop(own);

    for node in &nodes {
        assert_eq!(node.status(), SyncStatus::Stopped);
        // What it was held open for, the task can no longer ask.
        assert!(left(node) <= OPEN, "{:?}", left(node));
    }
    servers.block_on(until("both recover by themselves", || {
        call_all(&nodes);
        all_are(&nodes, CircuitState::Closed)
    }));
    let error = servers.block_on(nodes[0].sync.reset("api")).unwrap_err();
    assert_eq!(error.kind(), SyncErrorKind::Unreachable);
}
