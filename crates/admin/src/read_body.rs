//! Reading the body of a command: no more than a limit, no longer than a deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use http::StatusCode;
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::problem::Problem;

pin_project! {
    /// A body that is being read.
    #[derive(Debug)]
    pub(crate) struct ReadBody<B> {
        #[pin]
        body: B,
        #[pin]
        deadline: Sleep,
        read: Vec<u8>,
    }
}

impl<B: Body> ReadBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body, deadline: tokio::time::sleep(DEADLINE), read: Vec::new() }
    }

    pub(crate) fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Vec<u8>, Problem>> {
        let mut this = self.project();
        while let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) {
            match frame {
                None => return Poll::Ready(Ok(std::mem::take(this.read))),
                Some(Err(_)) => {
                    return Poll::Ready(Err(Problem::bad_request("the body broke off")));
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if data.remaining() > LIMIT - this.read.len() {
                        return Poll::Ready(Err(Problem::too_large()));
                    }
                    take(this.read, data);
                }
            }
        }
        ready!(this.deadline.poll(cx));
        let detail = "the body did not come within 10 s";
        Poll::Ready(Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail)))
    }
}

fn take(read: &mut Vec<u8>, mut data: impl Buf) {
    while data.has_remaining() {
        let chunk = data.chunk();
        let length = chunk.len();
        read.extend_from_slice(chunk);
        data.advance(length);
    }
}

/// Commands have some hundred bytes.
pub(crate) const LIMIT: usize = 64 * 1024;
/// For a few hundred bytes over any line.
const DEADLINE: Duration = Duration::from_secs(10);
