//! The frames that all readers of the events are sent.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use tokio::time::Instant;

use crate::encode::event;
use crate::problem::{Problem, quoted};
use crate::query::Query;

/// The frames of the last ten seconds, and who waits for the next.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Of this service alone: the numbers of another one mean something else.
    boot: u32,
    kept: VecDeque<(Instant, Bytes)>,
    /// The number of the frame to come.
    next: u64,
    readers: usize,
    entered: u64,
    waiting: HashMap<ReaderId, Waker>,
    is_over: bool,
}

/// A reader among all that there ever were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReaderId(u64);

/// A place in the sequence of frames, as `<boot>-<seq>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    boot: u32,
    seq: u64,
}

/// What there is for a reader.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Frame(Bytes),
    /// It is not known what has happened since.
    Gone,
    Nothing,
    Over,
}

impl Frames {
    pub(crate) fn new() -> Self {
        let random = RandomState::new().hash_one("boot");
        Self {
            boot: u32::try_from(random >> 32).unwrap_or_default(),
            kept: VecDeque::new(),
            // So that there is a place before all frames.
            next: 2,
            readers: 0,
            entered: 0,
            waiting: HashMap::new(),
            is_over: false,
        }
    }

    /// After the last frame so far.
    pub(crate) const fn end(&self) -> Cursor {
        Cursor { boot: self.boot, seq: self.next - 1 }
    }

    /// A place from which nothing goes on.
    pub(crate) const fn nowhere(&self) -> Cursor {
        Cursor { boot: self.boot, seq: 0 }
    }

    /// One reader more, unless there are too many.
    pub(crate) fn enter(&mut self) -> Option<ReaderId> {
        if self.readers >= MOST_READERS {
            return None;
        }
        self.readers += 1;
        self.entered += 1;
        Some(ReaderId(self.entered))
    }

    /// One reader less; its waker is to be dropped after the lock, since that is user code.
    #[must_use]
    pub(crate) fn leave(&mut self, reader: ReaderId) -> Option<Waker> {
        self.readers = self.readers.saturating_sub(1);
        self.waiting.remove(&reader)
    }

    pub(crate) const fn has_readers(&self) -> bool {
        self.readers > 0
    }

    /// What comes after `place`.
    pub(crate) fn after(&self, place: Cursor) -> Reading {
        if self.is_over {
            return Reading::Over;
        }
        let oldest = self.next - u64::try_from(self.kept.len()).unwrap_or(0);
        let wanted = place.seq.saturating_add(1);
        if place.boot != self.boot || wanted < oldest.max(2) || wanted > self.next {
            return Reading::Gone;
        }
        let index = usize::try_from(wanted - oldest).unwrap_or(usize::MAX);
        let frame = self.kept.get(index).map(|(_, frame)| frame.clone());
        frame.map_or(Reading::Nothing, Reading::Frame)
    }

    /// Has a reader woken once there is something; gives the waker that it had before, to be dropped
    /// after the lock.
    #[must_use]
    pub(crate) fn wait(&mut self, reader: ReaderId, waker: Waker) -> Option<Waker> {
        self.waiting.insert(reader, waker)
    }

    /// Those who wait, to be woken after the lock.
    #[must_use]
    pub(crate) fn waiting(&mut self) -> Vec<Waker> {
        self.waiting.drain().map(|(_, waker)| waker).collect()
    }

    /// Adds one.
    pub(crate) fn push(&mut self, name: &str, json: &[u8], now: Instant) {
        let place = Cursor { boot: self.boot, seq: self.next };
        self.next += 1;
        self.kept.push_back((now, event(Some(&place.to_string()), name, json)));
        while self.kept.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > KEPT_FOR)
            || self.kept.len() > MOST_KEPT
        {
            self.kept.pop_front();
        }
    }

    /// Nobody has looked for a while: what has happened since the last frame is told to nobody.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
        self.next += 1;
    }

    /// There will be no more frames.
    pub(crate) const fn close(&mut self) {
        self.is_over = true;
    }
}

impl Cursor {
    pub(crate) const KNOWN: &str = "?after";

    /// Where a reader wants to go on: by what a browser says of itself when it comes back, which is the
    /// newer, or by `?after=`. A place in the header that cannot be read is one that is gone.
    pub(crate) fn asked_for(
        query: &mut Query,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, Problem> {
        let after = query.take("after").map(|text| {
            Self::parse(&text).ok_or_else(|| {
                let found = quoted(&text);
                Problem::bad_request(format!(
                    "?after is the `seq` of an answer or the id of an event, such as 0a1b2c3d-17, \
                     not {found}"
                ))
            })
        });
        let after = after.transpose()?;
        let last = headers.get(LAST_EVENT_ID).map(|last| {
            let read = last.to_str().ok().and_then(Self::parse);
            read.unwrap_or(Self { boot: 0, seq: 0 })
        });
        Ok(last.or(after))
    }

    /// Reads `<boot>-<seq>`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (boot, seq) = text.split_once('-')?;
        let is_plain = seq.bytes().all(|digit| digit.is_ascii_digit());
        let boot = (boot.len() == 8).then(|| u32::from_str_radix(boot, 16).ok()).flatten()?;
        Some(Self { boot, seq: is_plain.then(|| seq.parse().ok()).flatten()? })
    }

    /// The place after one frame more.
    pub(crate) const fn next(self) -> Self {
        Self { boot: self.boot, seq: self.seq.saturating_add(1) }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}-{}", self.boot, self.seq)
    }
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A reader that has lost its connection for a moment goes on where it was.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(10);
/// Those of ten seconds are fewer: four looks a second, of three frames at most.
const MOST_KEPT: usize = 160;
/// More people than look at one process.
const MOST_READERS: usize = 1024;
