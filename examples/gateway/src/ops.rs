//! What operators see and steer: the page, the health, the metrics.

use axum::Router;
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_admin::Admin;

use crate::lane::Lane;

/// The circuits of both lanes.
pub(crate) fn registry(lanes: &[Lane; 2]) -> CircuitRegistry {
    let registry = CircuitRegistry::new();
    for lane in lanes {
        // Their names differ: none is taken.
        let _ = registry.insert(&lane.circuit);
    }
    registry
}

/// The page at `/circuits/`, beside the list at `/circuits`; health and metrics where others look for
/// them.
pub(crate) fn routes(admin: &Admin) -> Router {
    Router::new()
        .nest_service("/circuits/", admin.clone())
        .route_service("/circuits", admin.clone())
        .route_service("/health", admin.clone())
        .route_service("/metrics", admin.clone())
}
