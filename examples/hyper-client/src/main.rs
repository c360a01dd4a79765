//! A client of hyper-util in a stack of tower's layers; its server goes down twice and comes back.
//!
//! ```sh
//! cargo run -p hyper-client
//! ```
//!
//! First the server answers 503. Then it answers 200, and its bodies break midway: the heads look
//! well, the retry finds nothing to do, and the circuit opens all the same.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::{Router, body::Body};
use futures_util::{FutureExt, StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::{client::legacy, rt::TokioExecutor};
use tokio::{net::TcpListener, sync::watch, task::yield_now, time::sleep};
use tower::{BoxError, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use tower_circuit_breaker::{Circuit, CircuitSnapshot, CircuitState, Rejected};
use tower_circuit_breaker::{http::ResponseBody, hyper as breaker};

type Call = Request<Empty<Bytes>>;
type Answer = Response<ResponseBody<Incoming>>;
type Client = BoxCloneSyncService<Call, Answer, BoxError>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    run().await.map(drop)
}

fn client(circuit: &Circuit) -> Client {
    let stack = ServiceBuilder::new()
        // What the caller is promised, for all attempts together.
        .timeout(Duration::from_secs(2))
        // Outside the circuit, so that each attempt asks it anew. A rejection is not tried again.
        // Once more after an error or a status such as 503.
        .retry(breaker::retry(2))
        // Judges each attempt: by an error, if it is none of ours, by the status, and by how the
        // body ends.
        .layer(breaker::layer(circuit.clone()).boxed())
        // Inside the circuit, so that a rejected call waits for no place and takes none.
        .concurrency_limit(16)
        // Of one attempt. Inside the circuit, so that a slow one is an error, which counts.
        .timeout(Duration::from_millis(500))
        .service(legacy::Client::builder(TokioExecutor::new()).build_http());
    BoxCloneSyncService::new(stack)
}

/// Returns how many attempts reached the server, and what the circuit made of them.
async fn run() -> Result<(u64, CircuitSnapshot), BoxError> {
    let circuit = Circuit::builder("roses").consecutive_failures(4).open_for(OPEN).build();
    let (mood, reached) = (watch::Sender::new(WELL), Arc::<AtomicU64>::default());
    let server = serve(mood.subscribe(), Arc::clone(&reached)).await?;
    let client = client(&circuit);
    for (told, next, expected) in [
        ("is well", WELL, CircuitState::Closed),
        ("answers 503", DOWN, CircuitState::Open),
        ("is well again", WELL, CircuitState::Closed),
        ("sends half a body", BREAKING, CircuitState::Open),
        ("is well again", WELL, CircuitState::Closed),
    ] {
        mood.send(next)?;
        // For as long as the circuit stays open; then it lets a call through, as a probe.
        sleep(circuit.snapshot().retry_after.unwrap_or_default()).await;

        let (before, mut good, mut rejected) = (reached.load(Ordering::SeqCst), 0, 0);
        for _ in 0..6 {
            match call(&client, server).await {
                Ok(status) => good += u32::from(status.is_success()),
                Err(error) => rejected += u32::from(Rejected::find(&*error).is_some()),
            }
        }
        let (attempts, state) = (reached.load(Ordering::SeqCst) - before, circuit.state());
        println!("The server {told}: of 6 calls {good} went well and {rejected} were rejected,");
        println!("    {attempts} attempts reached the server; the circuit is {state}.");
        if state != expected {
            return Err(format!("the circuit is {state}, not {expected}").into());
        }
    }
    Ok((reached.load(Ordering::SeqCst), circuit.snapshot()))
}

/// Makes one call and reads the answer to its end.
async fn call(client: &Client, server: SocketAddr) -> Result<StatusCode, BoxError> {
    let call = Request::get(format!("http://{server}/")).body(Empty::new())?;
    let (head, body) = client.clone().oneshot(call).await?.into_parts();
    body.collect().await?;
    Ok(head.status)
}

/// The status, and the second half of the body.
type Mood = (StatusCode, Result<&'static str, &'static str>);

const OPEN: Duration = Duration::from_millis(300);
const WELL: Mood = (StatusCode::OK, Ok("rose"));
const DOWN: Mood = (StatusCode::SERVICE_UNAVAILABLE, Ok("thistle"));
const BREAKING: Mood = (StatusCode::OK, Err("broken off"));

/// Starts a server that does as it is told, and counts the attempts that reach it. It ends with the
/// runtime.
async fn serve(mood: watch::Receiver<Mood>, reached: Arc<AtomicU64>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().fallback(move || {
        reached.fetch_add(1, Ordering::SeqCst);
        let (status, rest) = *mood.borrow();
        // A pause before each half, so that the first is sent when the second fails.
        let halves = stream::iter([Ok("a "), rest]).then(|half| yield_now().map(move |()| half));
        ready((status, Body::from_stream(halves)))
    });
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(address)
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn circuit_opens_for_failing_answers_and_for_broken_bodies() {
        let (reached, circuit) = super::run().await.unwrap();

        let totals = circuit.totals;
        assert_eq!(reached, totals.successes + totals.failures, "no rejected call reached it");
        assert!(totals.trips == 2 && totals.rejected >= 2, "{totals:?}");
    }
}
