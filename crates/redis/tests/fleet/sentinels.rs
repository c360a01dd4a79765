//! The primary is the one that Sentinels name, and fails over to its replica.

use std::time::Duration;

use tokio::time::Instant;
use tower_circuit_breaker::{CircuitRegistry, CircuitState, Outcome, Permit};
use tower_circuit_breaker_redis::{ConnectError, RedisSyncBuilder, SyncErrorKind, SyncStatus};

use crate::nodes::{
    LONG, Node, OPEN, all_are, call_all, fail, link, registry, until, until_within, watch_for,
};
use crate::server::{RECORD, Server, free_port};
use crate::watched::{NAME, Watched};

/// How soon after the promotion all agree.
const SOON: Duration = Duration::from_secs(5);

async fn refused(builder: RedisSyncBuilder) -> ConnectError {
    let builder = builder.response_timeout(Duration::from_secs(2));
    builder.connect(&CircuitRegistry::new()).await.unwrap_err()
}

/// Three processes under a prefix of their own.
async fn fleet(watched: &Watched, prefix: &str, open_for: Duration) -> Vec<Node> {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let builder = link(watched.url("")).prefix(prefix);
        nodes.push(Node::join(builder, registry(open_for)).await);
    }
    nodes
}

/// A fleet whose probe is under way.
async fn half_open(watched: &Watched) -> (Vec<Node>, Permit) {
    let nodes = fleet(watched, "half", OPEN).await;
    fail(&nodes[0].api);
    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    let mut probe = None;
    until("one probes", || {
        probe = nodes[0].api.try_acquire().ok();
        probe.is_some()
    })
    .await;
    (nodes, probe.unwrap())
}

/// The primary fails with a fleet idle, one open and one half-open.
async fn fails_over(fail_over: impl FnOnce(&mut Watched)) {
    let mut watched = Watched::start().await;
    let idle = fleet(&watched, "idle", LONG).await;
    let open = fleet(&watched, "open", LONG).await;
    fail(&open[0].api);
    until("all open", || all_are(&open, CircuitState::Open)).await;
    let (half, probe) = half_open(&watched).await;

    fail_over(&mut watched);
    let promoted = watched.until_promoted().await;
    let left = || SOON.saturating_sub(promoted.elapsed());

    let all = || idle.iter().chain(&open).chain(&half);
    let is_there =
        |node: &Node| node.status() == SyncStatus::Connected && node.sync.health().connections > 1;
    until_within(left(), "all follow", || all().all(is_there)).await;
    fail(&idle[1].api);
    until_within(left(), "a trip arrives", || all_are(&idle, CircuitState::Open)).await;
    probe.record(Outcome::Success);
    until_within(left(), "the probe's verdict holds", || {
        call_all(&half);
        all_are(&half, CircuitState::Closed)
    })
    .await;
    assert!(all_are(&open, CircuitState::Open), "what was open stays so");
    eprintln!("all agree: {:.1?} after the promotion", promoted.elapsed());

    let record = RECORD.replace("breaker", "open");
    until("the new primary knows it", || watched.replica.cli(&["get", &record]).contains(" o "))
        .await;
    let late = Node::join(link(watched.url("")).prefix("open"), registry(LONG)).await;
    assert_eq!(late.api.state(), CircuitState::Open);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_primary_that_is_killed_is_followed_by_its_replica() {
    fails_over(|watched| watched.primary.kill()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_primary_that_hangs_is_followed_by_its_replica() {
    fails_over(|watched| watched.primary.freeze()).await;
}

/// The old primary is there all the time and takes writes for ten seconds more, and connections stay.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_fail_over_by_command_is_followed_before_the_old_primary_is_demoted() {
    fails_over(|watched| {
        assert_eq!(watched.sentinels[0].cli(&["sentinel", "failover", NAME]), "OK");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn while_all_is_well_a_sentinel_is_asked_once_in_one_to_two_seconds_over_one_connection() {
    let primary = Server::start().await;
    // There is no other to ask it anything.
    let config = format!("sentinel monitor {NAME} 127.0.0.1 {} 1\n", primary.port());
    let sentinel = Server::sentinel(&config).await;
    let url = format!("redis+sentinel://127.0.0.1:{}/{NAME}", sentinel.port());
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::join(link(&url), registry(LONG)).await);
    }
    let clients = || sentinel.cli(&["client", "list", "type", "normal"]).lines().count() - 1;
    until("each has a way to it", || clients() == nodes.len()).await;
    let lasts = 6;
    let before = sentinel.commands();
    watch_for(Duration::from_secs(lasts)).await;

    let asked = sentinel.commands() - before - 1;
    eprintln!("{asked} questions of {} processes in {lasts} s", nodes.len());
    assert!((6..=21).contains(&asked), "{asked} questions");
    assert_eq!(clients(), nodes.len());
    assert!(nodes.iter().all(|node| node.sync.health().connections == 1));
    drop(nodes);
    until("it is left", || clients() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_primary_stays_the_one_while_the_sentinels_are_away_or_one_names_another() {
    let primary = Server::start().await;
    let other = Server::with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]).await;
    let watching = |port: u16| format!("sentinel monitor {NAME} 127.0.0.1 {port} 2\n");
    let mut first = Server::sentinel(&watching(primary.port())).await;
    let stale = Server::sentinel(&watching(other.port())).await;
    let second = Server::sentinel(&watching(primary.port())).await;
    let ports = [first.port(), stale.port(), second.port()].map(|port| format!("127.0.0.1:{port}"));
    let url = format!("redis+sentinel://{}/{NAME}", ports.join(","));
    let mut statuses = Vec::new();
    let node = Node::join(link(url), registry(LONG)).await;

    // The next that is asked names another: a replica, which is no primary for anybody.
    first.kill();
    let is_counted = || node.sync.health().errors.iter().any(|(_, times)| *times > 0);
    until("the stale one was believed", || {
        statuses.push(node.status());
        is_counted()
    })
    .await;
    until("the others are asked", || {
        statuses.push(node.status());
        node.sync.health().connections == 2
    })
    .await;
    drop((stale, second));
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        statuses.push(node.status());
        watch_for(Duration::from_millis(20)).await;
    }
    assert!(statuses.iter().all(|status| *status == SyncStatus::Connected), "it stays connected");
    assert_eq!(node.sync.health().connections, 2);
    node.sync.reset("api").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn sentinels_have_a_login_of_their_own() {
    let (password, own) = ("a-primary-secret", "a-sentinel-secret");
    let mut watched = Watched::with_passwords([password, own]).await;
    // Also where the first of them is away.
    watched.sentinels[0].kill();
    let url = watched.url(&format!(":{password}@"));

    let node = Node::join(link(&url).sentinel_login("", own), registry(LONG)).await;
    assert_eq!(node.status(), SyncStatus::Connected);

    let error = refused(link(&url)).await;
    let text = error.to_string();
    assert_eq!(error.kind(), Some(SyncErrorKind::LoginRefused), "{text}");
    assert!(text.starts_with("the Sentinel at 127.0.0.1:"), "{text}");
    assert!(text.contains("sentinel_login"), "the remedy: {text}");
    let wrong = refused(link(watched.url("")).sentinel_login("", own)).await.to_string();
    assert!(wrong.starts_with("Redis at 127.0.0.1:"), "{wrong}");
    assert!(wrong.contains("refused the login"), "{wrong}");
    for text in [text, wrong, format!("{:?} {:?}", link(&url).sentinel_login("", own), node.sync)] {
        assert!(!text.contains("secret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_name_that_no_sentinel_watches_says_so() {
    let config = "sentinel monitor other 127.0.0.1 1 2";
    let sentinel = Server::sentinel(config).await;
    let url = format!("redis+sentinel://127.0.0.1:{}/missing", sentinel.port());

    for builder in [link(&url), link(&url).local_until_connected()] {
        let error = refused(builder).await;
        let text = error.to_string();
        let start = format!("the Sentinel at 127.0.0.1:{} watches no master", sentinel.port());
        assert!(text.starts_with(&start) && text.contains("'missing'"), "{text}");
        assert!(text.contains("sentinel monitor"), "the remedy: {text}");
        assert_eq!(error.kind(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_are_away_are_named() {
    let ports = [free_port(), free_port()];
    let url =
        format!("redis+sentinel://:secret@127.0.0.1:{},127.0.0.1:{}/fleet", ports[0], ports[1]);

    let error = refused(link(&url)).await;
    let text = error.to_string();
    assert_eq!(error.kind(), Some(SyncErrorKind::Unreachable), "{text}");
    assert!(text.starts_with("no Sentinel says where 'fleet' is"), "{text}");
    assert!(ports.iter().all(|port| text.contains(&format!("127.0.0.1:{port}"))), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let registry = registry(LONG);
    let sync = link(&url).local_until_connected().connect(&registry).await.unwrap();
    assert_eq!(sync.health().status, SyncStatus::Disconnected);
}

#[tokio::test]
async fn a_url_of_sentinels_that_lacks_something_says_what() {
    for (url, what) in [
        ("redis+sentinel://:secret@host", "the name of the master is missing"),
        ("redis+sentinel://:secret@/fleet", "a host is missing"),
        ("rediss+sentinel://:secret@host:x/fleet", "the port of host"),
    ] {
        let error = refused(link(url).local_until_connected()).await;
        let text = error.to_string();
        assert!(text.starts_with("not the URL of Sentinels"), "{text}");
        assert!(text.contains(what), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(error.kind(), None);
    }
}
