//! An answer to rejected calls that is not of the service's type.

use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

async fn shop(_: u8) -> Result<u8, BoxError> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.respond_with(|_| "closed");
    //~^ E0271 expected `u8`, found `&str`
    #[cfg(feature = "mended")]
    let layer = layer.respond_with(|_| 0);
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
}

fn main() {}
