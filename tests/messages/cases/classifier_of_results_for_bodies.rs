//! A classifier of results where the body is judged, too.

use http::{Request, Response};
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, Classify, Outcome};

async fn shop(_: Request<()>) -> Result<Response<String>, BoxError> {
    Ok(Response::new(String::new()))
}

struct ByStatus;

impl<B, E> Classify<Response<B>, E> for ByStatus {
    fn classify(&self, _: &Result<Response<B>, E>) -> Outcome {
        Outcome::Success
    }
}

fn serve(_: impl Service<Request<()>>) {}

pub fn run(circuit: Circuit) {
    let layer = tower_circuit_breaker::http::layer(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.classify_with(ByStatus);
    #[cfg(feature = "mended")]
    let layer = layer.classify_by(|result| ByStatus.classify(result));
    serve(ServiceBuilder::new().layer(layer).service(service_fn(shop)));
    //~^ E0277 one that implements `Classify` alone is called by such a closure
}

fn main() {}
