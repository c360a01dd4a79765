//! The body that settles its call.

use std::fmt;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::circuit::Circuit;
use crate::engine::outcome::Outcome;
use crate::engine::time::Timestamp;
use crate::http::classify::{BodyErrorsAsFailures, ClassifyEnd};
use crate::http::settle::Deadline;
use crate::permit::{Admission, FailureOnPanic, Permit};

pin_project! {
    /// The body of a response through a circuit: settles its call when it ends.
    ///
    /// Passes every frame, the size hint and the end of the stream on unchanged, and holds nothing
    /// back.
    ///
    /// # Cancel safety
    ///
    /// Dropping it before its end gives a probe's slot back and counts the call as abandoned, which
    /// is neutral unless [`abandoned_after`](crate::CircuitBuilder::abandoned_after) or
    /// [`body_deadline`](crate::CircuitBreakerLayer::body_deadline) say otherwise.
    pub struct ResponseBody<B, N = BodyErrorsAsFailures> {
        #[pin]
        body: B,
        // Until the call is settled.
        watch: Option<Watch<N>>,
    }
}

/// A call that waits for the end of its body.
pub(super) struct Watch<N> {
    /// There until the call is settled.
    admission: Option<Admission<Circuit>>,
    /// There until it is asked.
    end: Option<N>,
    due: Option<Due>,
    /// How much is still to come; more than ever comes where that is not known.
    left: u64,
}

/// When a call is settled at the latest, and as what.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Timestamp,
    outcome: Outcome,
}

impl<B, N> ResponseBody<B, N> {
    /// A body whose call is settled, or was never admitted.
    pub(super) const fn settled(body: B) -> Self {
        Self { body, watch: None }
    }

    /// The inner body.
    #[must_use]
    pub const fn get_ref(&self) -> &B {
        &self.body
    }

    /// The inner body. A call that was not yet settled counts as abandoned.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.body
    }
}

impl<B, N> ResponseBody<B, N>
where
    B: Body,
    N: ClassifyEnd<B::Error>,
{
    /// A body that settles its call; at once if it has ended already.
    pub(super) fn unsettled(body: B, mut watch: Watch<N>) -> Self {
        if body.is_end_stream() || watch.is_whole() {
            watch.settle(Ok::<_, &B::Error>(None));
            return Self::settled(body);
        }
        Self { body, watch: Some(watch) }
    }
}

impl<N> Watch<N> {
    /// `length` is that of the body, where nothing can come after it.
    pub(super) fn new(
        permit: Permit,
        end: N,
        deadline: Option<Deadline>,
        length: Option<u64>,
    ) -> Self {
        let due = deadline.map(|Deadline { after, outcome }| Due {
            at: permit.circuit().now().after(after),
            outcome,
        });
        let left = length.unwrap_or(u64::MAX);
        Self { admission: Some(permit.into_admission()), end: Some(end), due, left }
    }

    /// Asks what the end is worth, and records that.
    fn settle<E>(&mut self, end: Result<Option<&HeaderMap>, &E>)
    where
        N: ClassifyEnd<E>,
    {
        // Held by this frame while user code runs: if that panics, the call counts as abandoned.
        let admission = self.admission.take();
        if let (Some(admission), Some(classify)) = (admission, self.end.take()) {
            admission.record(classify.classify_end(end));
        }
    }

    /// Records what was set for a body that has not ended by now, if its time is over.
    fn settle_if_due(&mut self) {
        let (Some(due), Some(admission)) = (self.due, &self.admission) else {
            return;
        };
        if admission.holder().now() >= due.at {
            if let Some(admission) = self.admission.take() {
                admission.record(due.outcome);
            }
            self.end = None;
        }
    }

    fn is_settled(&self) -> bool {
        self.admission.is_none()
    }

    /// This, unless it is settled: now by its deadline, or because user code has panicked.
    fn waiting(&mut self) -> Option<&mut Self> {
        self.settle_if_due();
        (!self.is_settled()).then_some(self)
    }

    /// Whether all that was announced has passed by.
    fn is_whole(&self) -> bool {
        self.left == 0
    }

    /// Shows data that passes by to what is asked at the end.
    fn data<E>(&mut self, data: &impl Buf)
    where
        N: ClassifyEnd<E>,
    {
        self.left = self.left.saturating_sub(data.remaining() as u64);
        let Some(end) = &mut self.end else {
            return;
        };
        let guard = AbandonedOnPanic(Some(&mut self.admission));
        show(data, end);
        guard.disarm();
    }
}

/// Gives the call up, as abandoned, if it is dropped while user code panics.
struct AbandonedOnPanic<'a>(Option<&'a mut Option<Admission<Circuit>>>);

impl AbandonedOnPanic<'_> {
    #[inline]
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for AbandonedOnPanic<'_> {
    // Cannot panic, as for `Admission`.
    #[inline]
    fn drop(&mut self) {
        if let Some(admission) = self.0.take() {
            *admission = None;
        }
    }
}

fn show<E>(data: &impl Buf, end: &mut impl ClassifyEnd<E>) {
    let mut slices = [IoSlice::new(&[]); MOST_SLICES];
    let filled = data.chunks_vectored(&mut slices);
    let slices = slices.get(..filled).unwrap_or(&[]);
    if slices.iter().map(|slice| slice.len()).sum::<usize>() < data.remaining() {
        return end.data(None);
    }
    for slice in slices {
        end.data(Some(slice));
    }
}

/// Frames are one slice, or a prefix and one; a frame of more is not looked into.
const MOST_SLICES: usize = 16;

impl<N> Drop for Watch<N> {
    // Cannot panic, unless the circuit's clock does.
    fn drop(&mut self) {
        self.settle_if_due();
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
        let Some(watch) = this.watch.as_mut().and_then(Watch::waiting) else {
            return this.body.poll_frame(cx);
        };
        let guard = FailureOnPanic::arm(&mut watch.admission);
        let polled = this.body.as_mut().poll_frame(cx);
        guard.disarm();
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => watch.settle(Ok::<_, &B::Error>(None)),
            Poll::Ready(Some(Err(error))) => watch.settle(Err(error)),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    watch.data::<B::Error>(data);
                }
                if let Some(trailers) = frame.trailers_ref() {
                    watch.settle(Ok::<_, &B::Error>(Some(trailers)));
                } else if watch.is_whole() || this.body.is_end_stream() {
                    watch.settle(Ok::<_, &B::Error>(None));
                }
            }
        }
        if watch.is_settled() {
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
