//! `timeout` around typed errors: tower boxes the error, and a typed one around a box is no error.

use std::time::Duration;

use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

async fn shop(_: u8) -> Result<u8, BoxError> {
    Ok(1)
}

pub async fn ask(circuit: Circuit) {
    let breaker = CircuitBreakerLayer::new(circuit);
    #[cfg(feature = "mended")]
    let breaker = breaker.boxed();
    let client = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .layer(breaker)
        .service(service_fn(shop));
    let _ = client.oneshot(7).await;
    //~^ E0599 but its trait bounds were not satisfied
    //~ guide
}

fn main() {}
