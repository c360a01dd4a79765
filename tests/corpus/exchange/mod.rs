//! HTTP exchanges through one circuit, and what the documentation says that each is worth.
//!
//! `decode` reads a script from bytes, `run` takes it with the circuit and its model side by side,
//! `oracle` says what each exchange is worth. Nothing here asks the crate what it would answer.

mod ask;
mod body;
mod dates;
mod decode;
mod hints;
mod oracle;
mod own;
mod run;
mod seen;

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{HeaderMap, Method, Version};
use tower_circuit_breaker::Outcome;
use tower_circuit_breaker_test::model::Settings;

/// Takes `bytes` as a script.
///
/// # Errors
///
/// Which step it was, and what differed.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let (settings, script) = decode::decode(bytes);
    run::run(settings, &script)
}

#[derive(Debug)]
enum Step {
    Call(Box<Exchange>),
    /// Asks one of the bodies for a frame.
    Poll(usize),
    /// Reads one of the bodies for as long as there is something.
    Read(usize),
    Drop(usize),
    /// Takes the inner body out of one, and drops that.
    TakeApart(usize),
    Advance(Duration),
    Trip,
    Reset,
    Reconfigure(Box<Settings>),
}

/// A request, what answers it, and who judges the answer.
#[derive(Debug)]
struct Exchange {
    method: Method,
    classifier: Classifier,
    deadline: Option<Deadline>,
    answer: Answer,
    body: Frames,
}

#[derive(Debug)]
struct Deadline {
    after: Duration,
    outcome: Outcome,
}

#[derive(Debug)]
enum Classifier {
    Errors,
    ServerErrors(Ignored, Hints),
    Statuses(RangeInclusive<u16>, Ignored, Hints),
    /// A bit for each code of which something is said, and what.
    Grpc(u32, Said, Hints),
    /// Up to a limit; [`own::of_body`] is the closure.
    ReadBody(usize),
    Closure(Verdict),
    Own(Own),
}

#[derive(Debug, Clone, Copy)]
enum Said {
    Success,
    Failure,
    Ignored,
}

/// Statuses that are ignored, in as many calls.
type Ignored = &'static [RangeInclusive<u16>];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hints {
    Unheeded,
    Heeded,
}

/// What user code says when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Is(Outcome),
    Panics,
}

/// A classifier of the user's own.
#[derive(Debug, Clone, Copy)]
struct Own {
    begins: Verdict,
    /// `None`: the end is to decide.
    head: Option<Verdict>,
    /// After so many bytes looking at data panics.
    most_data: Option<usize>,
    /// What an end without trailers is, one with them, and a body that breaks.
    ends: [Verdict; 3],
}

#[derive(Debug)]
enum Answer {
    /// An error of `poll_ready`.
    Unready,
    /// A panic in `call`, and one while the call is polled.
    PanicsAtOnce,
    Panics,
    Error,
    /// The error of a circuit further in.
    Rejection,
    Head(Head),
}

#[derive(Debug)]
struct Head {
    status: u16,
    version: Version,
    headers: HeaderMap,
    /// It is the answer of a circuit further in.
    is_rejection: bool,
}

/// What a body does, poll by poll; afterwards it has ended.
#[derive(Debug, Clone, Default)]
struct Frames {
    frames: Vec<Frame>,
    says_its_end: bool,
    knows_its_size: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Frame {
    /// In pieces of memory.
    Data(Vec<Vec<u8>>),
    Trailers(HeaderMap),
    Breaks,
    Stalls,
    Panics,
}

impl Frames {
    /// What it says after so many polls.
    fn is_end_stream(&self, polls: usize) -> bool {
        self.says_its_end && polls >= self.frames.len()
    }

    /// The bytes that are still to come before trailers, where it knows that.
    fn size_left(&self, polls: usize) -> Option<u64> {
        let rest = self.frames.iter().skip(polls);
        let sizes = rest.map_while(|frame| match frame {
            Frame::Data(pieces) => Some(pieces.iter().map(Vec::len).sum::<usize>()),
            Frame::Trailers(_) => None,
            Frame::Breaks | Frame::Stalls | Frame::Panics => Some(0),
        });
        self.knows_its_size.then(|| sizes.sum::<usize>() as u64)
    }
}
