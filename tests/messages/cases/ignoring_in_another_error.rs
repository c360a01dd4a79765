//! `ignoring_in` with the type of an error that the service does not have.

use std::{fmt, io};

use tower::{Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

async fn shop(_: u8) -> Result<u8, fmt::Error> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.ignoring_in::<io::Error, io::Error>();
    #[cfg(feature = "mended")]
    let layer = layer.ignoring_in::<io::Error, fmt::Error>();
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
    //~^ E0277 name the type of the service's error: `ignoring_in::<X, std::fmt::Error>()`
}

fn main() {}
