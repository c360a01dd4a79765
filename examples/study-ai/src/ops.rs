//! What operators see and steer: figures, health, metrics, the page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tower_circuit_breaker::{CircuitState, Health};
use tower_circuit_breaker_admin::Admin;

use crate::figures::{Figures, success_rate};
use crate::service::{Service, Services};

pub(crate) fn routes(admin: &Admin, services: &Arc<Services>) -> Router {
    Router::new()
        .route("/api/circuit-breakers/metrics", get(figures))
        .route("/api/health", get(health))
        .with_state(Arc::clone(services))
        .nest_service("/circuits", admin.clone())
        .route_service("/metrics", admin.clone())
}

async fn figures(State(services): State<Arc<Services>>) -> Json<Value> {
    let of = |service: &Service| Figures::of(&service.circuit, service.limits.fail_max);
    let breakers = services.all().map(|service| (service.key, json!(of(service))));
    let breakers = Map::from_iter(breakers.map(|(key, figures)| (key.to_owned(), figures)));
    Json(json!({ "success": true, "breakers": breakers, "timestamp": Timestamp::now() }))
}

/// For people, 503 unless all circuits are closed: what asks here decides who is paged.
async fn health(State(services): State<Arc<Services>>) -> (StatusCode, Json<Value>) {
    let all = services.all().map(|service| (service.key, service.circuit.snapshot()));
    let closed = all.iter().filter(|(_, circuit)| circuit.state == CircuitState::Closed).count();
    let (status, health) = match closed {
        3 => (StatusCode::OK, "healthy"),
        0 => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
    };
    let breakers = all.map(|(key, circuit)| {
        let breaker = json!({
            "state": circuit.state,
            "is_healthy": circuit.health() == Health::Healthy,
            "success_rate": success_rate(&circuit),
        });
        (key.to_owned(), breaker)
    });
    let breakers = Map::from_iter(breakers);
    let now = Timestamp::now();
    (status, Json(json!({ "status": health, "circuit_breakers": breakers, "timestamp": now })))
}
