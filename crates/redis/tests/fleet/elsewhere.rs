//! The URL leads to something that is no store for a fleet.

use std::time::Duration;

use tower_circuit_breaker::{CircuitRegistry, CircuitState};
use tower_circuit_breaker_redis::{SyncErrorKind, SyncStatus};

use crate::nodes::{LONG, fail, link, registry, until};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_replica_says_so_and_is_joined_when_it_is_the_primary() {
    let primary = Server::start().await;
    let replica = Server::with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]).await;
    let address = format!("127.0.0.1:{}", replica.port());

    let error = link(replica.url()).connect(&CircuitRegistry::new()).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), Some(SyncErrorKind::ReadOnly), "{text}");
    assert!(text.starts_with(&format!("Redis at {address} is a replica")), "{text}");
    assert!(text.contains("redis+sentinel://"), "the remedy: {text}");

    let registry = registry(LONG);
    let api = registry.get_or_create("api");
    let sync = link(replica.url()).local_until_connected().connect(&registry).await.unwrap();
    assert_eq!(sync.health().status, SyncStatus::Disconnected);
    assert_eq!(sync.health().last_error, Some(SyncErrorKind::ReadOnly));
    fail(&api);
    assert_eq!(api.state(), CircuitState::Open, "it goes on by itself");
    replica.cli(&["replicaof", "no", "one"]);

    until("it is joined", || sync.health().status == SyncStatus::Connected).await;
    until("its trip is there", || replica.record().contains(" o ")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_sentinel_under_the_url_of_a_redis_says_so() {
    let sentinel = Server::sentinel("").await;

    for builder in [link(sentinel.url()), link(sentinel.url()).local_until_connected()] {
        let builder = builder.response_timeout(Duration::from_secs(5));
        let error = builder.connect(&CircuitRegistry::new()).await.unwrap_err();
        let text = error.to_string();
        let remedy = format!("redis+sentinel://127.0.0.1:{}/<name of", sentinel.port());
        assert!(text.starts_with("a Sentinel is at 127.0.0.1:"), "{text}");
        assert!(text.contains(&remedy), "{text}");
        assert_eq!(error.kind(), None, "{text}");
    }
}
