//! Redis answers, and refuses; or something else stands under our keys.

use std::process::{Command, Stdio};
use std::time::Duration;

use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker_redis::{SyncErrorKind, SyncStatus};

use crate::nodes::{LONG, Node, OPEN, all_are, call, fail, link, registry, until, watch_for};
use crate::server::Server;
use crate::verdicts::patient;

/// A refusal while the link is up: degraded, counted, and over when the fault is.
async fn is_refused(server: &Server, kind: SyncErrorKind, fault: &[&str], mended: &[&str]) {
    let nodes = Node::join_all(2, &server.url(), LONG).await;

    server.cli(fault);
    fail(&nodes[0].api);
    until(&format!("{kind} is counted"), || nodes[0].errors(kind) > 0).await;
    until("it shows", || nodes[0].status() == SyncStatus::Degraded).await;
    assert_eq!(nodes[0].sync.health().last_error, Some(kind));
    assert_eq!(nodes[0].api.state(), CircuitState::Open, "it acts here");
    let before = server.commands();
    watch_for(Duration::from_millis(500)).await;
    let asked = server.commands() - before;
    assert!(asked < 100, "{kind}: {asked} commands in half a second");

    server.cli(mended);
    until(&format!("after {kind} all open"), || all_are(&nodes, CircuitState::Open)).await;
    until("it is over", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    assert!(nodes.iter().all(|node| node.sync.health().connections == 1), "{kind}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_full_redis_refuses_and_circuits_go_on() {
    let server = Server::start().await;
    let (full, room) = (["config", "set", "maxmemory", "1"], ["config", "set", "maxmemory", "0"]);
    is_refused(&server, SyncErrorKind::OutOfMemory, &full, &room).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_primary_that_may_not_write_keeps_its_connection() {
    let server = Server::start().await;
    let no_replica = ["config", "set", "min-replicas-to-write", "1"];
    let alone = ["config", "set", "min-replicas-to-write", "0"];
    is_refused(&server, SyncErrorKind::ReadOnly, &no_replica, &alone).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_user_without_permission_is_refused_and_circuits_go_on() {
    let server = Server::start().await;
    let less = ["acl", "setuser", "default", "-evalsha"];
    let more = ["acl", "setuser", "default", "+evalsha"];
    is_refused(&server, SyncErrorKind::NoPermission, &less, &more).await;
}

/// What the docs show for a user of the link.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Documented {
    User,
    /// Besides, for a link to database 3.
    OtherDatabase,
    /// Besides, for a link to a cluster.
    Cluster,
}

impl Documented {
    /// Gives it to `server` as it stands in the docs.
    pub(crate) fn set(self, server: &Server) {
        let docs =
            include_str!("../../src/lib.rs").lines().filter_map(|line| line.strip_prefix("//! "));
        let mut commands: Vec<Vec<&str>> = Vec::new();
        let mut is_in = false;
        for line in docs {
            let begins = line.starts_with("ACL SETUSER");
            if begins {
                commands.push(Vec::new());
            }
            is_in = (is_in || begins) && !line.starts_with("```");
            if let Some(command) = commands.last_mut().filter(|_| is_in) {
                command.extend(line.split_whitespace());
            }
        }
        assert_eq!(commands.len(), 3, "{commands:?}");
        let command = &commands[self as usize];
        assert_eq!(server.cli(command), "OK", "{command:?}");
    }
}

/// A link to `database` as the documented user can do all that a link does.
async fn will_do(server: &Server, database: u32) {
    let at = server.port();
    let url = format!("redis://shop-breaker:a-long-secret@127.0.0.1:{at}/{database}");
    let builder =
        || link(&url).prefix("shop").fleet_failure_rate(0.9, 1000, Duration::from_secs(1));
    let one = Node::join(builder(), registry(OPEN)).await;
    let other = Node::join(builder().poll_interval(LONG), registry(OPEN)).await;

    fail(&one.api);
    until("it travels as a message", || other.api.state() == CircuitState::Open).await;
    until("it recovers", || call(&other.api) && one.api.state() == CircuitState::Closed).await;
    one.sync.force_open("api").await.unwrap();
    one.sync.release("api").await.unwrap();
    let keys = || server.cli(&["-n", &database.to_string(), "keys", "*:sums:*"]);
    let third = Node::join(builder(), patient()).await;
    until("it counts", || {
        fail(&third.api);
        !keys().is_empty()
    })
    .await;
    let fleet = one.registry.fleet().unwrap();
    until("it is looked at", || fleet.look().is_some()).await;
    server.cli(&["flushall"]);
    one.read_again().await;

    for node in [&one, &other, &third] {
        assert_eq!(node.sync.health().errors, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_user_with_the_documented_permissions_will_do() {
    let server = Server::start().await;
    Documented::User.set(&server);
    will_do(&server, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_user_with_the_permissions_documented_for_another_database_will_do() {
    let server = Server::start().await;
    Documented::User.set(&server);
    let url = format!("redis://shop-breaker:a-long-secret@127.0.0.1:{}/3", server.port());
    let refused = link(url).prefix("shop").connect(&registry(OPEN)).await.unwrap_err();
    assert_eq!(refused.kind(), Some(SyncErrorKind::NoPermission), "{refused}");
    assert!(refused.to_string().contains("documentation has the whole ACL line"), "{refused}");

    Documented::OtherDatabase.set(&server);
    will_do(&server, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_busy_redis_refuses_and_circuits_go_on() {
    let server = Server::with(&["--busy-reply-threshold", "50"]).await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    let mut script = Command::new("redis-cli")
        .args(["-p", &server.port().to_string(), "eval", "while true do end", "0"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();

    fail(&nodes[0].api);
    let is_busy = |node: &Node| node.errors(SyncErrorKind::Busy) > 0;
    until("busy", || is_busy(&nodes[0]) || is_busy(&nodes[1])).await;
    assert_eq!(nodes[0].api.state(), CircuitState::Open);
    server.cli(&["script", "kill"]);

    until("all open", || all_are(&nodes, CircuitState::Open)).await;
    let _ = script.wait();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_redis_with_too_many_clients_refuses_and_circuits_go_on() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), OPEN).await;

    // One stays for redis-cli.
    let mut kept = Command::new("redis-cli")
        .args(["-p", &server.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut say = |line: &str| {
        use std::io::Write;
        kept.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    };
    say("config set maxclients 1\nclient kill type pubsub\nclient kill type normal skipme yes\n");
    // Redis says why and hangs up, and the system may tell of the second first.
    let kinds = [SyncErrorKind::TooManyClients, SyncErrorKind::Unreachable];
    let refused = |node: &Node| kinds.iter().map(|kind| node.errors(*kind)).sum::<u64>();
    until("it is refused", || refused(&nodes[0]) > 1).await;
    assert_eq!(nodes[0].status(), SyncStatus::Disconnected);
    fail(&nodes[0].api);
    until("it recovers by itself", || {
        call(&nodes[0].api) && nodes[0].api.state() == CircuitState::Closed
    })
    .await;
    say("config set maxclients 100\n");

    until("all are back", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
    let _ = kept.kill();
    let _ = kept.wait();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_redis_that_reads_its_data_in_refuses_and_circuits_go_on() {
    let slow = [
        ["--enable-debug-command", "yes"],
        ["--key-load-delay", "3000"],
        ["--loading-process-events-interval-bytes", "1024"],
    ];
    let mut server = Server::with(slow.as_flattened()).await;
    let node = Node::join(link(server.url()), registry(OPEN)).await;
    server.cli(&["debug", "populate", "1000", "key", "4000"]);
    server.cli(&["save"]);

    server.kill();
    server.run().await;
    until("it is counted", || node.errors(SyncErrorKind::Loading) > 0).await;
    fail(&node.api);
    assert_eq!(node.api.state(), CircuitState::Open);

    until("it is back", || node.status() == SyncStatus::Connected).await;
}

/// What may stand under the key of a record and is none.
fn foreign_values() -> Vec<Vec<String>> {
    let good = "1 1790000000000000 o 1790000030000 30000 0 votes web-1";
    let huge = "9".repeat(30);
    let lines = [
        "x".to_owned(),
        good[..20].to_owned(),
        format!("2{}", &good[1..]),
        good.replace(" o ", " x "),
        good.replace("votes", "whim"),
        good.replace("1790000000000000", &huge),
        good.replace("1790000030000", &huge),
        good.replace(" 30000 ", &format!(" {huge} ")),
        good.replace(" 0 ", &format!(" {huge} ")),
        good.replace("web-1", &"w".repeat(300)),
    ];
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let lines = lines.iter().map(|line| words(&["set", "KEY", line]));
    let others = [
        words(&["lpush", "KEY", "x"]),
        words(&["hset", "KEY", "x", "y"]),
        words(&["setrange", "KEY", "10485760", "x"]),
    ];
    lines.chain(others).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn what_is_no_record_is_left_alone_and_counted() {
    let server = Server::start().await;
    let nodes = Node::join_all(2, &server.url(), LONG).await;
    let of_all =
        |name: &str| nodes.iter().map(|n| n.registry.get_or_create(name)).collect::<Vec<_>>();
    for (number, value) in foreign_values().into_iter().enumerate() {
        let (key, what) = (format!("{{breaker:0}}:record:c-{number}"), format!("{value:.60?}"));
        let value: Vec<_> = value.iter().map(|word| word.replace("KEY", &key)).collect();
        server.cli(&value.iter().map(String::as_str).collect::<Vec<_>>());
        let kept = server.cli(&["dump", &key]);
        let before: Vec<_> = nodes.iter().map(|n| n.errors(SyncErrorKind::Foreign)).collect();

        let circuits = of_all(&format!("c-{number}"));
        fail(&circuits[0]);
        until(&what, || {
            let counts = nodes.iter().map(|node| node.errors(SyncErrorKind::Foreign));
            counts.zip(&before).all(|(now, before)| now > *before)
        })
        .await;

        assert_eq!(circuits[0].state(), CircuitState::Open, "{what}: it acts here");
        assert_eq!(circuits[1].state(), CircuitState::Closed, "{what}");
        let asked = server.commands();
        watch_for(Duration::from_millis(200)).await;
        let asked = server.commands() - asked;
        assert!(asked < 80, "{what}: {asked} commands in 0.2 s");
        assert_eq!(server.cli(&["dump", &key]), kept, "{what}: left alone");
        let others = of_all(&format!("other-{number}"));
        fail(&others[0]);
        until("others are shared", || others[1].state() == CircuitState::Open).await;
        server.cli(&["del", &key]);
        until("its trip arrives", || circuits[1].state() == CircuitState::Open).await;
    }

    until("it is over", || nodes.iter().all(|n| n.status() == SyncStatus::Connected)).await;
}
