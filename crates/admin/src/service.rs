//! The service.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::AdminBody;
use crate::dispatch::{Dispatcher, Next};
use crate::future::AdminFuture;
use crate::read_body::BoxError;

/// Answers HTTP requests about the circuits of a registry. Clones are the same service.
///
/// See the [module docs](super).
#[derive(Clone)]
pub struct Admin {
    dispatcher: Arc<Dispatcher>,
}

impl Admin {
    pub(crate) fn new(dispatcher: Dispatcher) -> Self {
        Self { dispatcher: Arc::new(dispatcher) }
    }

    /// Reads the totals of all circuits for the history, if the last reading is a second old.
    ///
    /// For programs in which no task of [`AdminBuilder::history`](crate::AdminBuilder::history) can
    /// run: call it once a second. It takes some milliseconds for 10,000 circuits.
    pub fn sample(&self) {
        self.dispatcher.live.sample();
    }

    /// Ends all streams of events, at once, and new ones as they begin.
    ///
    /// A server that waits for its connections to end would otherwise wait for them for ever: call
    /// it when the server is asked to shut down.
    pub fn end_streams(&self) {
        self.dispatcher.live.end();
    }
}

impl<B> Service<Request<B>> for Admin
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Response = Response<AdminBody>;
    type Error = Infallible;
    type Future = AdminFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AdminFuture<B> {
        let (parts, body) = request.into_parts();
        match self.dispatcher.dispatch(&parts) {
            Ok(Next::Answer(response)) => AdminFuture::ready(response),
            Ok(Next::Work(work)) => AdminFuture::work(work, Arc::clone(&self.dispatcher.places)),
            Ok(Next::Read(request)) => AdminFuture::read(request, body),
            Err(problem) => AdminFuture::problem(problem),
        }
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("registry", &self.dispatcher.state.registry)
            .field("guard", &self.dispatcher.guard)
            .finish_non_exhaustive()
    }
}
