//! The service behind a real nginx, as its documents show how to pass calls on.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower_circuit_breaker::{CircuitRegistry, CircuitState};
use tower_circuit_breaker_admin::Admin;

use super::{TOKEN, registry, steering, wire};
use crate::nginx::Nginx;

/// Posts a command to whatever listens there, and returns the status.
async fn trip(address: SocketAddr, host: &str, more: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /circuits/plants/trip HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Connection: close\r\n{more}Content-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Each way of passing a call on that the documents of nginx show.
const WAYS: [&str; 4] = [
    "",
    "proxy_set_header Host $host;",
    "proxy_set_header X-Real-IP $remote_addr;",
    "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
];

#[tokio::test]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn nobody_steers_through_nginx_without_a_token() {
    let (registry, _clock) = registry(&["plants"]);
    let off = wire::serve(Admin::builder(registry.clone()).allow_any_host().build()).await;
    let token = Admin::builder(registry.clone()).token(TOKEN).allow_any_host().build();
    let token = wire::serve(token).await;
    for way in WAYS {
        let (off, token) =
            (Nginx::before_with(off, way).await, Nginx::before_with(token, way).await);
        for host in ["127.0.0.1", "localhost", "ops.example"] {
            assert_eq!(trip(off.address(), host, "").await, "403", "{way} {host}");
            assert_eq!(trip(token.address(), host, "").await, "401", "{way} {host}");
        }
        let shown = format!("Authorization: Bearer {TOKEN}\r\n");
        assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed, "{way}");
        assert_eq!(trip(token.address(), "ops.example", &shown).await, "200", "{way}");
        registry.reset_all();
    }
}

/// The loopback is let in: what nginx tells of itself keeps others out, and the documentation says what
/// it does not tell.
#[tokio::test]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn an_nginx_that_says_what_it_is_is_not_taken_for_this_machine() {
    let (registry, _clock) = registry(&["plants"]);
    let open = wire::serve(steering(&registry).allow_any_host().build()).await;
    let foreign = ["10.0.0.7", "ops.example"];
    for (way, hosts) in
        [(WAYS[1], &foreign[..]), (WAYS[2], &["127.0.0.1"]), (WAYS[3], &["127.0.0.1"])]
    {
        let nginx = Nginx::before_with(open, way).await;
        for host in hosts {
            assert_eq!(trip(nginx.address(), host, "").await, "403", "{way} {host}");
        }
    }
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Closed);

    let silent = Nginx::before(open).await;
    assert_eq!(trip(silent.address(), "ops.example", "").await, "200", "as it is documented");
}

/// nginx collects what it passes on, and gives up after a minute of silence, unless it is told.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn events_come_through_nginx_for_more_than_a_minute_without_a_break() {
    let registry = CircuitRegistry::new();
    registry.get_or_create("plants");
    let nginx = Nginx::before(wire::serve(Admin::builder(registry).build()).await).await;
    let mut stream = TcpStream::connect(nginx.address()).await.unwrap();
    let head = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", nginx.address());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream).lines();

    let (begun, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(64) {
        let line = tokio::time::timeout(Duration::from_secs(10), lines.next_line()).await;
        let line = line.expect("it has come to a stop").unwrap().expect("it was cut off");
        if line.starts_with("event: ") {
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
    }

    assert!(longest < Duration::from_secs(3), "silent for {longest:?}");
}
