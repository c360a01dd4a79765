//! Who is let in, what is said when one is not, and that no password is said.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower_circuit_breaker::{CircuitRegistry, CircuitState};
use tower_circuit_breaker_redis::{ConnectError, RedisSync, SyncErrorKind, SyncStatus};
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::nodes::{LONG, Node, fail, link, registry, until};
use crate::server::{Server, free_port};

pub(crate) const PASSWORD: &str = "correct-horse-battery";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Everything that anything in this process logs from now on.
    ///
    /// For tests that have a process of their own, or whose text no other test writes.
    fn begin() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        let _ = tracing::subscriber::set_global_default(subscriber);
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

async fn refused(url: &str) -> ConnectError {
    link(url).connect(&CircuitRegistry::new()).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_password_is_said_nowhere() {
    let mut server = Server::with(&["--requirepass", PASSWORD]).await;
    let log = Log::begin();
    let mut said = String::new();
    let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port());
    let builder = link(&url).on_health(|health| tracing::info!(?health));
    write!(said, "{builder:?}").unwrap();
    let node = Node::join(builder, registry(LONG)).await;
    fail(&node.api);
    server.kill();
    until("it is away", || node.status() == SyncStatus::Disconnected).await;
    let error = node.sync.reset("api").await.unwrap_err();
    write!(said, "{:?} {:?} {error} {error:?}", node.sync, node.sync.health()).unwrap();
    write!(said, "{}", PrometheusText::new().encode(&node.registry)).unwrap();

    let wrong = |url: &str| url.replace("127.0.0.1", "127.0.0.1:1:2");
    server.run().await;
    let urls = [
        wrong(&url),
        url.replace("redis://", "http://"),
        url.replace(PASSWORD, &format!("{PASSWORD}-not")),
        format!("redis://nobody:{PASSWORD}@127.0.0.1:{}", server.port()),
        format!("redis://:{PASSWORD}@127.0.0.1:{}", free_port()),
        format!("redis://:{PASSWORD}@127.0.0.1:{}/{PASSWORD}", server.port()),
        format!("redis://:{PASSWORD}@no-such-host.invalid:6379"),
        format!("rediss://:{PASSWORD}@127.0.0.1:{}", server.port()),
    ];
    for url in urls {
        let error = refused(&url).await;
        write!(said, "{error} {error:?}").unwrap();
    }

    assert!(said.len() > 500, "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
    let text = log.text();
    assert!(text.contains("circuits go on without the fleet"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_refused_login_says_so() {
    let server = Server::with(&["--requirepass", PASSWORD]).await;
    let at = |login: &str| format!("redis://{login}127.0.0.1:{}", server.port());

    for login in ["", ":wrong@", "nobody:wrong@"] {
        let error = refused(&at(login)).await;
        assert_eq!(error.kind(), Some(SyncErrorKind::LoginRefused), "{login:?}: {error}");
        assert!(error.to_string().contains("refused the login"), "{login:?}: {error}");
        // Later it may be allowed in: only who asks goes on without.
        let registry = CircuitRegistry::new();
        let builder = link(at(login)).local_until_connected();
        let sync = builder.connect(&registry).await.unwrap();
        assert_eq!(sync.health().status, SyncStatus::Disconnected, "{login:?}");
    }
}

#[tokio::test]
async fn a_url_that_is_none_says_so() {
    for url in ["", "localhost", "http://localhost", "redis://localhost:port", "redis://h/x"] {
        let error = refused(url).await;
        let text = error.to_string();
        assert!(text.starts_with("not the URL of a Redis server"), "{url:?}: {text}");
        assert_eq!(error.kind(), None, "{url:?}");
        let optional = link(url).local_until_connected().connect(&CircuitRegistry::new()).await;
        assert_eq!(optional.unwrap_err(), error, "{url:?}: an error all the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_where_nobody_listens_says_so_unless_that_may_be() {
    let url = format!("redis://127.0.0.1:{}", free_port());

    let error = refused(&url).await;
    assert_eq!(error.kind(), Some(SyncErrorKind::Unreachable), "{error}");
    assert!(error.to_string().starts_with("no connection to Redis at 127.0.0.1:"), "{error}");

    let registry = registry(LONG);
    let sync = link(&url).local_until_connected().connect(&registry).await.unwrap();
    fail(&registry.get_or_create("api"));
    assert_eq!(registry.get("api").unwrap().state(), CircuitState::Open);
    assert_eq!(sync.health().status, SyncStatus::Disconnected);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn a_link_that_was_optional_joins_when_redis_comes() {
    let mut server = Server::start().await;
    server.kill();
    let registry = registry(LONG);
    let api = registry.get_or_create("api");
    let sync = link(server.url()).local_until_connected().connect(&registry).await.unwrap();
    fail(&api);

    server.run().await;
    sync.ready().await;

    until("its vote is there", || server.record().contains(" o ")).await;
    assert_eq!(sync.health().status, SyncStatus::Connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_old_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let hello = b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n6.0.16\r\n";
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = client.read(&mut bytes).await {
            let asked = String::from_utf8_lossy(&bytes[..length]).into_owned();
            for _ in 0..asked.matches('*').count() {
                client.write_all(hello).await.unwrap();
            }
        }
    });

    let error = refused(&url).await;

    assert!(error.to_string().ends_with("is of version 6.0.16: 6.2 or later is needed"), "{error}");
    assert_eq!(error.kind(), None);
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: run by tests/run.sh"]
async fn each_change_of_the_link_is_one_line_of_the_log() {
    let mut server = Server::start().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let builder = link(server.url()).on_health({
        let heard = Arc::clone(&heard);
        move |health| heard.lock().unwrap().push(health.status)
    });
    let log = Log::begin();
    let node = Node::join(builder, registry(Duration::from_millis(300))).await;

    for _ in 0..2 {
        server.kill();
        until("it is away", || node.status() == SyncStatus::Disconnected).await;
        server.run().await;
        until("it is back", || node.status() == SyncStatus::Connected).await;
    }
    let Node { sync, .. } = node;
    let clone: RedisSync = sync.clone();
    drop(sync);
    assert_eq!(clone.health().status, SyncStatus::Connected, "a clone is the same link");
    drop(clone);
    until("it stops", || heard.lock().unwrap().last() == Some(&SyncStatus::Stopped)).await;

    let (up, down) = (SyncStatus::Connected, SyncStatus::Disconnected);
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard, [up, down, up, down, up, SyncStatus::Stopped]);
    let text = log.text();
    if text.contains("circuits are shared") {
        let lines = |what: &str| text.lines().filter(|line| line.contains(what)).count();
        assert_eq!(lines("circuits are shared with the fleet"), 3, "{text}");
        assert_eq!(lines("circuits go on without the fleet"), 3, "{text}");
    }
}
