//! A key that is a `&str`, found where the service is used.

use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

pub struct Ask {
    tenant: &'static str,
}

async fn shop(_: Ask) -> Result<u8, BoxError> {
    Ok(1)
}

fn serve(_: impl Service<Ask>) {}

pub fn run(circuit: Circuit, circuits: KeyedCircuits) {
    let layer = CircuitBreakerLayer::new(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.keyed(|ask: &Ask| ask.tenant, circuits);
    #[cfg(feature = "mended")]
    let layer = layer.keyed(|ask: &Ask| ask.tenant.to_string(), circuits);
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
    //~^ E0277 a closure returns a `String`, and is checked where it is given to `keyed_by`
}

fn main() {}
