//! What requests share, and how it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use desk::{Flood, failures_in_a_row};
use serde_json::{Map, Value, json};
use tower_circuit_breaker::{CircuitSnapshot, Health};

use crate::figures::{Figures, share_of_time_open};
use crate::keys::Keys;
use crate::upstream::Upstream;

pub(crate) struct App {
    /// The one that is paid for comes first.
    pub(crate) upstreams: [Arc<Upstream>; 2],
    pub(crate) keys: Keys,
    pub(crate) figures: Arc<Figures>,
    pub(crate) degraded: Flood,
    pub(crate) critical: Flood,
}

/// For people: unhealthy when nobody is left to ask; Redis only makes answers dearer.
pub(crate) async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let circuits = app.upstreams.each_ref().map(|upstream| upstream.circuit.snapshot());
    let healths = circuits.each_ref().map(CircuitSnapshot::health);
    let (status, health, message) = match healths {
        [Health::Healthy, Health::Healthy] => (StatusCode::OK, "healthy", "Both upstreams answer"),
        [Health::Failing, Health::Failing] => {
            (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "Both circuits are open")
        }
        _ => (StatusCode::OK, "degraded", "One of two upstreams is not asked, or only tried"),
    };
    let (mut breakers, mut quota) = (Map::new(), Map::new());
    for (upstream, circuit) in app.upstreams.iter().zip(&circuits) {
        let open = share_of_time_open(circuit);
        let breaker = json!({
            "name": circuit.name,
            "state": circuit.state,
            "fail_count": failures_in_a_row(circuit),
            "retry_after": circuit.retry_after.map(|left| left.as_secs_f64()),
            "share_of_time_open": open,
        });
        breakers.insert(upstream.kind.key(), breaker);
        quota.insert(upstream.kind.key(), upstream.usage.as_json().await);
    }
    let figures = app.figures.as_json();
    let body = json!({
        "status": health, "message": message, "circuit_breakers": breakers, "quota": quota,
        "figures": figures, "circuits": circuits,
    });
    (status, Json(body))
}
