//! A wrong closure for `classify_with` is found where the service is used.

use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

async fn shop(_: u8) -> Result<u8, BoxError> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let is_failure = |result: &Result<u8, BoxError>| result.is_err();
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.classify_with(is_failure);
    #[cfg(feature = "mended")]
    let layer = layer.failure_if(is_failure);
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
    //~^ E0277 is checked where it is given to `classify_by`
}

fn main() {}
