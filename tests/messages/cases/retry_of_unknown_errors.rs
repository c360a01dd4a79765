//! A retry policy that cannot find a rejection in the error.

use std::future::Ready;

use tower::retry::Policy;
use tower::{Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Error, RetryUnlessRejected};

#[derive(Debug)]
pub struct ShopError;

#[derive(Clone)]
struct Never;

impl<Req, T, E> Policy<Req, T, E> for Never {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Req, _: &mut Result<T, E>) -> Option<Ready<()>> {
        None
    }

    fn clone_request(&mut self, _: &Req) -> Option<Req> {
        None
    }
}

async fn shop(_: u8) -> Result<u8, ShopError> {
    Ok(1)
}

fn serve(_: impl Service<u8>) {}

pub fn run(circuit: Circuit) {
    let policy = RetryUnlessRejected::new(Never);
    #[cfg(feature = "mended")]
    let policy = policy.find_with(|error: &Error<ShopError>| error.rejected());
    let layer = CircuitBreakerLayer::new(circuit);
    let builder = ServiceBuilder::new().retry(policy).layer(layer);
    serve(builder.service(service_fn(shop)));
    //~^ E0277 `policy.find_with(|error: &
}

fn main() {}
