//! What callers ask for.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Method;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::cache::Cache;
use crate::failed::Failed;
use crate::pool::{Pool, agent_circuit};
use crate::users::{User, Users};
use crate::web::{self, Web};
use crate::{Wrong, external, settings};

/// The backends, each behind its circuit.
pub(crate) struct App {
    ollama: Web,
    agents: HashMap<String, Web>,
    cache: Cache,
    users: Users,
}

type Shared = State<Arc<App>>;
type Answer = Result<String, Failed>;

pub(crate) fn router(pool: &Pool, agents: &[String], fakes: &str) -> Result<Router, Wrong> {
    let limit = settings::call_timeout()?;
    let circuit = |service: &str| pool.registry.get_or_create(service);
    let url = |service: &str, path: &str| {
        let variable = format!("{}_URL", service.to_uppercase());
        settings::url(&variable, &format!("{fakes}/{service}{path}"), web::base)
    };
    let agents_url = url("agents", "/ask")?;
    let agent = |name: &String| {
        let circuit = circuit(&agent_circuit(name));
        (name.clone(), Web::new(circuit, agents_url.clone(), limit))
    };
    let app = App {
        ollama: Web::new(circuit("ollama"), url("ollama", "/ask")?, limit),
        agents: agents.iter().map(agent).collect(),
        cache: Cache::new(circuit("redis"), limit)?,
        users: Users::new(circuit("postgres"), limit)?,
    };
    let external = external::routes(&circuit("external"), url("external", "/ask")?, limit);
    Ok(Router::new()
        .route("/api/v1/chat", post(chat))
        .route("/api/v1/agents/{name}", post(agent_task))
        .route("/api/v1/cache/{key}", get(cached).put(keep))
        .route("/api/v1/users/{id}", get(user))
        .with_state(Arc::new(app))
        .merge(external))
}

/// The answer to a prompt that was answered before costs no call of the model, and needs none.
async fn chat(State(app): Shared, prompt: String) -> Result<Json<Value>, Failed> {
    let key = format!("answer:{prompt}");
    if let (Some(answer), source) = app.cache.get(&key).await? {
        return Ok(Json(json!({ "answer": answer, "from": source })));
    }
    let answer = app.ollama.call(Method::POST, "api/generate", prompt).await?;
    app.cache.set(&key, &answer).await;
    Ok(Json(json!({ "answer": answer, "from": "ollama" })))
}

async fn agent_task(State(app): Shared, Path(name): Path<String>, task: Bytes) -> Answer {
    let agent = app.agents.get(&name).ok_or_else(Failed::not_found)?;
    agent.call(Method::POST, &name, task).await
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
