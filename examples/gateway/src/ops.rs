//! What operators see and steer: the page, the health, the metrics.

use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_admin::Admin;
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::lane::Lane;

/// The admin service, which whoever is on this machine may steer by.
pub(crate) fn admin(lanes: &Arc<[Lane; 2]>) -> Admin {
    let registry = CircuitRegistry::new();
    for lane in lanes.iter() {
        // Their names differ: none is taken.
        let _ = registry.insert(&lane.circuit);
    }
    Admin::builder(registry)
        .control()
        .peer(|extensions| extensions.get().map(|ConnectInfo(address)| *address))
        .metrics(PrometheusText::encode)
        .build()
}

/// The page at `/circuits/`, beside the list at `/circuits`; health and metrics where others look for
/// them.
pub(crate) fn routes(admin: &Admin) -> Router {
    Router::new()
        .nest_service("/circuits/", admin.clone())
        .route_service("/health", admin.clone())
        .route_service("/metrics", admin.clone())
}
