//! Bodies that are whole by the length that was announced, over HTTP/2, whose stream goes on.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use tower_circuit_breaker::http::{ReadBody, ResponseBody, layer};
use tower_circuit_breaker::{Circuit, FailureKind, Outcome};

use crate::nginx::Nginx;
use crate::script::counted;
use crate::support::circuit;
use crate::verdicts::servers::{Client, Over, serve, silent_after};

const LENGTH_OF_ROSE: (&str, &str) = ("content-length", "4");

/// A server over HTTP/1 that passes every call on through the circuit, to an upstream over HTTP/2
/// whose stream does not end with the last byte that it announced.
async fn gateway(circuit: &Circuit) -> SocketAddr {
    let upstream = serve(Over::Http2, async |_| silent_after("rose", LENGTH_OF_ROSE)).await;
    let client = Arc::new(Client::new(circuit, Over::Http2, upstream));
    serve(Over::Http1, move |_: Request<Incoming>| {
        let client = Arc::clone(&client);
        async move { client.answer().await }
    })
    .await
}

/// What ten clients over HTTP/1 get whole from there.
async fn read_ten(address: SocketAddr) {
    let client = legacy::Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    for number in 0..10 {
        let answer = client.get(format!("http://{address}/").parse().unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200, "{number}");
        let body = answer.into_body().collect().await.expect("it is whole");
        assert_eq!(body.to_bytes(), "rose", "{number}");
    }
}

#[tokio::test]
async fn a_gateway_from_http_2_to_http_1_counts_every_whole_answer() {
    let (circuit, _) = circuit(|b| b);
    let gateway = gateway(&circuit).await;

    read_ten(gateway).await;

    assert_eq!(counted(&circuit), [10, 0, 0, 0]);
}

#[tokio::test]
#[ignore = "needs nginx: run by tests/run.sh"]
async fn a_gateway_behind_nginx_counts_every_whole_answer() {
    let (circuit, _) = circuit(|b| b);
    let gateway = gateway(&circuit).await;
    let nginx = Nginx::before(gateway).await;

    read_ten(nginx.address()).await;

    assert_eq!(counted(&circuit), [10, 0, 0, 0]);
}

#[tokio::test]
async fn read_body_judges_a_body_that_was_dropped_at_the_last_byte_announced() {
    let answer = async |_| silent_after(r#"{"ok":false}"#, ("content-length", "12"));
    let address = serve(Over::Http2, answer).await;
    let (circuit, _) = circuit(|b| b.consecutive_failures(99));
    let by_body = ReadBody::new(|_, body: &[u8]| match body {
        br#"{"ok":false}"# => Outcome::Failure(FailureKind::new("not_ok")),
        _ => Outcome::Success,
    });
    let layer = layer(circuit.clone()).classify_with(by_body).boxed();
    let client = Client::behind(layer, Over::Http2, address);

    for _ in 0..10 {
        let response: Response<ResponseBody<_, _>> = client.answer().await;
        let mut body = response.into_body();
        let mut read = 0;
        while read < 12 {
            let frame = body.frame().await.expect("more was announced").unwrap();
            read += frame.into_data().unwrap().len();
        }
    }

    assert_eq!(counted(&circuit), [0, 10, 0, 0]);
}
