//! `boxed` for an error that is no `std::error::Error`.

use tower::{Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

#[derive(Debug)]
pub struct ShopError;

#[cfg(feature = "mended")]
impl std::fmt::Display for ShopError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the shop failed")
    }
}

#[cfg(feature = "mended")]
impl std::error::Error for ShopError {}

async fn shop(_: u8) -> Result<u8, ShopError> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit).boxed();
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
    //~^ E0277 `.boxed()`, like `tonic::layer`, asks that `ShopError` can become a `BoxError`
}

fn main() {}
