//! The body of a request on its way to an upstream, and when it has been sent.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;

/// What a client uploads. Whoever waits for its end is told when it has been sent, or given up.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Body,
    /// Told by being dropped.
    sent: Option<oneshot::Sender<()>>,
}

impl Upload {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, sent: None }
    }

    /// The same once more, if there is nothing in it.
    pub(crate) fn again(&self) -> Option<Self> {
        self.body.is_end_stream().then(|| Self::new(Body::empty()))
    }

    /// Resolves once it has been sent, or is given up.
    pub(crate) fn sent(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let (sent, is_sent) = oneshot::channel();
        self.sent = Some(sent);
        async move {
            let _ = is_sent.await;
        }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.sent = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
