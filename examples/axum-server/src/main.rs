//! An axum server with a circuit around the routes that lean on a database.
//!
//! ```sh
//! cargo run -p axum-server
//! ```
//!
//! While the database is down, callers get a 503 at once that says when to come again: pages with
//! an empty body, the API with one for programs (`application/problem+json`).

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tower::BoxError;
use tower_circuit_breaker::http::{layer, problem_json, retry_after, service_unavailable};
use tower_circuit_breaker::{Circuit, CircuitState};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    run(&Arc::default(), &circuit()).await
}

fn circuit() -> Circuit {
    Circuit::builder("plants").consecutive_failures(3).open_for(Duration::from_secs(1)).build()
}

/// Both routes share the circuit, since they share the database.
fn app(database: &Arc<Database>, circuit: &Circuit) -> Router {
    // Rejections are responses, so no error handler is needed.
    let of_pages = layer(circuit.clone()).respond_with(service_unavailable);
    let of_api = layer(circuit.clone()).respond_with(problem_json);
    // Outside of it: whoever looks after this server wants to see the circuit when it is open.
    let seen = circuit.clone();
    let circuits = get(move || async move { Json(seen.snapshot()) });
    Router::new()
        // Around the handlers: what the router answers by itself says nothing of the database.
        .route("/page", get(plant).route_layer(of_pages))
        .route("/api", get(plant).route_layer(of_api))
        .route("/circuit", circuits)
        .with_state(Arc::clone(database))
}

async fn run(database: &Arc<Database>, circuit: &Circuit) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    // It ends with the runtime.
    tokio::spawn(axum::serve(listener, app(database, circuit)).into_future());

    ask(&url, "/page", StatusCode::OK).await?;

    println!("The database goes down.");
    database.is_down.store(true, Ordering::SeqCst);
    ask(&url, "/page", StatusCode::INTERNAL_SERVER_ERROR).await?;
    ask(&url, "/api", StatusCode::INTERNAL_SERVER_ERROR).await?;
    ask(&url, "/page", StatusCode::INTERNAL_SERVER_ERROR).await?;
    ask(&url, "/page", StatusCode::SERVICE_UNAVAILABLE).await?;
    let wait = ask(&url, "/api", StatusCode::SERVICE_UNAVAILABLE).await?;
    ask(&url, "/circuit", StatusCode::OK).await?;
    ask(&url, "/attic", StatusCode::NOT_FOUND).await?;

    println!("The database is back, and callers come again after {wait:?}.");
    database.is_down.store(false, Ordering::SeqCst);
    sleep(wait).await;
    ask(&url, "/api", StatusCode::OK).await?;
    let state = circuit.state();
    (state == CircuitState::Closed).then_some(()).ok_or_else(|| format!("still {state}").into())
}

/// Calls the server and tells what it answers; returns its `Retry-After`.
async fn ask(url: &str, path: &str, expected: StatusCode) -> Result<Duration, BoxError> {
    let client = Client::builder().no_proxy().build()?;
    let response = client.get(format!("{url}{path}")).send().await?;
    let status = response.status();
    println!("GET {path}: {status}");
    for name in [RETRY_AFTER, CONTENT_TYPE] {
        if let Some(value) = response.headers().get(&name) {
            println!("    {name}: {}", value.to_str()?);
        }
    }
    let wait = retry_after(response.headers()).unwrap_or_default();
    let body = response.text().await?;
    println!("    {}", if body.is_empty() { "(no body)" } else { &body });
    if status != expected {
        return Err(format!("{path} answered {status}, not {expected}").into());
    }
    Ok(wait)
}

/// What the routes lean on: fails while it is told to, and counts who asks.
#[derive(Default)]
struct Database {
    is_down: AtomicBool,
    asked: AtomicU64,
}

async fn plant(State(database): State<Arc<Database>>) -> Result<&'static str, StatusCode> {
    database.asked.fetch_add(1, Ordering::SeqCst);
    if database.is_down.load(Ordering::SeqCst) {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    Ok("a rose")
}

#[cfg(test)]
mod tests {
    use super::{Arc, CircuitState, Database, Ordering, circuit, run};

    #[tokio::test]
    async fn rejected_callers_get_503_and_do_not_reach_the_handlers() {
        let (database, circuit) = (Arc::<Database>::default(), circuit());

        run(&database, &circuit).await.unwrap();

        let totals = circuit.snapshot().totals;
        assert_eq!((totals.successes, totals.failures, totals.rejected), (2, 3, 2));
        assert_eq!(database.asked.load(Ordering::SeqCst), 5);
        assert_eq!(circuit.state(), CircuitState::Closed);
    }
}
