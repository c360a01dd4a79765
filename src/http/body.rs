//! The response body that records its call.

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
    /// The response body that records its call when it ends or is dropped.
    ///
    /// Passes every frame, the size hint and the end of the stream on unchanged, and holds nothing
    /// back.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped before its end, the call counts as its head did, a success, unless its
    /// reader has waited in vain: see the [table](crate::http#what-a-body-counts-as).
    pub struct ResponseBody<B, N = BodyErrorsAsFailures> {
        #[pin]
        body: B,
        // Until the call is judged.
        watch: Option<Watch<N>>,
    }
}

impl<B, N> ResponseBody<B, N> {
    /// A body whose call is recorded already, or was never admitted.
    pub(super) const fn completed(body: B) -> Self {
        Self { body, watch: None }
    }

    /// Returns a reference to the inner body.
    #[must_use]
    pub const fn get_ref(&self) -> &B {
        &self.body
    }

    /// Returns the inner body.
    ///
    /// A call that is not yet recorded counts as if its body had been dropped.
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
    /// A body that records its call when it ends; at once if it has ended already.
    #[inline]
    pub(super) fn deferred(body: B, judging: Judging<N>) -> Self {
        if body.is_end_stream() || judging.has_ended() {
            judging.end(Ok::<_, &B::Error>(None));
            return Self::completed(body);
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

    #[inline]
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

/// Notes what a poll of the body has brought; the end records the call, and leaves `None`.
#[inline]
fn note<N, D, E>(
    judging: &mut Option<Judging<N>>,
    polled: &Polled<D, E>,
    has_ended: impl FnOnce() -> bool,
) where
    D: bytes::Buf,
    N: ClassifyEnd<E>,
{
    let Some(watched) = judging.as_mut() else { return };
    let end = if watched.is_due() {
        return judging.take().into_iter().for_each(|due| due.left(Why::Dropped, Circuit::now));
    } else {
        match polled {
            Poll::Pending => return watched.wait(),
            Poll::Ready(None) => Ok(None),
            Poll::Ready(Some(Err(error))) => Err(error),
            Poll::Ready(Some(Ok(frame))) => {
                watched.go_on();
                if let Some(data) = frame.data_ref() {
                    show(judging, data);
                }
                let is_over = || judging.as_ref().is_none_or(Judging::has_ended) || has_ended();
                match frame.trailers_ref() {
                    Some(trailers) => Ok(Some(trailers)),
                    None if is_over() => Ok(None),
                    None => return,
                }
            }
        }
    };
    if let Some(judging) = judging.take() {
        judging.end(end);
    }
}

/// Shows data to the classifier of the end: user code, whose panic leaves the call abandoned.
#[inline]
fn show<N: ClassifyEnd<E>, E>(judging: &mut Option<Judging<N>>, data: &impl bytes::Buf) {
    struct Forget<'a, N>(&'a mut Option<Judging<N>>, bool);

    impl<N> Drop for Forget<'_, N> {
        // Cannot panic, as for `Admission`.
        #[inline]
        fn drop(&mut self) {
            if self.1 {
                *self.0 = None;
            }
        }
    }

    let mut forget = Forget(judging, true);
    if let Some(judging) = forget.0 {
        judging.data(data);
    }
    forget.1 = false;
}

/// An empty body, for a response that does not come from the inner service.
impl<B: Default, N> Default for ResponseBody<B, N> {
    fn default() -> Self {
        Self::completed(B::default())
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
