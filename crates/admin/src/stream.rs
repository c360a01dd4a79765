//! One reader of the live events.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use crate::access::Caller;
use crate::encode::event;
use crate::hub::{Hub, Reading};
use crate::watch::TICK;

/// Reads the frames of the [`Hub`] at its own pace.
///
/// It keeps no frame of its own. Nobody wakes it: it looks for itself at each tick, so that neither
/// calls nor operators do anything for a reader.
pub(crate) struct EventStream {
    hub: Arc<Hub>,
    caller: Caller,
    /// The number of the frame to read next; a full one comes first.
    next: Option<u64>,
    tick: Pin<Box<Sleep>>,
}

impl EventStream {
    /// A reader, unless there are too many.
    pub(crate) fn open(hub: &Arc<Hub>, caller: Caller) -> Option<Self> {
        let tick = Box::pin(tokio::time::sleep(TICK));
        hub.enter().then(|| Self { hub: Arc::clone(hub), caller, next: None, tick })
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            self.hub.turn();
            match self.hub.read(self.next) {
                Reading::Over => return Poll::Ready(None),
                Reading::Start => {
                    let (next, full) = self.hub.full(self.caller);
                    self.next = Some(next);
                    return Poll::Ready(Some(full));
                }
                Reading::Missed(missed) => {
                    self.next = None;
                    let gap = format!(r#"{{"missed":{missed}}}"#);
                    return Poll::Ready(Some(event("gap", gap.as_bytes())));
                }
                Reading::Frame(frame) => {
                    self.next = self.next.map(|next| next.wrapping_add(1));
                    if !frame.is_for_insiders || self.caller >= Caller::Insider {
                        return Poll::Ready(Some(frame.bytes));
                    }
                    continue;
                }
                Reading::Nothing => {}
            }
            ready!(self.tick.as_mut().poll(cx));
            self.tick.as_mut().reset(Instant::now() + TICK);
        }
    }
}

impl Drop for EventStream {
    // Cannot panic: it counts one reader less.
    fn drop(&mut self) {
        self.hub.leave();
    }
}
