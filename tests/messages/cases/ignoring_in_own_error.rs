//! `ignoring` for an error that does not say where its chain of sources begins.

use std::error::Error;
use std::io;

use tower::{Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

#[derive(Debug)]
pub struct ShopError;

#[cfg(feature = "mended")]
impl tower_circuit_breaker::ErrorChain for ShopError {
    fn first(&self) -> Option<&(dyn Error + 'static)> {
        None
    }
}

async fn shop(_: u8) -> Result<u8, ShopError> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit).ignoring::<io::Error>();
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
    //~^ E0277 for an error type of your own: implement `ErrorChain`
    //~| `ignoring_in::<X, ShopError>()` instead of `ignoring::<X>()`
}

fn main() {}
