//! A rejection is found through whatever a client wraps it in.

use std::future::ready;

use futures_util::stream;
use tonic::transport::{Channel, Endpoint, Server, server::TcpIncoming};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::buffer::Buffer;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{grpc_layer, grpc_unavailable};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState, RejectReason, Rejected};

use crate::script::counted;
use crate::support::circuit;

fn open() -> Circuit {
    let (circuit, _) = circuit(|b| b);
    circuit.trip();
    circuit
}

#[track_caller]
fn assert_found(error: &(dyn std::error::Error + 'static)) {
    let rejected = Rejected::find(error).unwrap_or_else(|| panic!("not found in {error:?}"));
    assert_eq!((rejected.circuit(), rejected.reason()), ("api", RejectReason::Open));
}

#[tokio::test]
async fn in_a_boxed_error_and_behind_a_buffer() {
    let inner = service_fn(|_: ()| ready(Ok::<_, BoxError>(())));
    let boxed = CircuitBreakerLayer::new(open()).boxed().layer(inner);

    let error = boxed.clone().oneshot(()).await.unwrap_err();
    assert_found(&*error);
    let error = Buffer::new(boxed, 4).oneshot(()).await.unwrap_err();
    assert_found(&*error);
}

#[tokio::test]
async fn in_an_error_of_reqwest() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let layer = CircuitBreakerLayer::new(open()).boxed();
    let client = reqwest::Client::builder().no_proxy().connector_layer(layer).build().unwrap();

    let error = client.get(url).send().await.unwrap_err();

    assert_found(&error);
}

/// A stream of one message that ends with a status.
struct Ends(Code);

#[tonic::async_trait]
impl Health for Ends {
    type WatchStream = stream::Iter<std::vec::IntoIter<Result<HealthCheckResponse, Status>>>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Err(Status::new(self.0, "as told"))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let messages = vec![Ok(HealthCheckResponse { status: 1 }), Err(Status::new(self.0, ""))];
        Ok(Response::new(stream::iter(messages)))
    }
}

pub(crate) async fn serve(code: Code) -> Channel {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", incoming.local_addr().unwrap());
    let server = Server::builder().add_service(HealthServer::new(Ends(code)));
    tokio::spawn(server.serve_with_incoming(incoming));
    Endpoint::try_from(url).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn in_a_status_of_tonic_typed_and_boxed() {
    let channel = serve(Code::Ok).await;
    let typed = grpc_layer(open()).layer(channel.clone());
    let boxed = grpc_layer(open()).boxed().layer(channel);

    let ask = HealthCheckRequest::default;
    assert_found(&HealthClient::new(typed).check(ask()).await.unwrap_err());
    assert_found(&HealthClient::new(boxed).check(ask()).await.unwrap_err());
}

#[tokio::test]
async fn a_rejection_as_a_grpc_response_is_unavailable_with_pushback() {
    let layer = grpc_layer(open()).respond_with(grpc_unavailable);
    let mut client = HealthClient::new(layer.layer(serve(Code::Ok).await));

    let status = client.check(HealthCheckRequest::default()).await.unwrap_err();

    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "30000");
}

#[tokio::test]
async fn streams_of_tonic_are_judged_by_their_trailers() {
    for (code, state, expected) in [
        (Code::Unavailable, CircuitState::Open, [0, 3, 0, 0]),
        (Code::NotFound, CircuitState::Closed, [3, 0, 0, 0]),
        (Code::Cancelled, CircuitState::Closed, [0, 0, 3, 0]),
        (Code::Ok, CircuitState::Closed, [3, 0, 0, 0]),
    ] {
        let (circuit, _) = circuit(|b| b.consecutive_failures(3));
        let layer = grpc_layer(circuit.clone());
        let mut client = HealthClient::new(layer.layer(serve(code).await));
        for _ in 0..3 {
            assert_eq!(circuit.state(), CircuitState::Closed, "{code:?}");
            let answer = client.watch(HealthCheckRequest::default()).await.unwrap();
            let mut messages = answer.into_inner();
            assert!(messages.message().await.unwrap().is_some(), "{code:?}: the first is fine");
            let _ = messages.message().await;
        }
        assert_eq!(circuit.state(), state, "{code:?}");
        assert_eq!(counted(&circuit), expected, "{code:?}");
    }
}
