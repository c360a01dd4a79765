//! A fallback that resolves to the response alone.

use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Rejected};

async fn shop(_: u8) -> Result<u8, BoxError> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.fallback(|article: u8, _: Rejected| async move { article });
    #[cfg(feature = "mended")]
    let layer = layer.fallback(|article: u8, _: Rejected| async move { Ok(article) });
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
    //~^ E0271 to be a future that resolves to `Result<u8, Box<dyn Error + Send + Sync>>`
}

fn main() {}
