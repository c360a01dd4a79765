//! Two places for a circuit with reqwest: around whole calls, and around connecting alone.
//!
//! ```sh
//! cargo run -p reqwest-client
//! ```
//!
//! Around whole calls it judges status and body. That takes `reqwest::client`, a service of the types
//! of the crate `http`, since reqwest has types of its own. Around connecting it is a layer of reqwest's connector, and whatever a
//! server answers that can be reached says nothing against it.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use http::{Request, StatusCode};
use reqwest::Client;
use tokio::net::{TcpListener, TcpSocket};
use tokio::{sync::watch, time::sleep};
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_circuit_breaker::reqwest as breaker;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState, Error, Rejected};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    run(&circuit("calls"), &circuit("connects")).await.map(drop)
}

/// Returns how many calls of either part reached the server.
async fn run(calls: &Circuit, connects: &Circuit) -> Result<[u64; 2], BoxError> {
    Ok([around_calls(calls).await?, around_connecting(connects).await?])
}

fn circuit(name: &'static str) -> Circuit {
    Circuit::builder(name).consecutive_failures(3).open_for(Duration::from_millis(300)).build()
}

async fn around_calls(circuit: &Circuit) -> Result<u64, BoxError> {
    println!("Around whole calls:");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let status = watch::Sender::new(StatusCode::OK);
    let reached = serve(listener, status.subscribe());

    let reqwest = Client::builder().no_proxy().build()?;
    let client = ServiceBuilder::new()
        // Back to reqwest's own type, with the URL and all its ways to read a body.
        .map_response(breaker::into_response)
        // Judges errors, if they are none of ours, the status, and how the body ends.
        .layer(breaker::layer(circuit.clone()))
        .service(breaker::client(reqwest.clone()));
    for (next, expected) in [
        (StatusCode::OK, CircuitState::Closed),
        (StatusCode::INTERNAL_SERVER_ERROR, CircuitState::Open),
        (StatusCode::OK, CircuitState::Closed),
    ] {
        status.send(next)?;
        wait_while_open(circuit).await;
        for _ in 0..4 {
            match client.clone().oneshot(Request::try_from(reqwest.get(&url).build()?)?).await {
                Ok(response) => {
                    let (url, status) = (response.url().clone(), response.status());
                    println!("  {url} answered: {status}, {:?}", response.text().await?);
                }
                Err(Error::Rejected(rejected)) => println!("  rejected: {rejected}"),
                Err(Error::Inner(error)) => return Err(error.into()),
            }
        }
        check(circuit, expected)?;
    }
    Ok(reached.load(Ordering::SeqCst))
}

async fn around_connecting(circuit: &Circuit) -> Result<u64, BoxError> {
    println!("Around connecting:");
    // Bound, but not listening: connecting is refused.
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let url = format!("http://{}/", socket.local_addr()?);

    // Boxed, as the connector's own errors are. It is called for each new connection alone.
    let layer = CircuitBreakerLayer::new(circuit.clone()).boxed();
    let client = Client::builder().no_proxy().connector_layer(layer).build()?;
    for _ in 0..4 {
        match client.get(&url).send().await {
            Ok(response) => return Err(format!("nobody listens, but got {response:?}").into()),
            Err(error) => match Rejected::find(&error) {
                Some(rejected) => println!("  rejected: {rejected}"),
                None => println!("  failed: {error}"),
            },
        }
    }
    check(circuit, CircuitState::Open)?;

    let status = watch::Sender::new(StatusCode::INTERNAL_SERVER_ERROR);
    let reached = serve(socket.listen(16)?, status.subscribe());
    wait_while_open(circuit).await;
    for _ in 0..4 {
        println!("  answered: {}", client.get(&url).send().await?.status());
    }
    check(circuit, CircuitState::Closed)?;
    Ok(reached.load(Ordering::SeqCst))
}

/// The first call after that is let through, as a probe.
async fn wait_while_open(circuit: &Circuit) {
    sleep(circuit.snapshot().retry_after.unwrap_or_default()).await;
}

fn check(circuit: &Circuit, expected: CircuitState) -> Result<(), BoxError> {
    let state = circuit.state();
    println!("  the circuit is {state}");
    (state == expected).then_some(()).ok_or_else(|| format!("the circuit is not {expected}").into())
}

/// Starts a server that answers with the status it is told, and counts. It ends with the runtime.
fn serve(listener: TcpListener, status: watch::Receiver<StatusCode>) -> Arc<AtomicU64> {
    let reached = Arc::<AtomicU64>::default();
    let counter = Arc::clone(&reached);
    let app = Router::new().fallback(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        ready((*status.borrow(), "42 EUR"))
    });
    tokio::spawn(axum::serve(listener, app).into_future());
    reached
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn status_counts_around_calls_and_connecting_alone_around_connects() {
        let (calls, connects) = (super::circuit("calls"), super::circuit("connects"));

        let [by_calls, by_connects] = super::run(&calls, &connects).await.unwrap();

        let totals = calls.snapshot().totals;
        assert_eq!(by_calls, totals.successes + totals.failures, "no rejected call reached it");
        assert!(totals.trips == 1 && totals.rejected >= 1, "{totals:?}");
        let totals = connects.snapshot().totals;
        assert!(totals.trips == 1 && totals.rejected >= 1, "{totals:?}");
        assert_eq!(by_connects, 4, "four answers of 500 say nothing about connecting");
    }
}
