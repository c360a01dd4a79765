//! What operators see and steer: figures, health, metrics, the page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tower_circuit_breaker::Health;
use tower_circuit_breaker_admin::Admin;

use crate::figures::Figures;
use crate::service::Services;

pub(crate) fn routes(admin: &Admin, services: &Arc<Services>) -> Router {
    Router::new()
        .route("/api/circuit-breakers/metrics", get(figures))
        .route("/api/health", get(health))
        .with_state(Arc::clone(services))
        .nest_service("/circuits", admin.clone())
        .route_service("/metrics", admin.clone())
}

async fn figures(State(services): State<Arc<Services>>) -> Json<[Figures; 3]> {
    Json(services.all().map(Figures::of))
}

/// 503 as soon as one service is not well: what asks here decides who is paged.
async fn health(State(services): State<Arc<Services>>) -> (StatusCode, Json<Value>) {
    let healths = services.all().map(|service| (service.circuit.name(), service.circuit.health()));
    let each: Map<_, _> =
        healths.iter().map(|(name, health)| ((*name).to_owned(), health.as_str().into())).collect();
    let are_all = |wanted| healths.iter().all(|(_, health)| *health == wanted);
    let (status, health) = match () {
        () if are_all(Health::Healthy) => (StatusCode::OK, "healthy"),
        () if are_all(Health::Failing) => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
        () => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    (status, Json(json!({ "status": health, "services": each })))
}
