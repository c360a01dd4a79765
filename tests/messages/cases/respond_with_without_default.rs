//! `service_unavailable` for a body that cannot be made of nothing.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_circuit_breaker::{Circuit, http as breaker};

struct Page(Bytes);

impl Body for Page {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready((!self.0.is_empty()).then(|| Ok(Frame::data(self.0.clone()))))
    }
}

async fn pages(_: Request<()>) -> Result<Response<Page>, BoxError> {
    Ok(Response::new(Page(Bytes::new())))
}

fn serve(_: impl Service<Request<()>>) {}

pub fn run(circuit: Circuit) {
    let layer = breaker::layer(circuit);
    #[cfg(not(feature = "mended"))]
    let layer = layer.respond_with(breaker::service_unavailable);
    #[cfg(feature = "mended")]
    let layer = layer.respond_with(|rejected| {
        breaker::service_unavailable::<()>(rejected).map(|()| Page(Bytes::new()))
    });
    serve(ServiceBuilder::new().layer(layer).service(service_fn(pages)));
    //~^ E0277 http::service_unavailable::<()>(rejected).map(|()| ..)
}

fn main() {}
