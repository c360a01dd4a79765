//! A breaker around a service that is not `Clone`, where a clone is asked for.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use tower::util::BoxCloneService;
use tower::{BoxError, Layer, Service};
use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};

#[cfg_attr(feature = "mended", derive(Clone))]
struct Shop;

impl Service<u8> for Shop {
    type Response = u8;
    type Error = BoxError;
    type Future = Ready<Result<u8, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, article: u8) -> Self::Future {
        ready(Ok(article))
    }
}

pub fn run(circuit: Circuit) {
    let client = CircuitBreakerLayer::new(circuit).boxed().layer(Shop);
    let _ = BoxCloneService::new(client);
    //~^ E0277 is not satisfied
    //~ guide
}

fn main() {}
