// cargo add tower-circuit-breaker -F tokio,tonic-014
// cargo add tower-circuit-breaker-admin
// cargo add tower-circuit-breaker-telemetry -F prometheus-client-026
// cargo add axum tonic tonic-health tokio -F tokio/full
// cargo add tower -F balance,buffer,load,timeout,util
use std::time::Duration;

use axum::http::{Request, Response};
use axum::{Router, extract::State, routing::get};
use tokio::net::TcpListener;
use tonic::{Status, body::Body, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PendingRequests};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, ServiceBuilder};
use tower_circuit_breaker::{CircuitGroup, CircuitRegistry, OnOpen, OpenCap, tonic as breaker};
use tower_circuit_breaker_admin::Admin;
use tower_circuit_breaker_telemetry::PrometheusText;

// With `BoxError` for its error, the client's futures would not be `Send` for the compiler.
type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, Status>;

/// A client of all replicas: a circuit for each inside of the balancer, which passes over those
/// that are open. Clones share it.
fn client(registry: &CircuitRegistry, urls: &[String]) -> Result<HealthClient<Stack>, BoxError> {
    let group = CircuitGroup::new("garden").at_most_open(OpenCap::half());
    let mut replicas = Vec::new();
    for url in urls {
        let circuit = registry.get_or_create(url);
        group.add(&circuit);
        let channel = Endpoint::from_shared(url.clone())?
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(2)) // of one attempt: it fails, and counts
            .connect_lazy();
        let replica = breaker::layer(circuit).on_open(OnOpen::Wait).layer(channel);
        replicas.push(PendingRequests::new(replica, CompleteOnResponse::default()));
    }
    let stack = ServiceBuilder::new()
        .map_err(Status::from_error)
        .timeout(Duration::from_secs(5)) // of the whole call, with its wait for a replica
        .buffer(100) // so that tasks share the balancer
        .map_response(|answer: Response<_>| answer.map(Body::new))
        .service(Balance::new(ServiceList::new(replicas)));
    Ok(HealthClient::new(BoxCloneSyncService::new(stack)))
}

async fn garden(State(mut client): State<HealthClient<Stack>>) -> String {
    match client.check(HealthCheckRequest { service: String::new() }).await {
        Ok(answer) => format!("{:?}", answer.into_inner().status()),
        Err(status) => format!("failed: {status}"),
    }
}

/// What users see.
fn app(client: HealthClient<Stack>) -> Router {
    Router::new().route("/garden", get(garden)).with_state(client)
}

/// What operators see: the page, and `/metrics`.
fn page(registry: CircuitRegistry) -> Router {
    let text = PrometheusText::new();
    let admin = Admin::builder(registry).metrics(move |circuits| text.encode(circuits)).build();
    Router::new().fallback_service(admin)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let registry = CircuitRegistry::with_template(|circuit| {
        circuit.consecutive_failures(5).open_for(Duration::from_secs(5))
    });
    let urls = [50051, 50052, 50053].map(|port| format!("http://127.0.0.1:{port}"));
    let client = client(&registry, &urls)?;

    let operators = TcpListener::bind("127.0.0.1:9091").await?;
    tokio::spawn(axum::serve(operators, page(registry)).into_future());
    let users = TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(users, app(client)).await?)
}
