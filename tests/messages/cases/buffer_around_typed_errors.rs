//! `buffer` around typed errors: it asks for an error that can be boxed where it is put around.

use tower::{BoxError, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

async fn shop(_: u8) -> Result<u8, BoxError> {
    Ok(1)
}

pub fn run(circuit: Circuit) {
    let breaker = CircuitBreakerLayer::new(circuit);
    #[cfg(feature = "mended")]
    let breaker = breaker.boxed();
    let builder = ServiceBuilder::new().buffer::<u8>(16).layer(breaker);
    let _ = builder.service(service_fn(shop));
    //~^ E0277 `std::error::Error` is not implemented for `tower_circuit_breaker::Error<
    //~ guide
}

fn main() {}
