//! A call whose head has come, and the state of its body so far.

use std::time::Duration;

use bytes::Buf;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Response, Version};

use crate::circuit::Circuit;
use crate::circuit::permit::{Admission, Permit};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::time::{Reading, Timestamp};
use crate::http::classify::{ClassifyEnd, Left};
use crate::http::completion::Deadline;
use crate::http::hints::number;
use crate::http::slices::show;
use crate::sync::catch_panic::catch_panic;

/// A call that is judged at the end of its body. Dropped, it counts as abandoned.
pub(super) struct Judging<N> {
    admission: Admission<Circuit>,
    end: N,
    /// Classifies a body that was dropped. Kept as a pointer, since `Drop` has no bounds.
    classify_left: fn(N, Left) -> Outcome,
    due: Option<Due>,
    course: Course,
}

/// The latest time at which a call is judged, and as what.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Timestamp,
    outcome: Outcome,
}

/// What the head says about the body, and how far the body has come. Small, since it is moved with
/// each call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// How many of the announced bytes are still to come; [`UNKNOWN`] where none were announced.
    left: u64,
    /// Whether nothing can come after the last of them.
    ends_by_length: bool,
    is_event_stream: bool,
    has_begun: bool,
    /// Since when the reader has found nothing; [`Timestamp::NEVER`] while it does not wait.
    waits_since: Timestamp,
}

/// Why a body that has not ended is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its reader has dropped it.
    Dropped,
    /// It was a probe's, and held its slot for long enough.
    HeldBody,
}

/// No length was announced, or one that no body has.
const UNKNOWN: u64 = u64::MAX;

/// A reader that has waited this long for what a body owes drops it for that reason, not for its
/// own.
const BOUND: Duration = Duration::from_secs(1);

impl Course {
    #[inline]
    pub(super) fn of<B>(response: &Response<B>) -> Self {
        let announced = Announced::by(response.headers());
        Self {
            left: announced.length.unwrap_or(UNKNOWN),
            ends_by_length: response.version() <= Version::HTTP_11,
            is_event_stream: announced.is_event_stream,
            has_begun: false,
            waits_since: Timestamp::NEVER,
        }
    }

    /// Whether something of the body is still to come before it is whole.
    const fn owes(self) -> bool {
        match self.left {
            UNKNOWN => !self.has_begun && !self.is_event_stream,
            left => left > 0,
        }
    }

    const fn is_whole(self) -> bool {
        self.left == 0
    }
}

impl<N> Judging<N> {
    #[inline]
    pub(super) fn new<E>(permit: Permit, end: N, deadline: Option<Deadline>, course: Course) -> Self
    where
        N: ClassifyEnd<E>,
    {
        let mut admission = permit.into_admission();
        admission.answer();
        let due = deadline.map(|Deadline { after, outcome }| Due {
            at: admission.holder().now().after(after),
            outcome,
        });
        let classify_left = <N as ClassifyEnd<E>>::classify_left;
        Self { admission, end, classify_left, due, course }
    }

    pub(super) const fn admission(&self) -> &Admission<Circuit> {
        &self.admission
    }

    /// Whether nothing more can come.
    pub(super) fn has_ended(&self) -> bool {
        self.course.ends_by_length && self.course.is_whole()
    }

    /// Whether the body is past its deadline.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| self.admission.holder().now() >= due.at)
    }

    /// Notes that a poll of the reader has found nothing.
    pub(super) fn wait(&mut self) {
        if self.course.waits_since == Timestamp::NEVER {
            self.course.waits_since = self.admission.holder().now();
        }
    }

    /// Notes a frame.
    pub(super) fn go_on(&mut self) {
        self.course.waits_since = Timestamp::NEVER;
        self.course.has_begun = true;
    }

    /// Notes data, and shows it to the classifier of the end.
    pub(super) fn data<E>(&mut self, data: &impl Buf)
    where
        N: ClassifyEnd<E>,
    {
        if self.course.left != UNKNOWN {
            self.course.left = self.course.left.saturating_sub(data.remaining() as u64);
        }
        show(data, &mut self.end);
    }

    /// Records the outcome of the end of the body.
    #[inline]
    pub(super) fn end<E>(self, end: Result<Option<&HeaderMap>, &E>)
    where
        N: ClassifyEnd<E>,
    {
        // Held by this frame while user code runs: if that panics, the call counts as abandoned.
        let admission = self.admission;
        admission.record(self.end.classify_end(end));
    }

    /// Records that the inner body has panicked, in time or past its deadline.
    pub(super) fn panicked(self) {
        let due = self.due.filter(|_| self.is_due());
        let outcome = due.map_or(Outcome::Failure(FailureKind::PANIC), |due| due.outcome);
        self.admission.record(outcome);
    }

    /// Records the outcome of a body that has not ended.
    ///
    /// Does not panic, unless the circuit's clock does: it runs where bodies are dropped, and for
    /// probes on the thread of another call.
    pub(super) fn left(self, why: Why, now: impl FnOnce(&Circuit) -> Timestamp) {
        let Self { admission, end, classify_left, due, course } = self;
        let mut now = Reading::new(|| now(admission.holder()));
        if let Some(due) = due.filter(|due| now.get() >= due.at) {
            return admission.record(due.outcome);
        }
        let waits = course.waits_since != Timestamp::NEVER;
        let waited = if waits { now.get().since(course.waits_since) } else { Duration::ZERO };
        if admission.holder().is_failure_when_abandoned(waited) {
            return admission.record(Outcome::Failure(FailureKind::ABANDONED));
        }
        if why == Why::Dropped && course.owes() && waited >= BOUND {
            return;
        }
        let left = if course.is_whole() { Left::Whole } else { Left::Midway };
        let mut outcome = None;
        catch_panic(|| outcome = Some(classify_left(end, left)));
        if let Some(outcome) = outcome {
            admission.record(outcome);
        }
    }
}

/// What a head announces about its body.
#[derive(Default)]
struct Announced {
    /// The one valid length. A transfer coding takes precedence over any
    /// ([RFC 9112, section 6.3](https://www.rfc-editor.org/rfc/rfc9112#section-6.3)).
    length: Option<u64>,
    is_event_stream: bool,
}

impl Announced {
    /// One walk over the head, which costs less than to look its names up.
    #[inline]
    fn by(headers: &HeaderMap) -> Self {
        let mut announced = Self::default();
        let (mut lengths, mut is_coded) = (0, false);
        for (name, value) in headers {
            match *name {
                CONTENT_LENGTH => {
                    lengths += 1;
                    announced.length = length(value);
                }
                TRANSFER_ENCODING => is_coded = true,
                CONTENT_TYPE => announced.is_event_stream |= is_event_stream(value),
                _ => {}
            }
        }
        announced.length = announced.length.filter(|_| lengths == 1 && !is_coded);
        announced
    }
}

fn length(value: &HeaderValue) -> Option<u64> {
    number(value.to_str().ok()?).filter(|length| *length != UNKNOWN)
}

const EVENT_STREAM: &[u8] = b"text/event-stream";

/// Whether the body is a stream of
/// [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html), whose head
/// may be all that comes for long.
fn is_event_stream(value: &HeaderValue) -> bool {
    match value.as_bytes().split_at_checked(EVENT_STREAM.len()) {
        Some((media, rest)) => {
            media.eq_ignore_ascii_case(EVENT_STREAM)
                && matches!(rest, [] | [b';' | b' ' | b'\t', ..])
        }
        None => false,
    }
}
