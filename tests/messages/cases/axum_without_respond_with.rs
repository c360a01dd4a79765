//! axum's routes have no errors, and a breaker's rejections are errors by default.

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
    Router::new().route("/report", get(report).route_layer(breaker))
    //~^ E0271 expected `Infallible`, found `Error<Infallible>`
    //~ guide
}

fn main() {}
