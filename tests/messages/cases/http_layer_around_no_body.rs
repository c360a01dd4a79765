//! HTTP's layer around responses whose content is no body.

use http::{Request, Response};
use tower::{BoxError, Service, ServiceBuilder, service_fn};
#[cfg(feature = "mended")]
use tower_circuit_breaker::CircuitBreakerLayer;
use tower_circuit_breaker::{Circuit, http as breaker};

async fn pages(_: Request<()>) -> Result<Response<Vec<u8>>, BoxError> {
    Ok(Response::new(Vec::new()))
}

fn serve(_: impl Service<Request<()>>) {}

pub fn run(circuit: Circuit) {
    #[cfg(not(feature = "mended"))]
    let layer = breaker::layer(circuit);
    #[cfg(feature = "mended")]
    let layer =
        CircuitBreakerLayer::new(circuit).classify_with(breaker::ServerErrorsAsFailures::new());
    serve(ServiceBuilder::new().layer(layer).service(service_fn(pages)));
    //~^ E0277 `Vec<u8>` must implement `http_body::Body`
}

fn main() {}
