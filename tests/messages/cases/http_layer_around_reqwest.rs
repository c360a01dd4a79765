//! HTTP's layer around reqwest's client, whose requests and responses are not those of `http`.

use reqwest::{Client, Error, Request, Response};
use tower::{Service, ServiceBuilder};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Outcome, http};

fn serve(_: impl Service<Request>) {}

#[cfg(not(feature = "mended"))]
pub fn run(circuit: Circuit, client: Client) {
    let layer = http::layer(circuit);
    serve(ServiceBuilder::new().layer(layer).service(client));
    //~^ E0277 `reqwest::client(client)`, of the crate's module `reqwest`, is such a service
    //~| .classify_by(|result: &Result<Response, reqwest::Error>| ..)
}

#[cfg(feature = "mended")]
pub fn run(circuit: Circuit, client: Client) {
    let layer = CircuitBreakerLayer::new(circuit);
    let layer = layer.classify_by(|result: &Result<Response, Error>| match result {
        Ok(response) if response.status().is_server_error() => Outcome::Failure(http::STATUS),
        _ => Outcome::Success,
    });
    serve(ServiceBuilder::new().layer(layer).service(client));
}

fn main() {}
