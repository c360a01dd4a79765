//! The same, where the service is passed on to what asks for a service.

use std::time::Duration;

use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

async fn shop(_: u8) -> Result<u8, BoxError> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let breaker = CircuitBreakerLayer::new(circuit);
    #[cfg(feature = "mended")]
    let breaker = breaker.boxed();
    let client = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .layer(breaker)
        .service(service_fn(shop));
    serve(client);
    //~^ E0277 `std::error::Error` is not implemented for `tower_circuit_breaker::Error<
    //~ guide
}

fn main() {}
