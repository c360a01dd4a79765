//! A retry policy for requests that cannot be copied: reqwest's body is not `Clone`.

use http::Request;
use reqwest::{Body, Client};
use tower::{Service, ServiceBuilder};
#[cfg(not(feature = "mended"))]
use tower_circuit_breaker::RetryPolicy;
use tower_circuit_breaker::{Circuit, reqwest as breaker};

fn serve(_: impl Service<Request<Body>>) {}

pub fn run(circuit: Circuit, client: Client) {
    #[cfg(not(feature = "mended"))]
    let policy = RetryPolicy::new(3);
    #[cfg(feature = "mended")]
    let policy = breaker::retry(3);
    let builder = ServiceBuilder::new().retry(policy).layer(breaker::layer(circuit));
    serve(builder.service(breaker::client(client)));
    //~^ E0277 with `reqwest::retry(attempts)`, whose bodies are reqwest's
}

fn main() {}
