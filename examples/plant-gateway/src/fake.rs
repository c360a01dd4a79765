//! Upstreams without an account: real HTTP servers that are well or ill as they are told.
//!
//! `PUT /condition` sets how one is; `GET /condition` says it, and how many pictures it was sent.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

#[derive(Debug)]
struct Fake {
    answer: Value,
    condition: Mutex<String>,
    pictures: AtomicU64,
}

/// Starts an upstream that gives this answer while it is well, and returns its address.
pub(crate) async fn start(answer: Value) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let condition = Mutex::new("well".to_owned());
    let fake = Arc::new(Fake { answer, condition, pictures: AtomicU64::new(0) });
    let app = Router::new()
        .route("/identify", post(identify))
        .route("/condition", get(show).put(set))
        .with_state(fake);
    // It ends with the process.
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(url)
}

pub(crate) fn plant_id() -> Value {
    json!({ "result": { "classification": { "suggestions": [
        { "name": "Rosa canina", "probability": 0.93 },
        { "name": "Rosa rubiginosa", "probability": 0.05 },
    ] } } })
}

pub(crate) fn plantnet() -> Value {
    json!({ "results": [
        { "score": 0.71, "species": { "scientificNameWithoutAuthor": "Rosa canina" } },
        { "score": 0.12, "species": { "scientificNameWithoutAuthor": "Rosa corymbifera" } },
    ] })
}

async fn identify(State(fake): State<Arc<Fake>>, _picture: axum::body::Bytes) -> Response {
    // Relaxed: a count for people.
    fake.pictures.fetch_add(1, Ordering::Relaxed);
    let condition = fake.condition();
    match condition.as_str() {
        "unavailable" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "hanging" => std::future::pending().await,
        "slow" => {
            sleep(SLOW).await;
            Json(&fake.answer).into_response()
        }
        "throttling" => (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "2")]).into_response(),
        "throttling-silently" => StatusCode::TOO_MANY_REQUESTS.into_response(),
        "babbling" => "this is not an answer".into_response(),
        "refusing" => StatusCode::BAD_REQUEST.into_response(),
        _ => Json(&fake.answer).into_response(),
    }
}

async fn show(State(fake): State<Arc<Fake>>) -> Json<Value> {
    let pictures = fake.pictures.load(Ordering::Relaxed);
    Json(json!({ "condition": fake.condition(), "pictures": pictures }))
}

async fn set(State(fake): State<Arc<Fake>>, condition: String) -> Response {
    if !CONDITIONS.contains(&condition.as_str()) {
        let allowed = format!("must be one of {}\n", CONDITIONS.join(", "));
        return (StatusCode::BAD_REQUEST, allowed).into_response();
    }
    *fake.condition.lock().unwrap_or_else(PoisonError::into_inner) = condition;
    StatusCode::NO_CONTENT.into_response()
}

impl Fake {
    fn condition(&self) -> String {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

const CONDITIONS: [&str; 8] = [
    "well",
    "unavailable",
    "hanging",
    "slow",
    "throttling",
    "throttling-silently",
    "babbling",
    "refusing",
];
/// Long enough to see that others wait for it.
const SLOW: Duration = Duration::from_secs(1);
