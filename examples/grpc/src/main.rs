//! A gRPC client of tonic behind a circuit, with single answers and streams of them.
//!
//! ```sh
//! cargo run -p grpc
//! ```
//!
//! The service is gRPC's own health check, as `tonic-health` brings it. Its answers are judged by
//! their gRPC status, which comes at the end: in a stream, after messages that look well.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream;
use tokio::time::sleep;
use tonic::transport::{Channel, Endpoint, Server, server::TcpIncoming};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::{BoxError, Layer};
use tower_circuit_breaker::http::{AtEndOfBody, GrpcErrorsAsFailures};
use tower_circuit_breaker::tonic::{self as breaker, AsStatus};
use tower_circuit_breaker::{Circuit, CircuitBreaker, CircuitState, Rejected};

type Client = HealthClient<CircuitBreaker<Channel, GrpcErrorsAsFailures, AsStatus, AtEndOfBody>>;
type Ask = Request<HealthCheckRequest>;
type Answer<T> = Result<Response<T>, Status>;

const SERVING: HealthCheckResponse = HealthCheckResponse { status: ServingStatus::Serving as i32 };

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    run(&Arc::default(), &circuit()).await
}

fn circuit() -> Circuit {
    Circuit::builder("garden").consecutive_failures(3).open_for(Duration::from_millis(300)).build()
}

async fn run(garden: &Arc<Garden>, circuit: &Circuit) -> Result<(), BoxError> {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?;
    let url = format!("http://{}", incoming.local_addr()?);
    let server = Server::builder().add_service(HealthServer::from_arc(Arc::clone(garden)));
    // It ends with the runtime.
    tokio::spawn(server.serve_with_incoming(incoming));

    let channel = Endpoint::try_from(url)?.connect().await?;
    let mut client = HealthClient::new(breaker::layer(circuit.clone()).layer(channel));

    check(&mut client, "roses").await?;
    // To ask for what is not there is the caller's affair, and no failure of the server.
    for _ in 0..4 {
        let _ = check(&mut client, "thistles").await;
    }
    promise(circuit, CircuitState::Closed)?;

    garden.is_closing.store(true, Ordering::SeqCst);
    let _ = check(&mut client, "roses").await;
    let _ = watch(&mut client, "roses").await;
    let _ = watch(&mut client, "roses").await;
    promise(circuit, CircuitState::Open)?;
    let status = check(&mut client, "roses").await.err().ok_or("a call went through")?;
    let rejected = Rejected::find(&status).ok_or("there is no rejection in the status")?;
    if status.code() != Code::Unavailable {
        return Err(format!("a rejection is {:?}", status.code()).into());
    }

    garden.is_closing.store(false, Ordering::SeqCst);
    sleep(rejected.retry_after().unwrap_or_default()).await;
    watch(&mut client, "roses").await?;
    promise(circuit, CircuitState::Closed)
}

async fn check(client: &mut Client, service: &str) -> Result<(), Status> {
    let request = HealthCheckRequest { service: service.into() };
    let answer = client.check(request).await.inspect_err(tell)?.into_inner();
    println!("check {service}: {:?}", answer.status());
    Ok(())
}

async fn watch(client: &mut Client, service: &str) -> Result<(), Status> {
    let request = HealthCheckRequest { service: service.into() };
    let mut messages = client.watch(request).await.inspect_err(tell)?.into_inner();
    while let Some(message) = messages.message().await.inspect_err(tell)? {
        println!("watch {service}: {:?}", message.status());
    }
    Ok(())
}

/// A rejection is a status `Unavailable`, as of a server that has no room, with its pushback.
fn tell(status: &Status) {
    match Rejected::find(status) {
        Some(rejected) => println!("not asked: {rejected}"),
        None => println!("failed: {:?}, {}", status.code(), status.message()),
    }
}

fn promise(circuit: &Circuit, expected: CircuitState) -> Result<(), BoxError> {
    let state = circuit.state();
    println!("the circuit is {state}");
    (state == expected).then_some(()).ok_or_else(|| format!("the circuit is not {expected}").into())
}

/// A server that fails while it is told to, and counts the calls that reach it.
#[derive(Default)]
struct Garden {
    is_closing: AtomicBool,
    reached: AtomicU64,
}

#[tonic::async_trait]
impl Health for Garden {
    type WatchStream = stream::Iter<std::vec::IntoIter<Result<HealthCheckResponse, Status>>>;

    async fn check(&self, request: Ask) -> Answer<HealthCheckResponse> {
        self.reached.fetch_add(1, Ordering::SeqCst);
        match request.get_ref().service.as_str() {
            _ if self.is_closing.load(Ordering::SeqCst) => Err(Status::unavailable("we close")),
            "roses" => Ok(Response::new(SERVING)),
            other => Err(Status::not_found(format!("no {other} here"))),
        }
    }

    async fn watch(&self, _: Ask) -> Answer<Self::WatchStream> {
        self.reached.fetch_add(1, Ordering::SeqCst);
        let mut answers = vec![Ok(SERVING)];
        if self.is_closing.load(Ordering::SeqCst) {
            answers.push(Err(Status::unavailable("we close")));
        }
        Ok(Response::new(stream::iter(answers)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Garden, Ordering, circuit, run};

    #[tokio::test]
    async fn trailers_open_the_circuit_and_not_found_does_not() {
        let (garden, circuit) = (Arc::<Garden>::default(), circuit());

        run(&garden, &circuit).await.unwrap();

        let totals = circuit.snapshot().totals;
        assert_eq!(garden.reached.load(Ordering::SeqCst), totals.successes + totals.failures);
        assert!(totals.trips == 1 && totals.rejected >= 1, "{totals:?}");
    }
}
