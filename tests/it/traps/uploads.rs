//! Uploads that clients break, in a real server: what they count as around the handler, around the
//! call that it makes, and in a proxy.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, post};
use http::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_circuit_breaker::http::layer as http_layer;
use tower_circuit_breaker::hyper::layer as hyper_layer;
use tower_circuit_breaker::{Circuit, CircuitState};

use crate::clients;
use crate::half_open::probing;
use crate::routers::breaker;
use crate::script::{FAILURE, IGNORED, NOTHING, SUCCESS, counted, totals};
use crate::support::circuit;

/// Serves `route` on a port of its own.
async fn serve(route: MethodRouter) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/", route);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// Sends a part of what it announces and no more, and reads what the server says of it.
async fn break_upload(server: SocketAddr) -> String {
    let mut connection = TcpStream::connect(server).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: garden\r\ncontent-length: 100\r\n\r\na rose";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Makes a 500 of any error, as a `?` does.
async fn careless(body: Body) -> StatusCode {
    match to_bytes(body, 1_000).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn extracting(_: Bytes) -> StatusCode {
    StatusCode::OK
}

#[tokio::test]
async fn broken_uploads_around_a_careless_handler_open_the_circuit_for_all() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(3));
    let server = serve(post(careless).route_layer(breaker(&circuit))).await;

    for _ in 0..3 {
        assert_eq!(break_upload(server).await, "HTTP/1.1 500 Internal Server Error");
    }

    assert_eq!((circuit.state(), counted(&circuit)), (CircuitState::Open, [0, 3, 0, 0]));
}

#[tokio::test]
async fn broken_uploads_around_an_extractor_close_a_half_open_circuit_unless_they_are_ignored() {
    let (plain, _) = probing(|b| b);
    let (ignoring, _) = probing(|b| b);
    let layers = [breaker(&plain), breaker(&ignoring).ignoring_status(400..=499)];

    for layer in layers {
        let server = serve(post(extracting).route_layer(layer)).await;
        assert_eq!(break_upload(server).await, "HTTP/1.1 400 Bad Request");
    }

    assert_eq!((plain.state(), counted(&plain)), (CircuitState::Closed, SUCCESS));
    assert_eq!((ignoring.state(), counted(&ignoring)), (CircuitState::HalfOpen, IGNORED));
}

#[tokio::test]
async fn broken_uploads_never_reach_a_circuit_around_the_call_that_follows_them() {
    let (circuit, _) = circuit(|b| b);
    let inside = circuit.clone();
    let store = |_: Bytes| async move {
        inside.call(async { Ok::<_, BoxError>(()) }).await.map_err(|_| StatusCode::BAD_GATEWAY)
    };
    let server = serve(post(store)).await;

    assert_eq!(break_upload(server).await, "HTTP/1.1 400 Bad Request");

    assert_eq!(counted(&circuit), NOTHING);
}

/// Passes each upload on, as it comes, to an upstream that is well.
async fn proxy<L, S>(layer: impl FnOnce(Client<Connector, Body>) -> S) -> SocketAddr
where
    S: Service<Request<Body>, Response = Response<L>, Future: Send> + Clone + Send + Sync + 'static,
{
    let upstream = clients::server(Ok(StatusCode::OK)).await;
    let client = layer(Client::builder(TokioExecutor::new()).build_http());
    let pass_on = move |body: Body| async move {
        match client.oneshot(clients::post(upstream, body)).await {
            Ok(answer) => answer.status().into_response(),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    };
    serve(post(pass_on)).await
}

type Connector = hyper_util::client::legacy::connect::HttpConnector;

#[tokio::test]
async fn broken_uploads_in_a_proxy_are_not_sent_to_a_layer_that_knows_its_client() {
    let (plain, _) = circuit(|b| b);
    let (knows, _) = circuit(|b| b);
    let by_http = http_layer(plain.clone()).boxed();
    let by_hyper = hyper_layer(knows.clone()).boxed();

    break_upload(proxy(|client| by_http.layer(client)).await).await;
    break_upload(proxy(|client| by_hyper.layer(client)).await).await;

    assert_eq!(counted(&plain), FAILURE);
    assert_eq!((counted(&knows), totals(&knows).not_sent), (NOTHING, 1));
}

/// The circuit is used once more by a caller that is well.
#[tokio::test]
async fn whole_uploads_count_beside_broken_ones() {
    let circuit: Circuit = circuit(|b| b).0;
    let server =
        serve(post(extracting).route_layer(breaker(&circuit).ignoring_status(400..=499))).await;
    let client = Client::builder(TokioExecutor::new()).build_http();

    break_upload(server).await;
    let answer = client.oneshot(clients::post(server, clients::whole())).await.unwrap();

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(counted(&circuit), [1, 0, 1, 0]);
}
