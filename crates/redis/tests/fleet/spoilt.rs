//! Values under our keys that others have written, and a Redis that takes no writes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker_redis::{SyncErrorKind, SyncStatus};

use crate::nodes::{LONG, Node, fail, link, registry, until, watch_for};
use crate::server::{CHANGES, RECORD, Server};

/// What Redis has sent so far.
fn sent(server: &Server) -> u64 {
    let stats = server.cli(&["info", "stats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    line.unwrap().trim().parse().unwrap()
}

/// "One line of the log says when Redis is away .. and one when it is back"
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn while_redis_is_full_the_link_does_not_say_again_and_again_that_it_is_well() {
    let server = Server::start().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let builder = link(server.url()).on_health({
        let told = Arc::clone(&told);
        move |health| told.lock().unwrap().push(health.status)
    });
    let _node = Node::join(builder, registry(LONG)).await;
    server.cli(&["config", "set", "maxmemory", "1"]);
    told.lock().unwrap().clear();

    watch_for(Duration::from_secs(24)).await;
    let told = told.lock().unwrap().clone();
    assert!(told.len() <= 2, "{told:?}");
}

/// The same where something else stands under the process' own key.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn a_foreign_value_under_the_process_key_is_told_once() {
    let server = Server::start().await;
    server.cli(&["lpush", "{breaker:~}:process:web", "x"]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let builder = link(server.url()).node("web").on_health({
        let told = Arc::clone(&told);
        move |health| told.lock().unwrap().push(health.status)
    });
    let _node = Node::join(builder, registry(LONG)).await;

    watch_for(Duration::from_secs(24)).await;
    let told = told.lock().unwrap().clone();
    assert!(told.len() <= 3, "{told:?}");
}

/// A record that becomes foreign after it was read once.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_record_that_becomes_foreign_degrades_the_link_for_as_long_as_it_is() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    node.sync.reset("api").await.unwrap();
    node.read_again().await;
    server.cli(&["set", RECORD, "somebody's"]);
    node.read_again().await;
    until("it shows", || node.status() == SyncStatus::Degraded).await;

    // Some polls.
    watch_for(Duration::from_secs(3)).await;
    assert_eq!(server.record(), "somebody's");
    assert_eq!(node.status(), SyncStatus::Degraded, "nothing has been mended");
}

/// "Everything that Redis says is checked for size and version."
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_huge_value_under_the_number_of_changes_is_not_read_each_time() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    server.cli(&["setrange", CHANGES, "10485760", "x"]);
    let before = sent(&server);
    watch_for(Duration::from_secs(5)).await;
    let sent = sent(&server) - before;
    assert!(
        sent < 20_000_000,
        "{sent} bytes in five seconds, and of errors {:?}",
        node.sync.health().errors
    );
}

/// A number that is no number is told of, as what is no record is.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_foreign_number_of_changes_is_counted() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    server.cli(&["set", CHANGES, "somebody's"]);
    watch_for(Duration::from_secs(2)).await;
    let health = node.sync.health();
    assert!(node.errors(SyncErrorKind::Foreign) > 0, "{health:?}");
}

/// Whoever may write to Redis may not keep services from starting.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_forged_layout_keeps_nobody_from_starting() {
    let server = Server::start().await;
    server.cli(&["setrange", "{breaker:~}:layout", "3000000", "x"]);
    let before = sent(&server);
    let started = link(server.url()).local_until_connected().connect(&registry(LONG)).await;
    let text = started.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let sent = sent(&server) - before;
    assert!(text.len() < 2000, "a text of {} bytes; Redis has sent {sent}", text.len());
    assert!(started.is_ok(), "{text}");
}

/// A list under the key of the layout.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute: run by tests/deep.sh stores"]
async fn a_list_under_the_layout_keeps_nobody_apart() {
    let server = Server::start().await;
    let node = Node::join(link(server.url()), registry(LONG)).await;
    server.cli(&["del", "{breaker:~}:layout"]);
    server.cli(&["lpush", "{breaker:~}:layout", "x"]);
    server.cli(&["client", "kill", "type", "pubsub"]);
    until("it is away", || node.status() == SyncStatus::Disconnected).await;
    watch_for(Duration::from_secs(10)).await;
    let health = node.sync.health();
    assert_eq!(health.status, SyncStatus::Connected, "{:?}", health.last_error_text);
}

/// What a command is refused for does not call that command the remedy.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn the_remedy_for_a_foreign_record_is_one() {
    let server = Server::start().await;
    server.cli(&["set", RECORD, "somebody's"]);
    let node = Node::join(link(server.url()), registry(LONG)).await;
    let error = node.sync.reset("api").await.unwrap_err();
    assert_eq!(error.kind(), SyncErrorKind::Foreign);
    assert!(!error.to_string().contains("such as `reset` overwrites"), "{error}");
}

/// A process that starts while Redis cannot save learns what stands there.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_process_that_starts_while_redis_takes_no_writes_learns_what_it_can_read() {
    let server = Server::start().await;
    let nodes = Node::join_all(1, &server.url(), LONG).await;
    fail(&nodes[0].api);
    until("it is there", || server.record().contains(" o ")).await;
    server.cli(&["config", "set", "min-replicas-to-write", "1"]);
    until("it shows", || nodes[0].status() == SyncStatus::Degraded).await;
    let registry = registry(LONG);
    let api = registry.get_or_create("api");
    let late = link(server.url()).local_until_connected().connect(&registry).await.unwrap();
    let _ = late.ready_within(Duration::from_secs(5)).await;
    assert_eq!(api.state(), CircuitState::Open, "{:?}", late.health());
}
