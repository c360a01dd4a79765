//! The service under hyper, attacked with bytes that no client of HTTP would send.

use std::net::SocketAddr;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use tower_circuit_breaker::CircuitState;
use tower_circuit_breaker_admin::{Admin, Peer};

use super::{registry, steering};

/// A server of `admin`, which tells who calls.
pub(super) async fn serve(admin: Admin) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let service = admin.clone().map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                request
            });
            let service = TowerToHyperService::new(service);
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// All that is answered to these bytes until the server hangs up, or has no more to say.
async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may hang up before it has read all.
    let _ = stream.write_all(bytes.as_ref()).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    let heads = answer.split("HTTP/1.").skip(1);
    heads.filter_map(|head| head.get(2..5)).collect()
}

const TRIP: &str = "POST /circuits/plants/trip HTTP/1.1\r\nContent-Type: application/json\r\n";

#[tokio::test]
async fn a_command_over_the_wire_is_done() {
    let (registry, _clock) = registry(&["plants"]);
    let address = serve(steering(&registry).build()).await;

    let answer =
        send(address, format!("{TRIP}Host: {address}\r\nContent-Length: 2\r\n\r\n{{}}")).await;

    assert_eq!(statuses(&answer), ["200"], "{answer}");
    assert_eq!(registry.get("plants").unwrap().state(), CircuitState::Open);
}

#[tokio::test]
async fn a_body_that_is_refused_is_no_second_request() {
    let (registry, _clock) = registry(&["plants"]);
    let address = serve(steering(&registry).build()).await;
    let inner = format!("{TRIP}Host: {address}\r\nContent-Length: 2\r\n\r\n{{}}");
    let form = "POST /circuits/plants/force-open HTTP/1.1\r\nContent-Type: text/plain\r\n";
    let length = inner.len();
    let chunked = format!("{length:x}\r\n{inner}\r\n0\r\n\r\n");
    let outer = [
        format!("{form}Host: {address}\r\nContent-Length: {length}\r\n\r\n{inner}"),
        format!("{form}Host: {address}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("{form}Host: evil.example\r\nContent-Length: {length}\r\n\r\n{inner}"),
        format!(
            "GET /health HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{inner}"
        ),
        // Two lengths that differ.
        format!(
            "{form}Host: {address}\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\n{inner}"
        ),
        format!(
            "{form}Host: {address}\r\nContent-Length: 0\r\nContent-Length: {length}\r\n\r\n{inner}"
        ),
    ];

    for request in outer {
        let answer = send(address, &request).await;

        assert!(statuses(&answer).len() <= 1, "{request}\n{answer}");
        assert!(registry.get("plants").unwrap().recent_events().is_empty(), "{request}\n{answer}");
    }
}

#[tokio::test]
async fn heads_that_say_two_things_change_nothing() {
    let (registry, _clock) = registry(&["plants"]);
    let address = serve(steering(&registry).build()).await;
    let heads = [
        format!("{TRIP}Host: {address}\r\nHost: evil.example\r\n"),
        format!("{TRIP}Host: evil.example\r\nHost: {address}\r\n"),
        format!("{TRIP}Host: {address}\r\nContent-Type: text/plain\r\n"),
        format!(
            "{TRIP}Host: {address}\r\nOrigin: http://{address}\r\nOrigin: http://evil.example\r\n"
        ),
        format!("{TRIP}Host: {address}\r\nOrigin: http://{address}.evil.example\r\n"),
        format!("{TRIP}Host: {address}\r\nOrigin: http://evil@{address}\r\n"),
        format!("{TRIP}Host: {address}\r\nOrigin:\r\n"),
        format!("{TRIP}Host: {address}\r\nSec-Fetch-Site: same-origin, cross-site\r\n"),
        format!("{TRIP}Host: evil.example\r\nX-Forwarded-Host: {address}\r\n"),
        format!("{TRIP}Host: {address}@evil.example\r\n"),
        format!("{TRIP}Host: evil.example:80:{address}\r\n"),
        TRIP.replace("POST /", "POST http://evil.example/") + &format!("Host: {address}\r\n"),
        TRIP.replace("POST", "post") + &format!("Host: {address}\r\n"),
        TRIP.replace("POST", "GET")
            + &format!("Host: {address}\r\nX-HTTP-Method-Override: POST\r\n"),
        TRIP.replace("trip", "trip\0") + &format!("Host: {address}\r\n"),
        TRIP.replace("/trip", "/%2e%2e/plants/trip") + &format!("Host: {address}\r\n"),
        TRIP.replace("/trip", "\\trip") + &format!("Host: {address}\r\n"),
        TRIP.replace("/trip", "//trip") + &format!("Host: {address}\r\n"),
    ];

    for head in heads {
        let answer = send(address, format!("{head}Content-Length: 2\r\n\r\n{{}}")).await;

        let [status] = statuses(&answer)[..] else { panic!("{head}\n{answer}") };
        assert!(status.starts_with('4'), "{head}\n{answer}");
        assert!(registry.get("plants").unwrap().recent_events().is_empty(), "{head}\n{answer}");
    }
}

#[tokio::test]
async fn a_gigabyte_is_refused_before_it_is_sent() {
    let (registry, _clock) = registry(&["plants"]);
    let address = serve(steering(&registry).build()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{TRIP}Host: {address}\r\nContent-Length: 1073741824\r\n\r\n");

    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    let mut sent = 0;
    // The server hangs up instead of reading on.
    while stream.write_all(&[b' '; 65_536]).await.is_ok() {
        sent += 65_536;
        assert!(sent < 64 << 20, "{sent} bytes were taken");
    }

    assert_eq!(answer, b"HTTP/1.1 413");
    assert!(registry.get("plants").unwrap().recent_events().is_empty());
}

#[tokio::test]
async fn readers_that_hang_up_leave_their_places() {
    let (registry, _clock) = registry(&["plants"]);
    let address = serve(steering(&registry).build()).await;
    let ask = format!("GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let open = async || {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut status = vec![0; 12];
        stream.read_exact(&mut status).await.unwrap();
        (stream, String::from_utf8(status).unwrap())
    };
    let mut streams = Vec::new();
    for _ in 0..400 {
        streams.push(open().await);
    }
    assert!(streams.iter().all(|(_, status)| status == "HTTP/1.1 200"));

    for _ in 0..4 {
        streams.clear();
        for _ in 0..400 {
            streams.push(open().await);
        }
    }
    let mut status = String::new();
    // The server may not have seen yet that the last of them are gone.
    for _ in 0..10_000 {
        status = open().await.1;
        if status.ends_with("200") {
            break;
        }
    }

    assert_eq!(status, "HTTP/1.1 200");
}
