//! Rejections as a status of tonic, with a real server and a generated client.

use std::error::Error as StdError;
use std::time::Duration;

use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{Layer, ServiceBuilder};
use tower_circuit_breaker::tonic::layer;
use tower_circuit_breaker::{CircuitState, Error, RejectReason, Rejected};

use crate::clients::refusing;
use crate::found::serve;
use crate::script::counted;
use crate::support::{SECOND, circuit, ready_to_probe, rejection};

fn ask() -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest::default())
}

/// Code, words, pushback, and the rejection, which is the source itself.
#[track_caller]
fn assert_unavailable(status: &Status, words: &str, pushback: Option<&str>, reason: RejectReason) {
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), words);
    let found = status.metadata().get("grpc-retry-pushback-ms");
    assert_eq!(found.map(|value| value.to_str().unwrap()), pushback);
    let rejected = Rejected::find(status).unwrap();
    assert_eq!((rejected.circuit(), rejected.reason()), ("api", reason));
    assert!(status.source().unwrap().is::<Rejected>());
}

const OPEN: &str = "circuit \"api\" is open, retry after 30.0 s";

#[tokio::test]
async fn a_rejected_call_is_unavailable_with_pushback_and_the_rejection() {
    let (circuit, _) = circuit(|b| b);
    let mut client = HealthClient::new(layer(circuit.clone()).layer(serve(Code::Ok).await));
    circuit.trip();

    let unary = client.check(ask()).await.unwrap_err();
    let streaming = client.watch(ask()).await.unwrap_err();

    assert_unavailable(&unary, OPEN, Some("30000"), RejectReason::Open);
    assert_unavailable(&streaming, OPEN, Some("30000"), RejectReason::Open);
    assert_eq!(circuit.snapshot().totals.rejected, 2);
}

#[tokio::test]
async fn a_rejection_without_a_time_has_no_pushback() {
    let (circuit, _) = circuit(|b| b);
    let mut client = HealthClient::new(layer(circuit.clone()).layer(serve(Code::Ok).await));
    circuit.force_open();

    let status = client.check(ask()).await.unwrap_err();

    assert_unavailable(&status, "circuit \"api\" is forced open", None, RejectReason::ForcedOpen);
}

#[tokio::test]
async fn it_is_so_behind_layers_that_box_errors_on_either_side() {
    let (circuit, _) = circuit(|b| b);
    let stack = ServiceBuilder::new()
        .timeout(30 * SECOND)
        .layer(layer(circuit.clone()))
        .timeout(5 * SECOND)
        .service(serve(Code::Ok).await);
    circuit.trip();

    let status = HealthClient::new(stack).check(ask()).await.unwrap_err();

    assert_unavailable(&status, OPEN, Some("30000"), RejectReason::Open);
}

#[tokio::test]
async fn the_statuses_of_the_server_are_its_own_and_trip_by_their_code() {
    for (code, state, expected) in [
        (Code::Unavailable, CircuitState::Open, [0, 1, 0, 0]),
        (Code::NotFound, CircuitState::Closed, [1, 0, 0, 0]),
    ] {
        let (circuit, _) = circuit(|b| b.consecutive_failures(1));
        let mut client = HealthClient::new(layer(circuit.clone()).layer(serve(code).await));

        let status = client.check(ask()).await.unwrap_err();

        assert_eq!((status.code(), status.message()), (code, "as told"));
        assert!(Rejected::find(&status).is_none(), "{code:?}");
        assert_eq!((circuit.state(), counted(&circuit)), (state, expected), "{code:?}");
    }
}

#[tokio::test]
async fn an_error_of_the_channel_is_the_status_that_tonic_makes_of_it() {
    let (_held, nobody) = refusing();
    let channel = Endpoint::try_from(format!("http://{nobody}")).unwrap().connect_lazy();
    let (circuit, _) = circuit(|b| b);

    let bare = HealthClient::new(channel.clone()).check(ask()).await.unwrap_err();
    let mut client = HealthClient::new(layer(circuit.clone()).layer(channel));
    let guarded = client.check(ask()).await.unwrap_err();

    assert_eq!(guarded.code(), bare.code());
    assert_eq!(guarded.message(), bare.message());
    assert!(Rejected::find(&guarded).is_none());
    assert_eq!(counted(&circuit), [0, 1, 0, 0]);
}

#[tokio::test]
async fn a_stream_as_a_probe_closes_the_circuit_at_its_end() {
    let (circuit, clock) = circuit(|b| b);
    let mut client = HealthClient::new(layer(circuit.clone()).layer(serve(Code::Ok).await));
    ready_to_probe(&circuit, &clock);

    let mut messages = client.watch(ask()).await.unwrap().into_inner();
    assert!(messages.message().await.unwrap().is_some());
    let status = client.check(ask()).await.unwrap_err();
    let words = "circuit \"api\" is half-open and its probes are in flight";
    assert_unavailable(&status, words, None, RejectReason::ProbesBusy);
    let _ = messages.message().await;

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_rejection_and_a_typed_error_become_a_status_by_themselves() {
    let (circuit, _) = circuit(|b| b.open_for(Duration::from_micros(1_500)));
    circuit.trip();

    let status: Status = rejection(&circuit).into();
    assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "2", "rounded up");
    let status: Status = Error::<Status>::Rejected(rejection(&circuit)).into();
    assert_eq!(status.code(), Code::Unavailable);
    let status: Status = Error::Inner(Status::not_found("no rose")).into();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "no rose"));
}
