//! Upstreams without an account: real HTTP servers that are well or ill as they are told.
//!
//! `PUT /condition` sets how one is; `GET /condition` says it, and how many pictures it was sent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::sleep;

struct Fake {
    answer: Value,
    /// How it is, and how many pictures it was sent.
    state: Mutex<(String, u64)>,
}

/// Starts an upstream that gives this answer while it is well, and returns its address.
pub(crate) async fn start(answer: Value) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let state = Mutex::new(("well".to_owned(), 0));
    let app = Router::new()
        .route("/identify", post(identify))
        .route("/condition", get(show).put(set))
        .with_state(Arc::new(Fake { answer, state }));
    // It ends with the process.
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(url)
}

async fn identify(State(fake): State<Arc<Fake>>, _picture: Bytes) -> Response {
    fake.state.lock().await.1 += 1;
    let condition = fake.state.lock().await.0.clone();
    match condition.as_str() {
        "unavailable" => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "hanging" => std::future::pending().await,
        // Long enough to see that others wait for it.
        "slow" => sleep(Duration::from_secs(1)).await,
        "throttling" => return (BUSY, [(header::RETRY_AFTER, "2")]).into_response(),
        "throttling-silently" => return BUSY.into_response(),
        "babbling" => return "this is not an answer".into_response(),
        "refusing" => return StatusCode::BAD_REQUEST.into_response(),
        _ => {}
    }
    Json(&fake.answer).into_response()
}

async fn show(State(fake): State<Arc<Fake>>) -> Json<Value> {
    let (condition, pictures) = &*fake.state.lock().await;
    Json(json!({ "condition": condition, "pictures": pictures }))
}

async fn set(State(fake): State<Arc<Fake>>, condition: String) -> (StatusCode, String) {
    if !CONDITIONS.split(", ").any(|known| known == condition) {
        return (StatusCode::BAD_REQUEST, format!("must be one of {CONDITIONS}\n"));
    }
    fake.state.lock().await.0 = condition;
    (StatusCode::NO_CONTENT, String::new())
}

const CONDITIONS: &str = "well, unavailable, hanging, slow, throttling, throttling-silently, \
                          babbling, refusing";
const BUSY: StatusCode = StatusCode::TOO_MANY_REQUESTS;
