//! A call of a scripted service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::answer::{Delay, End};
use crate::scripted::ScriptedService;

/// A call of a [`ScriptedService`].
#[must_use = "futures do nothing unless polled"]
pub struct ScriptedFuture<Req, T, E> {
    pub(super) service: ScriptedService<Req, T, E>,
    /// `None` once it has ended.
    pub(super) pending: Option<(Delay, End<T, E>)>,
}

/// Nothing in it is pinned.
impl<Req, T, E> Unpin for ScriptedFuture<Req, T, E> {}

impl<Req, T, E> Future for ScriptedFuture<Req, T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (delay, end) = self.pending.as_mut().expect("polled after completion");
        if delay.is_on(cx) || matches!(end, End::Never) {
            return Poll::Pending;
        }
        let ended = self.pending.take();
        self.service.change(|seen| seen.in_flight -= 1);
        match ended {
            Some((_, End::Result(result))) => Poll::Ready(result),
            Some((_, End::Panic(message) | End::PanicInCall(message))) => panic!("{message}"),
            // A call asks for readiness first, so this one came by a clone that was ready before.
            Some((_, End::Unready(error))) => Poll::Ready(Err(error)),
            Some((_, End::Never)) | None => unreachable!("left a few lines above"),
        }
    }
}

impl<Req, T, E> Drop for ScriptedFuture<Req, T, E> {
    // Cannot panic: numbers only.
    fn drop(&mut self) {
        if self.pending.is_some() {
            self.service.change(|seen| {
                seen.in_flight -= 1;
                seen.dropped += 1;
            });
        }
    }
}

impl<Req, T, E> fmt::Debug for ScriptedFuture<Req, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedFuture")
            .field("has_ended", &self.pending.is_none())
            .finish_non_exhaustive()
    }
}
