//! The frames that all readers of the events share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde::Serialize;
use tokio::time::Instant;
use tower_circuit_breaker::Health;

use crate::access::Caller;
use crate::audit::AuditEntry;
use crate::encode::{event, to_json};
use crate::frame::Frame;
use crate::state::AdminState;
use crate::sync::lock;
use crate::view::CircuitView;
use crate::watch::{FEW_ENTRIES, Watch};

/// The last frames.
///
/// While anybody reads, the circuits are looked at once a tick, by the first reader that comes;
/// otherwise never. A reader that falls behind by more than the frames that are kept starts anew.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Arc<AdminState>,
    ring: Mutex<Ring>,
}

#[derive(Debug)]
struct Ring {
    frames: VecDeque<Frame>,
    /// The number of the frame to come.
    next: u64,
    /// For each that may be sent one; see [`Hub::full`].
    full: [Option<(u64, Bytes)>; 3],
    /// Away while somebody looks.
    watch: Option<Watch>,
    readers: usize,
    is_over: bool,
}

/// What there is for a reader.
pub(crate) enum Reading {
    Start,
    Frame(Frame),
    Missed(u64),
    Nothing,
    Over,
}

/// What is sent to a reader first.
#[derive(Debug, Serialize)]
struct Full {
    health: Health,
    control: bool,
    circuits: Vec<CircuitView>,
    audit: Vec<AuditEntry>,
}

/// The watch, lent to the request that looks. It comes back also when a clock panics.
struct Turn<'a> {
    hub: &'a Hub,
    watch: Watch,
    frames: Vec<Frame>,
}

impl Hub {
    pub(crate) fn new(state: Arc<AdminState>) -> Self {
        let ring = Ring {
            frames: VecDeque::new(),
            next: 0,
            full: [const { None }; 3],
            watch: Some(Watch::default()),
            readers: 0,
            is_over: false,
        };
        Self { state, ring: Mutex::new(ring) }
    }

    /// One reader more, unless there are too many.
    pub(crate) fn enter(&self) -> bool {
        let mut ring = lock(&self.ring);
        let has_place = ring.readers < MOST_READERS;
        ring.readers += usize::from(has_place);
        has_place
    }

    pub(crate) fn leave(&self) {
        let mut ring = lock(&self.ring);
        ring.readers = ring.readers.saturating_sub(1);
    }

    /// There will be no more frames.
    pub(crate) fn end(&self) {
        lock(&self.ring).is_over = true;
    }

    pub(crate) fn read(&self, next: Option<u64>) -> Reading {
        let ring = lock(&self.ring);
        if ring.is_over {
            return Reading::Over;
        }
        let Some(next) = next else { return Reading::Start };
        let kept = u64::try_from(ring.frames.len()).unwrap_or(u64::MAX);
        let oldest = ring.next.saturating_sub(kept);
        if next < oldest {
            return Reading::Missed(oldest - next);
        }
        let frame = usize::try_from(next - oldest).ok().and_then(|place| ring.frames.get(place));
        frame.cloned().map_or(Reading::Nothing, Reading::Frame)
    }

    /// Everything that `caller` may see, and the number of the frame that goes on from it.
    pub(crate) fn full(&self, caller: Caller) -> (u64, Bytes) {
        let sort = usize::from(caller >= Caller::Insider) + usize::from(caller >= Caller::Operator);
        let ring = lock(&self.ring);
        let next = ring.next;
        match ring.full.get(sort) {
            Some(Some(full)) if full.0 == next => return full.clone(),
            _ => drop(ring),
        }
        let sees_all = caller >= Caller::Insider;
        let full = Full {
            health: self.state.registry.health(),
            control: caller >= Caller::Operator,
            circuits: self.state.views(),
            audit: if sees_all { self.state.audit.after(0, FEW_ENTRIES) } else { Vec::new() },
        };
        let full = event("snapshot", &to_json(&full));
        if let Some(kept) = lock(&self.ring).full.get_mut(sort) {
            *kept = Some((next, full.clone()));
        }
        (next, full)
    }

    /// Looks at the circuits, if it is time and nobody does.
    pub(crate) fn turn(&self) {
        let now = Instant::now();
        let due = lock(&self.ring).watch.take_if(|watch| watch.is_due(now));
        let Some(watch) = due else { return };
        // Clocks are user code: not under the lock.
        let mut turn = Turn { hub: self, watch, frames: Vec::new() };
        turn.frames = turn.watch.look(&self.state, now);
    }
}

impl Drop for Turn<'_> {
    // Cannot panic: it moves values into collections.
    fn drop(&mut self) {
        let mut ring = lock(&self.hub.ring);
        ring.watch = Some(std::mem::take(&mut self.watch));
        for frame in self.frames.drain(..) {
            ring.push(frame);
        }
    }
}

impl Ring {
    fn push(&mut self, frame: Frame) {
        if self.frames.len() >= KEPT_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
        self.next = self.next.wrapping_add(1);
    }
}

/// At least three seconds of them. A frame has 300 bytes for each circuit that was called.
const KEPT_FRAMES: usize = 16;
/// More people than look at one process.
const MOST_READERS: usize = 1024;
