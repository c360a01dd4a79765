//! Backends over HTTP that fall ill on command: `POST /ollama/hang` to their address.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use moka::sync::Cache;
use serde::Deserialize;
use tokio::net::TcpListener;

/// How a backend is doing.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Condition {
    Up,
    /// Answers 503.
    Down,
    /// Takes calls and does not answer.
    Hang,
}

type Conditions = Arc<Cache<String, Condition>>;

/// Starts all of them on a free port, until the process ends; returns their address.
pub(crate) async fn start() -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let app = Router::new()
        .route("/{backend}/{condition}", post(set))
        .route("/{backend}/ask/{*topic}", post(answer).get(answer))
        .with_state(Arc::new(Cache::new(10)));
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(format!("http://{address}"))
}

async fn set(
    State(conditions): State<Conditions>,
    Path((backend, condition)): Path<(String, Condition)>,
) -> String {
    let told = format!("{backend}: {condition:?}\n");
    conditions.insert(backend, condition);
    told
}

async fn answer(
    State(conditions): State<Conditions>,
    Path((backend, topic)): Path<(String, String)>,
    asked: String,
) -> (StatusCode, String) {
    // One agent, which is asked by its name, or all that is behind an address.
    let condition = conditions.get(&topic).or_else(|| conditions.get(&backend));
    match condition.unwrap_or(Condition::Up) {
        Condition::Up => (StatusCode::OK, format!("{backend} on {topic}: {asked}")),
        Condition::Down => (StatusCode::SERVICE_UNAVAILABLE, format!("{backend} is down")),
        Condition::Hang => match pending::<Infallible>().await {},
    }
}
