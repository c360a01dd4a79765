//! The same around the whole router.

use axum::Router;
use axum::routing::get;
use tower_circuit_breaker::{Circuit, http};

async fn report() -> &'static str {
    "fine"
}

pub fn app(circuit: Circuit) -> Router {
    let breaker = http::layer(circuit);
    #[cfg(feature = "mended")]
    let breaker = breaker.respond_with(http::service_unavailable);
    Router::new().route("/report", get(report)).layer(breaker)
    //~^ E0277 `Infallible: From<tower_circuit_breaker::Error<Infallible>>` is not satisfied
    //~ guide
}

fn main() {}
