//! What callers ask for.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Method;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_circuit_breaker::CircuitRegistry;

use crate::Wrong;
use crate::cache::Cache;
use crate::failed::Failed;
use crate::settings;
use crate::users::{User, Users};
use crate::web::{self, Web};

/// The backends, each behind its circuit.
pub(crate) struct App {
    pub(crate) llm: Web,
    pub(crate) agents: Web,
    pub(crate) external: Web,
    pub(crate) cache: Cache,
    pub(crate) users: Users,
}

type Shared = State<Arc<App>>;
type Answer = Result<String, Failed>;

impl App {
    pub(crate) fn new(pool: &CircuitRegistry, fakes: &str) -> Result<Self, Wrong> {
        let limit = settings::call_timeout()?;
        let web = |service: &str, variable| {
            let fake = format!("{fakes}/{service}/ask");
            let base = settings::url(variable, &fake, web::base)?;
            Ok::<_, Wrong>(Web::new(pool.get_or_create(service), base, limit))
        };
        Ok(Self {
            llm: web("llm", "LLM_URL")?,
            agents: web("agents", "AGENTS_URL")?,
            external: web("external", "EXTERNAL_URL")?,
            cache: Cache::new(pool.get_or_create("redis"), limit)?,
            users: Users::new(pool.get_or_create("postgres"), limit)?,
        })
    }
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/api/v1/chat", post(chat))
        .route("/api/v1/agents/{name}", post(agent))
        .route("/api/v1/external/{topic}", get(external))
        .route("/api/v1/cache/{key}", get(cached).put(keep))
        .route("/api/v1/users/{id}", get(user))
        .with_state(Arc::new(app))
}

/// The answer to a prompt that was answered before costs no call of the LLM, and needs no LLM.
async fn chat(State(app): Shared, prompt: String) -> Result<Json<Value>, Failed> {
    let key = format!("answer:{prompt}");
    if let (Some(answer), source) = app.cache.get(&key).await? {
        return Ok(Json(json!({ "answer": answer, "from": source })));
    }
    let answer = app.llm.call(Method::POST, "complete", prompt).await?;
    app.cache.set(&key, &answer).await;
    Ok(Json(json!({ "answer": answer, "from": "llm" })))
}

async fn agent(State(app): Shared, Path(name): Path<String>, task: Bytes) -> Answer {
    app.agents.call(Method::POST, &name, task).await
}

async fn external(State(app): Shared, Path(topic): Path<String>) -> Answer {
    app.external.call(Method::GET, &topic, "").await
}

async fn cached(State(app): Shared, Path(key): Path<String>) -> Result<Json<Value>, Failed> {
    let (found, source) = app.cache.get(&key).await?;
    let text = found.ok_or_else(Failed::not_found)?;
    Ok(Json(json!({ "text": text, "from": source })))
}

async fn keep(State(app): Shared, Path(key): Path<String>, text: String) -> Json<Value> {
    Json(json!({ "kept_in": app.cache.set(&key, &text).await }))
}

async fn user(State(app): Shared, Path(id): Path<String>) -> Result<Json<User>, Failed> {
    app.users.get(&id).await?.map(Json).ok_or_else(Failed::not_found)
}
