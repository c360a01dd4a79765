//! Bodies over real connections: broken, cut short, endless.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body as AxumBody;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_circuit_breaker::http::{ResponseBody, layer, service_unavailable};
use tower_circuit_breaker::{Circuit, CircuitState, Rejected};

use crate::support::{circuit, ready_to_probe};

type Answer = http::Response<ResponseBody<hyper::body::Incoming>>;
type Asks = BoxCloneService<Request<Empty<Bytes>>, Answer, BoxError>;

/// Breaks when it is told to, so that the head is in flight before.
fn broken(breaks: Arc<Notify>) -> impl IntoResponse {
    let half = stream::once(async { Ok(Bytes::from_static(b"half")) });
    let end = stream::once(async move {
        breaks.notified().await;
        Err("the disk is gone")
    });
    AxumBody::from_stream(half.chain(end))
}

fn endless() -> impl IntoResponse {
    AxumBody::from_stream(stream::repeat(Ok::<_, Infallible>(Bytes::from_static(b"data: x\n\n"))))
}

/// A server with a path for each kind of body; counts what reaches it.
struct Server {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    breaks: Arc<Notify>,
}

async fn serve() -> Server {
    let (calls, breaks) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
    let (counter, broken_by) = (Arc::clone(&calls), Arc::clone(&breaks));
    let app = Router::new()
        .route("/broken", get(move || async { broken(broken_by) }))
        .route("/endless", get(|| async { endless() }))
        .route("/empty", get(|| async { "" }))
        .route("/whole", get(|| async { "whole" }))
        .layer(axum::middleware::map_request(move |request: axum::extract::Request| {
            counter.fetch_add(1, Ordering::SeqCst);
            std::future::ready(request)
        }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { address, calls, breaks }
}

fn client(circuit: &Circuit) -> Asks {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    ServiceBuilder::new().layer(layer(circuit.clone()).boxed()).service(client).boxed_clone()
}

async fn ask(client: &Asks, address: SocketAddr, path: &str) -> Result<Answer, BoxError> {
    let request = Request::get(format!("http://{address}{path}")).body(Empty::new()).unwrap();
    client.clone().oneshot(request).await
}

#[tokio::test]
async fn three_bodies_that_break_open_a_circuit_of_three() {
    let Server { address, calls, breaks } = serve().await;
    let (circuit, _) = circuit(|b| b.consecutive_failures(3));
    let client = client(&circuit);
    for number in 1..=3 {
        let response = ask(&client, address, "/broken").await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(circuit.state(), CircuitState::Closed, "{number}: the head is fine");
        breaks.notify_one();
        response.into_body().collect().await.expect_err("it breaks");
    }

    let error = ask(&client, address, "/broken").await.unwrap_err();

    assert_eq!(Rejected::find(&*error).unwrap().circuit(), "api");
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn whole_and_empty_bodies_are_successes() {
    let Server { address, .. } = serve().await;
    let (circuit, _) = circuit(|b| b);
    let client = client(&circuit);

    let empty = ask(&client, address, "/empty").await.unwrap();
    assert_eq!(circuit.snapshot().totals.successes, 1, "it says so itself");
    let whole = ask(&client, address, "/whole").await.unwrap();
    assert_eq!(circuit.snapshot().totals.successes, 1);

    assert_eq!(whole.into_body().collect().await.unwrap().to_bytes(), "whole");
    assert_eq!(circuit.snapshot().totals.successes, 2);
    drop(empty);
}

#[tokio::test]
async fn an_endless_body_is_a_success_when_its_reader_has_enough() {
    let Server { address, .. } = serve().await;
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let client = client(&circuit);
    let response = ask(&client, address, "/endless").await.unwrap();
    let events = response.into_body().into_data_stream().take(3).collect::<Vec<_>>().await;

    assert!(events.iter().all(Result::is_ok));
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.abandoned), (1, 0, 0));
}

#[tokio::test]
async fn a_server_counts_a_body_whose_last_byte_it_has_sent() {
    // Of a stream of announced length, such as a file, hyper does not ask for more than that.
    let stream = || {
        let bytes = stream::iter(["ro", "se"].map(|it| Ok::<_, Infallible>(Bytes::from(it))));
        ([("content-length", "4")], AxumBody::from_stream(bytes))
    };
    let empty = || {
        let none = stream::empty::<Result<Bytes, Infallible>>();
        ([("content-length", "0")], AxumBody::from_stream(none))
    };
    for path in ["/stream", "/empty"] {
        let (circuit, clock) = circuit(|b| b);
        ready_to_probe(&circuit, &clock);
        let app = Router::new()
            .route("/stream", get(move || async move { stream() }))
            .route("/empty", get(move || async move { empty() }))
            .layer(layer(circuit.clone()).respond_with(service_unavailable));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let request = Request::get(format!("http://{address}{path}")).body(Empty::new()).unwrap();
        let response = client.request(request).await.unwrap();
        response.into_body().collect().await.unwrap();

        let totals = circuit.snapshot().totals;
        assert_eq!((totals.successes, totals.abandoned), (1, 0), "{path}");
        assert_eq!(circuit.state(), CircuitState::Closed, "{path}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_midway_is_a_failure() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let head_is_here = Arc::<Notify>::default();
    let hangs_up = Arc::clone(&head_is_here);
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        assert!(connection.read(&mut [0; 1_024]).await.unwrap() > 0);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nten bytes.";
        connection.write_all(head).await.unwrap();
        hangs_up.notified().await;
    });
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));

    let response = ask(&client(&circuit), address, "/").await.unwrap();
    head_is_here.notify_one();
    response.into_body().collect().await.expect_err("ninety bytes are missing");

    assert_eq!(circuit.state(), CircuitState::Open);
}
