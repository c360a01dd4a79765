//! `same_error` around axum's routes, which have no errors.

use axum::Router;
use axum::routing::get;
use tower_circuit_breaker::{Circuit, http};

async fn report() -> &'static str {
    "fine"
}

pub fn app(circuit: Circuit) -> Router {
    let breaker = http::layer(circuit);
    #[cfg(not(feature = "mended"))]
    let breaker = breaker.same_error();
    #[cfg(feature = "mended")]
    let breaker = breaker.respond_with(http::service_unavailable);
    Router::new().route("/report", get(report)).layer(breaker)
    //~^ E0277 answer with a response: `.respond_with(http::service_unavailable)`
}

fn main() {}
