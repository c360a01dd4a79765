//! One reader of the live events.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use crate::encode::event;
use crate::live::Live;
use crate::live::frames::{Cursor, ReaderId, Reading};

/// Reads the frames of [`Live`] at its own pace.
///
/// It keeps no frame of its own. The task that looks at the circuits wakes it; neither calls nor
/// operators do anything for a reader.
pub(crate) struct EventStream {
    live: Arc<Live>,
    reader: ReaderId,
    place: Cursor,
    has_begun: bool,
    watch: Pin<Box<Sleep>>,
}

impl EventStream {
    /// A reader of what comes after `after`, or after what is there; unless there are too many.
    pub(crate) fn open(live: &Arc<Live>, after: Option<Cursor>) -> Option<Self> {
        // First, since it panics where the runtime has no timer.
        let watch = Box::pin(tokio::time::sleep(WATCH));
        let (reader, end) = live.enter()?;
        let (live, place) = (Arc::clone(live), after.unwrap_or(end));
        Some(Self { live, reader, place, has_begun: false, watch })
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.has_begun {
            self.has_begun = true;
            return Poll::Ready(Some(Bytes::from_static(BEGIN)));
        }
        loop {
            let (reading, next) = self.live.read(self.place, self.reader, cx.waker());
            self.place = next;
            match reading {
                Reading::Over => return Poll::Ready(None),
                Reading::Frame(frame) => return Poll::Ready(Some(frame)),
                Reading::Gone => {
                    return Poll::Ready(Some(event(Some(&next.to_string()), "gone", b"{}")));
                }
                Reading::Nothing => {}
            }
            ready!(self.watch.as_mut().poll(cx));
            self.watch.as_mut().reset(Instant::now() + WATCH);
            self.live.start();
        }
    }
}

impl Drop for EventStream {
    // Cannot panic: it counts one reader less.
    fn drop(&mut self) {
        self.live.leave(self.reader);
    }
}

/// Browsers wait for so many milliseconds before they come back.
const BEGIN: &[u8] = b"retry: 2000\n\n";
/// The task that looks may have gone with the runtime that it was on.
const WATCH: Duration = Duration::from_secs(1);
