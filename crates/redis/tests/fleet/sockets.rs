//! Redis is on the same machine, behind a Unix socket.

use tower_circuit_breaker::{CircuitRegistry, CircuitState};
use tower_circuit_breaker_redis::SyncErrorKind;

use crate::nodes::{LONG, Node, all_are, fail, link, registry, until};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn circuits_are_shared_through_a_unix_socket() {
    let mut server = Server::with(&["--requirepass", "a-secret"]).await;
    let path = server.socket().display().to_string();
    let mut nodes = Vec::new();
    for scheme in ["redis+unix", "unix"] {
        let url = format!("{scheme}://{path}?pass=a-secret&db=1");
        nodes.push(Node::join(link(url), registry(LONG)).await);
    }

    fail(&nodes[0].api);
    until("its trip arrives", || all_are(&nodes, CircuitState::Open)).await;
    nodes[1].sync.reset("api").await.unwrap();
    until("it is reset", || all_are(&nodes, CircuitState::Closed)).await;

    server.kill();
    let url = format!("redis+unix://{path}?pass=a-secret");
    let error = link(url).connect(&CircuitRegistry::new()).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), Some(SyncErrorKind::Unreachable), "{text}");
    assert!(text.starts_with(&format!("no connection to Redis at {path}")), "{text}");
    assert!(!format!("{text} {error:?}").contains("secret"), "{text}");
}
