//! A layer that makes errors, around a breaker that answers: routes have no errors.

use std::time::Duration;

use axum::BoxError;
use axum::Router;
#[cfg(feature = "mended")]
use axum::error_handling::HandleErrorLayer;
use axum::http::StatusCode;
use axum::routing::get;
use tower::ServiceBuilder;
use tower_circuit_breaker::{Circuit, http};

async fn report() -> &'static str {
    "fine"
}

pub async fn too_late(_: BoxError) -> StatusCode {
    StatusCode::GATEWAY_TIMEOUT
}

pub fn app(circuit: Circuit) -> Router {
    let breaker = http::layer(circuit).respond_with(http::service_unavailable);
    let stack = ServiceBuilder::new();
    #[cfg(feature = "mended")]
    let stack = stack.layer(HandleErrorLayer::new(too_late));
    let stack = stack.timeout(Duration::from_secs(5)).layer(breaker);
    Router::new().route("/report", get(report)).layer(stack)
    //~^ E0277 the trait bound `Infallible: From<Box<(dyn std::error::Error + Send + Sync
    //~ guide
}

fn main() {}
