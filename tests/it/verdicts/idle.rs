//! Servers whose clients take the head and do not read on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower_circuit_breaker::http::{layer, service_unavailable};
use tower_circuit_breaker::{Circuit, CircuitState};

use crate::half_open::probing;
use crate::script::counted;
use crate::support::{SECOND, circuit};

const CHUNK: usize = 64 * 1_024;
const CHUNKS: usize = 480;

/// 30 MB, which no buffers between take, and whose end is told.
fn thirty_megabytes(ends: mpsc::UnboundedSender<()>) -> impl IntoResponse {
    struct OnDrop(mpsc::UnboundedSender<()>);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    let until_the_end = OnDrop(ends);
    let chunks = stream::iter(0..CHUNKS).map(move |_| {
        let _ = &until_the_end;
        Ok::<_, Infallible>(Bytes::from_static(&[b'x'; CHUNK]))
    });
    ([("content-length", CHUNK * CHUNKS)], Body::from_stream(chunks))
}

/// A server of axum with one large route behind the circuit, and the ends of its bodies.
async fn serve(circuit: &Circuit) -> (SocketAddr, mpsc::UnboundedReceiver<()>) {
    let (ends, ended) = mpsc::unbounded_channel();
    let breaker = layer(circuit.clone()).respond_with(service_unavailable);
    let large = get(move || async { thirty_megabytes(ends) });
    let app = Router::new().route("/", large.route_layer(breaker));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, ended)
}

/// The head alone: the rest is not read before it is asked for.
async fn head(address: SocketAddr) -> Response<Incoming> {
    let client = legacy::Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    client.get(format!("http://{address}/").parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn idle_readers_of_a_healthy_route_make_no_slow_calls() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(0.5, SECOND).minimum_calls(1));
    let (address, mut ended) = serve(&circuit).await;
    let mut readers = Vec::new();
    for _ in 0..6 {
        readers.push(head(address).await);
    }
    clock.advance(60 * SECOND);

    let late = readers.pop().unwrap().into_body().collect().await.expect("it is whole");
    drop(readers);
    for _ in 0..6 {
        ended.recv().await.expect("the server lives");
    }

    assert_eq!(late.to_bytes().len(), CHUNK * CHUNKS);
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!((counted(&circuit), circuit.snapshot().totals.slow_calls), ([6, 0, 0, 0], 0));
}

#[tokio::test]
async fn an_idle_reader_keeps_others_from_a_half_open_server_for_a_second_at_most() {
    let (circuit, clock) = probing(|b| b.probe_timeout(60 * SECOND));
    let (address, _ended) = serve(&circuit).await;
    let idle = head(address).await;
    assert_eq!(idle.status(), StatusCode::OK);
    let moment = Duration::from_nanos(1);
    for wait in [Duration::ZERO, SECOND - moment] {
        clock.advance(wait);
        assert_eq!(head(address).await.status(), StatusCode::SERVICE_UNAVAILABLE, "{wait:?}");
    }
    clock.advance(moment);

    let others = [head(address).await, head(address).await];

    assert_eq!(others.map(|it| it.status()), [StatusCode::OK; 2]);
    assert_eq!(circuit.state(), CircuitState::Closed);
    drop(idle);
}
