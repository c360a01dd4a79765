//! A predicate for errors that the service does not have.

#[cfg(feature = "mended")]
use std::convert::Infallible;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
#[cfg(not(feature = "mended"))]
use tower::BoxError;
use tower_circuit_breaker::{Circuit, http};

async fn report() -> &'static str {
    "fine"
}

pub fn app(circuit: Circuit) -> Router {
    #[cfg(not(feature = "mended"))]
    let is_failure = |result: &Result<Response, BoxError>| result.is_err();
    #[cfg(feature = "mended")]
    let is_failure = |result: &Result<Response, Infallible>| result.is_err();
    let breaker = http::layer(circuit).failure_if(is_failure);
    let breaker = breaker.respond_with(http::service_unavailable);
    Router::new().route("/report", get(report)).layer(breaker)
    //~^ E0277 `.classify_by(|result: &Result<http::Response<Body>, Infallible>| -> Outcome
    //~| that of `failure_if` takes the same, and returns a `bool`
}

fn main() {}
