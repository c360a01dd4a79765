//! How long an upstream may take to answer: from the end of the request on.
//!
//! A limit from its beginning, as `tower::timeout` has, would blame an upstream for whoever uploads
//! slowly.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tokio::time::sleep;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Layer, Service};

use crate::upload::Upload;

/// Gives an upstream so long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PatienceLayer(pub(crate) Duration);

/// A service that gives its inner one so long.
#[derive(Debug, Clone)]
pub(crate) struct Patience<S> {
    inner: S,
    limit: Duration,
}

impl<S> Layer<S> for PatienceLayer {
    type Service = Patience<S>;

    fn layer(&self, inner: S) -> Patience<S> {
        Patience { inner, limit: self.0 }
    }
}

impl<S, B> Service<Request<Upload>> for Patience<S>
where
    S: Service<Request<Upload>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Upload>) -> Self::Future {
        let (sent, limit) = (request.body_mut().sent(), self.limit);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let too_long = async {
                sent.await;
                sleep(limit).await;
            };
            tokio::select! {
                biased;
                answer = answer => answer.map_err(Into::into),
                () = too_long => Err(Elapsed::new().into()),
            }
        })
    }
}
