//! The body that judges its call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::circuit::Circuit;
use crate::http::classify::{BodyErrorsAsFailures, ClassifyEnd};
use crate::http::judging::{Judging, Why};
use crate::http::watch::Watch;

pin_project! {
    /// The body of a response through a circuit: judges its call when it ends, or is dropped.
    ///
    /// Passes every frame, the size hint and the end of the stream on unchanged, and holds nothing
    /// back.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it counts as its head did, a success, unless its reader has waited in
    /// vain: see the [table](crate::http#what-a-body-counts-as).
    pub struct ResponseBody<B, N = BodyErrorsAsFailures> {
        #[pin]
        body: B,
        // Until the call is judged.
        watch: Option<Watch<N>>,
    }
}

impl<B, N> ResponseBody<B, N> {
    /// A body whose call is judged, or was never admitted.
    pub(super) const fn settled(body: B) -> Self {
        Self { body, watch: None }
    }

    /// The inner body.
    #[must_use]
    pub const fn get_ref(&self) -> &B {
        &self.body
    }

    /// The inner body. A call that was not yet judged counts as if its body had been dropped.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.body
    }
}

impl<B, N> ResponseBody<B, N>
where
    B: Body,
    N: ClassifyEnd<B::Error> + Send + 'static,
{
    /// A body that judges its call; at once if it has ended already.
    pub(super) fn unsettled(body: B, judging: Judging<N>) -> Self {
        if body.is_end_stream() || judging.has_ended() {
            judging.end(Ok::<_, &B::Error>(None));
            return Self::settled(body);
        }
        Self { body, watch: Some(Watch::new(judging)) }
    }
}

impl<B, N> Body for ResponseBody<B, N>
where
    B: Body,
    N: ClassifyEnd<B::Error>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(watch) = this.watch.as_mut() else {
            return this.body.poll_frame(cx);
        };
        let guard = watch.failure_on_panic();
        let polled = this.body.as_mut().poll_frame(cx);
        guard.disarm();
        let has_ended = || this.body.is_end_stream();
        let goes_on = watch.look(|judging| note(judging, &polled, has_ended));
        if !goes_on {
            *this.watch = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

type Polled<D, E> = Poll<Option<Result<Frame<D>, E>>>;

/// Notes what a poll of the body has brought; the end judges the call, and leaves nothing there.
fn note<N, D, E>(
    judging: &mut Option<Judging<N>>,
    polled: &Polled<D, E>,
    has_ended: impl FnOnce() -> bool,
) where
    D: bytes::Buf,
    N: ClassifyEnd<E>,
{
    // Taken where it is judged, and where user code runs: a panic there leaves it abandoned.
    let Some(mut taken) = judging.take() else { return };
    if taken.is_due() {
        return taken.left(Why::Dropped, Circuit::now);
    }
    match polled {
        Poll::Pending => taken.wait(),
        Poll::Ready(None) => return taken.end(Ok(None)),
        Poll::Ready(Some(Err(error))) => return taken.end(Err(error)),
        Poll::Ready(Some(Ok(frame))) => {
            taken.go_on();
            if let Some(trailers) = frame.trailers_ref() {
                return taken.end(Ok(Some(trailers)));
            }
            if let Some(data) = frame.data_ref() {
                taken.data(data);
            }
            if taken.has_ended() || has_ended() {
                return taken.end(Ok(None));
            }
        }
    }
    *judging = Some(taken);
}

/// An empty body, of a response that was not asked for.
impl<B: Default, N> Default for ResponseBody<B, N> {
    fn default() -> Self {
        Self::settled(B::default())
    }
}

impl<B: fmt::Debug, N> fmt::Debug for ResponseBody<B, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("body", &self.body)
            .field("is_settled", &self.watch.is_none())
            .finish()
    }
}
