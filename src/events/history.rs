//! The last events of a circuit, and subscriptions that read them at their own pace.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::engine::time::Timestamp;
use crate::events::event::CircuitEvent;
use crate::sync::catch_panic::catch_panic;
use crate::sync::{Arc, Mutex, lock};

/// The last events of a circuit, or of several.
#[derive(Debug)]
pub(crate) struct History {
    ring: Mutex<Ring>,
    most: usize,
}

/// The subscriptions that wait for events.
#[must_use = "they wait to be woken"]
pub(crate) struct Readers(HashMap<u64, Waker>);

#[derive(Debug)]
struct Ring {
    events: VecDeque<(Timestamp, CircuitEvent)>,
    /// The number of the event to come; the first is 1.
    next: u64,
    readers: HashMap<u64, Waker>,
    next_reader: u64,
    is_over: bool,
}

/// One of the last events of a circuit, with its number and its age.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RecentEvent {
    /// The number of the event among those of the circuit; the first is 1.
    pub number: u64,
    /// How long ago it happened.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub ago: Duration,
    /// The event itself.
    pub event: CircuitEvent,
}

/// An item of a [`Subscription`]: an event, or the number of events it has lagged behind.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an event is read or missed")]
pub enum Delivery {
    /// The next event.
    Event(CircuitEvent),
    /// This many events were dropped before the subscription read them.
    Lagged(u64),
}

/// A subscription to the events of a circuit, which reads them in order and at its own pace.
///
/// From [`Circuit::subscribe`](crate::Circuit::subscribe). No call waits for it. A subscription
/// that lags by more events than are kept gets the number of events it has lost, and goes on with
/// the oldest one that is left.
pub struct Subscription {
    history: Arc<History>,
    /// The number of the event to read next.
    next: u64,
    key: u64,
}

impl History {
    pub(crate) fn new(most: usize) -> Self {
        let ring = Ring {
            events: VecDeque::new(),
            next: 1,
            readers: HashMap::new(),
            next_reader: 0,
            is_over: false,
        };
        Self { ring: Mutex::new(ring), most }
    }

    /// Keeps the next events, and drops the oldest when there are too many. Returns the
    /// subscriptions that wait for them, to be woken where no lock is held.
    pub(crate) fn push(&self, events: &[CircuitEvent], now: Timestamp) -> Readers {
        let mut ring = lock(&self.ring);
        for event in events {
            if ring.events.len() >= self.most {
                ring.events.pop_front();
            }
            ring.events.push_back((now, event.clone()));
            ring.next = ring.next.wrapping_add(1);
        }
        Readers(std::mem::take(&mut ring.readers))
    }

    /// Ends the history: there will be no more events.
    pub(crate) fn end(&self) {
        let mut ring = lock(&self.ring);
        ring.is_over = true;
        let readers = Readers(std::mem::take(&mut ring.readers));
        drop(ring);
        readers.wake();
    }

    /// The events that are kept, the oldest first.
    pub(crate) fn recent(&self, now: Timestamp) -> Vec<RecentEvent> {
        let ring = lock(&self.ring);
        let numbers = ring.oldest()..;
        let recent = |(number, (at, event)): (u64, &(Timestamp, CircuitEvent))| RecentEvent {
            number,
            ago: now.since(*at),
            event: event.clone(),
        };
        numbers.zip(&ring.events).map(recent).collect()
    }

    /// Subscribes to the events from now on.
    pub(crate) fn subscribe(self: &Arc<Self>) -> Subscription {
        let mut ring = lock(&self.ring);
        ring.next_reader = ring.next_reader.wrapping_add(1);
        Subscription { history: Arc::clone(self), next: ring.next, key: ring.next_reader }
    }
}

impl Readers {
    pub(crate) fn wake(self) {
        for reader in self.0.into_values() {
            let _ = catch_panic(|| reader.wake());
        }
    }
}

impl Ring {
    /// The number of the oldest event that is kept.
    fn oldest(&self) -> u64 {
        let kept = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        self.next.saturating_sub(kept)
    }

    /// The event of this number or, where it was dropped, how many were dropped.
    fn read(&self, number: u64) -> Option<Delivery> {
        let missed = self.oldest().saturating_sub(number);
        if missed > 0 {
            return Some(Delivery::Lagged(missed));
        }
        let place = usize::try_from(number.saturating_sub(self.oldest())).ok()?;
        self.events.get(place).map(|(_, event)| Delivery::Event(event.clone()))
    }
}

impl Subscription {
    /// Waits for the next event; `None` once the circuit has been dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the event comes next time.
    pub async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next event, as [`next`](Self::next) does.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        // A waker's clone and drop are the executor's code: not under the lock.
        let waker = cx.waker().clone();
        let mut ring = lock(&self.history.ring);
        if let Some(delivery) = ring.read(self.next) {
            let read = match delivery {
                Delivery::Event(_) => 1,
                Delivery::Lagged(missed) => missed,
            };
            self.next = self.next.wrapping_add(read);
            return Poll::Ready(Some(delivery));
        }
        if ring.is_over {
            return Poll::Ready(None);
        }
        let old = ring.readers.insert(self.key, waker);
        drop(ring);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Subscription {
    // Cannot panic, unless the executor's waker does.
    fn drop(&mut self) {
        let waker = lock(&self.history.ring).readers.remove(&self.key);
        drop(waker);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("next", &self.next).finish_non_exhaustive()
    }
}
