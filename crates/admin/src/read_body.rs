//! Reading the body of a command: no more than a limit, no longer than a deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BufMut;
use http::StatusCode;
use http_body::Body;
use http_body_util::{LengthLimitError, Limited};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use crate::problem::Problem;

pin_project! {
    /// A body that is being read.
    #[derive(Debug)]
    pub(crate) struct ReadBody<B> {
        #[pin]
        body: Limited<B>,
        #[pin]
        deadline: Sleep,
        read: Vec<u8>,
    }
}

impl<B> ReadBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(crate) fn new(body: B) -> Self {
        let body = Limited::new(body, LIMIT);
        Self { body, deadline: tokio::time::sleep(DEADLINE), read: Vec::new() }
    }

    pub(crate) fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Vec<u8>, Problem>> {
        let mut this = self.project();
        // By the clock: of a body that has always something, the timer would never have its turn.
        while Instant::now() < this.deadline.deadline() {
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) else {
                ready!(this.deadline.poll(cx));
                break;
            };
            match frame {
                None => return Poll::Ready(Ok(std::mem::take(this.read))),
                Some(Err(error)) if error.is::<LengthLimitError>() => {
                    return Poll::Ready(Err(Problem::too_large()));
                }
                Some(Err(_)) => {
                    return Poll::Ready(Err(Problem::bad_request("the body broke off")));
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    this.read.put(data);
                }
            }
        }
        let detail = "the body did not come within 10 s";
        Poll::Ready(Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail)))
    }
}

/// What `Limited` makes of the errors of a body.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Commands have some hundred bytes.
pub(crate) const LIMIT: usize = 64 * 1024;
/// For a few hundred bytes over any line.
const DEADLINE: Duration = Duration::from_secs(10);
