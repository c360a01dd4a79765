//! A closure without types: `classify_with` takes any type, so it knows none for the closure.

use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Outcome};

async fn shop(_: u8) -> Result<u8, BoxError> {
    Ok(1)
}

fn outcome(is_ok: bool) -> Outcome {
    if is_ok { Outcome::Success } else { Outcome::Ignored }
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.classify_with(|result| outcome(result.is_ok()));
    //~^ E0282 consider giving this closure parameter an explicit type
    #[cfg(feature = "mended")]
    let layer = layer.classify_by(|result| outcome(result.is_ok()));
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
}

fn main() {}
