//! What orchestrators ask.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tower_circuit_breaker::{CircuitRegistry, Health};

/// `/livez`, which answers as long as the process does, and `/readyz`, which is 503 while a circuit
/// that is critical fails. Neither goes by other circuits: a restart mends no upstream, and other
/// processes have the same.
pub fn probes(registry: CircuitRegistry) -> Router {
    let ready = async move || match registry.health() {
        Health::Failing => StatusCode::SERVICE_UNAVAILABLE,
        Health::Degraded | Health::Healthy => StatusCode::OK,
    };
    Router::new().route("/livez", get(StatusCode::OK)).route("/readyz", get(ready))
}
