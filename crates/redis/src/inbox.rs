//! What Redis has said and the task has not yet heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::mpsc;

/// Takes messages as fast as they come, up to a number and a size; what finds no room is counted, and
/// read from Redis afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    pushes: mpsc::Sender<Push>,
    room: Arc<Room>,
}

/// What comes unasked.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) generation: u64,
    pub(crate) what: Pushed,
    #[expect(dead_code, reason = "its room is free again when it is dropped")]
    place: Place,
}

#[derive(Debug)]
pub(crate) enum Pushed {
    /// The fleet has changed a circuit.
    Message(Vec<u8>),
    /// The connection is over.
    Disconnected,
    /// Sentinels name another primary.
    Elsewhere,
}

#[derive(Debug, Default)]
struct Room {
    /// Of the messages that wait.
    bytes: AtomicUsize,
    lagged: AtomicU64,
    oversized: AtomicU64,
}

/// So many bytes of the room, until this is dropped.
#[derive(Debug)]
struct Place {
    room: Arc<Room>,
    bytes: usize,
}

impl Inbox {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Push>) {
        let (pushes, pushed) = mpsc::channel(MOST);
        (Self { pushes, room: Arc::default() }, pushed)
    }

    /// Keeps what has come over the connection of this generation, if there is room for it.
    pub(crate) fn put(&self, generation: u64, what: Pushed) {
        let bytes = match &what {
            Pushed::Message(message) if message.len() > LONGEST_MESSAGE => {
                // Relaxed: it stands for itself; so does `lagged`.
                self.room.oversized.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Pushed::Message(message) => message.len(),
            Pushed::Disconnected | Pushed::Elsewhere => 0,
        };
        let put = Place::take(&self.room, bytes)
            .is_some_and(|place| self.pushes.try_send(Push { generation, what, place }).is_ok());
        if !put {
            // Relaxed: all is read again when it has grown.
            self.room.lagged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of messages that found no room.
    pub(crate) fn lagged(&self) -> u64 {
        // Relaxed: as in `put`.
        self.room.lagged.load(Ordering::Relaxed)
    }

    /// The number of messages that were too long to be one of the fleet.
    pub(crate) fn oversized(&self) -> u64 {
        // Relaxed: as in `put`.
        self.room.oversized.load(Ordering::Relaxed)
    }
}

impl Place {
    fn take(room: &Arc<Room>, bytes: usize) -> Option<Self> {
        // Relaxed: a number by itself; what it counts goes through the channel.
        let before = room.bytes.fetch_add(bytes, Ordering::Relaxed);
        // Also where there is no room: the bytes are given back as it is dropped.
        let place = Self { room: Arc::clone(room), bytes };
        (before.saturating_add(bytes) <= MOST_BYTES).then_some(place)
    }
}

impl Drop for Place {
    // Cannot panic: it counts.
    fn drop(&mut self) {
        // Relaxed: as in `take`.
        self.room.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// How many messages wait; beyond that all is read again.
const MOST: usize = 1024;
/// Of all that wait.
const MOST_BYTES: usize = 1 << 20;
/// A record has 1024 bytes at most; the rest is for the circuit's name, and one that is longer is in no
/// message.
const LONGEST_MESSAGE: usize = 4096;

#[cfg(test)]
mod tests;
