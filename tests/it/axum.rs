//! Around axum routers, under `axum::serve`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState, Rejected};

use crate::support::{SECOND, circuit};

fn unavailable(rejected: Rejected) -> Response {
    let seconds = rejected.retry_after().map_or(1, |left| left.as_secs().max(1));
    let headers = [(header::RETRY_AFTER, seconds.to_string())];
    (StatusCode::SERVICE_UNAVAILABLE, headers, rejected.to_string()).into_response()
}

async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// Asks over a connection of its own, so that the server applies its layers again.
async fn ask(address: SocketAddr) -> (StatusCode, Option<String>, String) {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("/")
        .header(header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .unwrap();
    let response = client.send_request(request).await.unwrap();
    let status = response.status();
    let retry_after =
        response.headers().get(header::RETRY_AFTER).map(|v| v.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    drop(client);
    connection.await.unwrap().unwrap();
    (status, retry_after, String::from_utf8(body.to_vec()).unwrap())
}

fn failing_app(circuit: &Circuit, calls: &Arc<AtomicUsize>) -> Router {
    let calls = Arc::clone(calls);
    Router::new()
        .route(
            "/",
            get(move || async move {
                calls.fetch_add(1, Ordering::SeqCst);
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .layer(
            CircuitBreakerLayer::new(circuit.clone())
                .failure_if(|result: &Result<Response, _>| {
                    result.as_ref().is_ok_and(|response| response.status().is_server_error())
                })
                .respond_with(unavailable),
        )
}

#[tokio::test]
async fn a_router_opens_over_connections_and_answers_503_with_retry_after() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(3).open_for(20 * SECOND));
    let calls = Arc::new(AtomicUsize::new(0));
    let address = serve(failing_app(&circuit, &calls)).await;

    for _ in 0..3 {
        assert_eq!(ask(address).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    }
    clock.advance(5 * SECOND);
    let (status, retry_after, body) = ask(address).await;

    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(retry_after.as_deref(), Some("15"));
    assert_eq!(body, r#"circuit "api" is open, retry after 15.0 s"#);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_router_recovers() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    let app = Router::new()
        .route("/", get(|| async { "fine" }))
        .layer(CircuitBreakerLayer::new(circuit.clone()).respond_with(unavailable));
    let address = serve(app).await;
    circuit.trip();
    assert_eq!(ask(address).await.0, StatusCode::SERVICE_UNAVAILABLE);

    clock.advance(30 * SECOND);

    assert_eq!(ask(address).await, (StatusCode::OK, None, "fine".to_owned()));
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test]
async fn one_route_can_be_behind_a_circuit_of_its_own() {
    let (circuit, _) = circuit(|b| b);
    let layer = CircuitBreakerLayer::new(circuit.clone()).respond_with(unavailable);
    let app = Router::new()
        .route("/", get(|| async { "plain" }))
        .route("/guarded", get(|| async { "guarded" }).layer(layer));
    circuit.trip();

    let address = serve(app).await;

    assert_eq!(ask(address).await.2, "plain");
}
