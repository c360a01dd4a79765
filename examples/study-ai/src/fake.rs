//! A provider without an account: a real HTTP server whose services are well or ill as they are told.
//!
//! `PUT /condition/{service}` sets how one is; `GET /condition` says how many calls each has had.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::events::LAST_EVENT;

/// How each service is, and how many calls it has had.
type Provider = Arc<Mutex<HashMap<String, (String, u64)>>>;

/// Starts a provider whose services are well, and returns its address. It ends with the process.
pub(crate) async fn start() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let services = ["text", "vision", "imagen"].map(|name| (name.into(), ("well".into(), 0)));
    let app = Router::new()
        .route("/condition", get(show))
        .route("/condition/{service}", put(set))
        .route("/{service}", post(serve))
        .with_state(Provider::new(Mutex::new(services.into())));
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(url)
}

async fn serve(
    State(provider): State<Provider>,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    let condition = match lock(&provider).get_mut(&name) {
        Some((condition, calls)) => {
            *calls += 1;
            condition.clone()
        }
        None => return StatusCode::NOT_FOUND.into_response(),
    };
    match condition.as_str() {
        "unavailable" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "throttling" => (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "20")]).into_response(),
        "refusing" => StatusCode::BAD_REQUEST.into_response(),
        "hanging" => std::future::pending().await,
        condition => answer(&name, condition, &body),
    }
}

/// An answer, whole unless the service is `breaking` or `cutting` it.
fn answer(name: &str, condition: &str, question: &[u8]) -> Response {
    let question: Value = serde_json::from_slice(question).unwrap_or_default();
    if question["stream"] != true && condition == "well" {
        return Json(match name {
            "text" => json!({ "text": "roots\nleaves\nflowers" }),
            "vision" => json!({ "topic": "botany" }),
            _ => json!({ "image": "iVBORw0KGgo=" }),
        })
        .into_response();
    }
    let event = |word: &str| Bytes::from(format!("data: {{\"text\": \"{word} \"}}\n\n"));
    let mut events: Vec<_> = ["Plants", "eat", "light."].map(|word| Ok(event(word))).into();
    match condition {
        "breaking" => events.push(Err(io::Error::other("broke off"))),
        "cutting" => {}
        _ => events.push(Ok(Bytes::from_static(LAST_EVENT))),
    }
    let paced = stream::iter(events).then(async |event| {
        sleep(A_WORD).await;
        event
    });
    let body = Body::from_stream(paced);
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}

async fn show(State(provider): State<Provider>) -> Json<HashMap<String, u64>> {
    Json(lock(&provider).iter().map(|(name, (_, calls))| (name.clone(), *calls)).collect())
}

async fn set(
    State(provider): State<Provider>,
    Path(name): Path<String>,
    condition: String,
) -> Response {
    if !CONDITIONS.contains(&condition.as_str()) {
        let allowed = format!("must be one of {}\n", CONDITIONS.join(", "));
        return (StatusCode::BAD_REQUEST, allowed).into_response();
    }
    match lock(&provider).get_mut(&name) {
        Some(service) => service.0 = condition,
        None => return StatusCode::NOT_FOUND.into_response(),
    }
    StatusCode::NO_CONTENT.into_response()
}

fn lock(provider: &Provider) -> MutexGuard<'_, HashMap<String, (String, u64)>> {
    provider.lock().unwrap_or_else(PoisonError::into_inner)
}

const CONDITIONS: [&str; 7] =
    ["well", "unavailable", "throttling", "refusing", "hanging", "breaking", "cutting"];
/// As models do, one word after the other.
const A_WORD: Duration = Duration::from_millis(30);
