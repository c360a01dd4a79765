//! What operators see and steer: health, metrics, the page.

use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_circuit_breaker::admin::Admin;
use tower_circuit_breaker::telemetry::PrometheusText;
use tower_circuit_breaker::{Circuit, CircuitRegistry, CircuitSnapshot, Health};

/// The page, which whoever is on this machine, or has the token, may steer by.
pub(crate) fn admin(registry: &CircuitRegistry, token: Option<String>) -> Admin {
    let admin = Admin::builder(registry.clone())
        .control()
        .peer(|extensions| extensions.get().map(|ConnectInfo(address)| *address))
        .metrics(PrometheusText::encode);
    match token {
        Some(token) => admin.token(token).build(),
        None => admin.build(),
    }
}

pub(crate) fn routes(admin: &Admin, upstreams: Arc<[Circuit; 2]>) -> Router {
    Router::new()
        .route("/api/v1/health", get(health).with_state(upstreams))
        .nest_service("/circuits", admin.clone())
        .route_service("/metrics", admin.clone())
}

/// Unhealthy when nobody is left to ask; Redis only makes answers dearer.
async fn health(State(upstreams): State<Arc<[Circuit; 2]>>) -> (StatusCode, Json<Value>) {
    let circuits = upstreams.each_ref().map(Circuit::snapshot);
    let healths = circuits.each_ref().map(CircuitSnapshot::health);
    let (status, health) = match healths {
        [Health::Healthy, Health::Healthy] => (StatusCode::OK, "healthy"),
        [Health::Failing, Health::Failing] => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
        _ => (StatusCode::OK, "degraded"),
    };
    (status, Json(json!({ "status": health, "circuits": circuits })))
}
