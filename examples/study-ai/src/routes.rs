//! What students ask for.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tower_circuit_breaker::Error;
use tower_circuit_breaker::http::problem_json;

use crate::service::{Answer, Asked, Service, Services};

type Shared = State<Arc<Services>>;

#[derive(Debug, Deserialize)]
struct Topic {
    topic: String,
}

#[derive(Debug, Deserialize)]
struct Prompt {
    prompt: String,
}

pub(crate) fn routes(services: &Arc<Services>) -> Router {
    Router::new()
        .route("/api/subtopics", post(subtopics))
        .route("/api/explanation", post(explanation))
        .route("/api/image2topic", post(image_to_topic))
        .route("/api/generate_image", post(generate_image))
        .with_state(Arc::clone(services))
}

async fn subtopics(State(services): Shared, Json(Topic { topic }): Json<Topic>) -> Response {
    let prompt = json!({ "prompt": format!("subtopics of {topic}, one a line"), "stream": false });
    let subtopics = |answer: &Value| {
        let lines = answer["text"].as_str()?.lines();
        Some(json!({ "topic": topic, "subtopics": lines.collect::<Vec<_>>() }))
    };
    respond(ask_json(&services.text, &prompt).await, subtopics)
}

/// Passes events on as they come. What is worth what is decided at their end.
async fn explanation(State(services): Shared, Json(Topic { topic }): Json<Topic>) -> Response {
    let prompt = json!({ "prompt": format!("explain {topic}"), "stream": true });
    match ask(&services.text, "application/json", prompt.to_string()).await {
        Ok(answer) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (headers, Body::new(answer.into_body())).into_response()
        }
        Err(response) => response,
    }
}

async fn image_to_topic(State(services): Shared, headers: HeaderMap, image: Bytes) -> Response {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(content_type) = content_type.filter(|of| of.starts_with("image/")) else {
        let error = "send the image as the body, with `Content-Type: image/png` or alike";
        return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, error);
    };
    let answer = match ask(&services.vision, content_type, image).await {
        Ok(answer) => read(answer).await,
        Err(response) => Err(response),
    };
    respond(answer, |answer| Some(json!({ "topic": answer["topic"].as_str()? })))
}

async fn generate_image(
    State(services): Shared,
    Json(Prompt { prompt }): Json<Prompt>,
) -> Response {
    let answer = ask_json(&services.imagen, &json!({ "prompt": prompt })).await;
    respond(answer, |answer| Some(json!({ "image": answer["image"].as_str()? })))
}

async fn ask_json(service: &Service, question: &Value) -> Result<Value, Response> {
    read(ask(service, "application/json", question.to_string()).await?).await
}

/// The provider's answer, or ours where there is none.
async fn ask(
    service: &Service,
    content_type: &str,
    body: impl Into<reqwest::Body>,
) -> Result<Answer, Response> {
    let answer = service.ask(content_type, body).await.map_err(|why| match why {
        Asked::InVain(Error::Rejected(rejected)) => problem_json(rejected),
        Asked::InVain(Error::Inner(error)) if error.is_timeout() => {
            problem(StatusCode::GATEWAY_TIMEOUT, "the provider does not answer")
        }
        Asked::InVain(Error::Inner(_)) => problem(StatusCode::BAD_GATEWAY, "the provider is away"),
        Asked::Badly(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    })?;
    match answer.status() {
        status if status.is_success() => Ok(answer),
        StatusCode::BAD_REQUEST => {
            Err(problem(StatusCode::BAD_REQUEST, "the provider does not take this"))
        }
        status => {
            tracing::warn!("{}: the provider answered {status}", service.circuit.name());
            Err(problem(StatusCode::BAD_GATEWAY, &format!("the provider answered {status}")))
        }
    }
}

async fn read(answer: Answer) -> Result<Value, Response> {
    let broken = |_| problem(StatusCode::BAD_GATEWAY, "the provider's answer broke off");
    let body = answer.into_body().collect().await.map_err(broken)?.to_bytes();
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}

fn respond(
    answer: Result<Value, Response>,
    made: impl FnOnce(&Value) -> Option<Value>,
) -> Response {
    let unreadable = || problem(StatusCode::BAD_GATEWAY, "the provider's answer makes no sense");
    match answer {
        Ok(answer) => made(&answer).map_or_else(unreadable, |made| Json(made).into_response()),
        Err(response) => response,
    }
}

fn problem(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}
