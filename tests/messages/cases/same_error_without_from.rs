//! `same_error` for an error that cannot be made of a rejection.

use tower::{Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

#[derive(Debug)]
pub struct ShopError;

#[cfg(feature = "mended")]
impl From<tower_circuit_breaker::Rejected> for ShopError {
    fn from(_: tower_circuit_breaker::Rejected) -> Self {
        Self
    }
}

async fn shop(_: u8) -> Result<u8, ShopError> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit).same_error();
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
    //~^ E0277 `.same_error()` asks for `impl From<Rejected> for ShopError`
}

fn main() {}
