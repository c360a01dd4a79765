//! Code of the user's own: classifiers and closures that say what they are told to.

use std::panic::resume_unwind;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tower_circuit_breaker::completion::Decision;
use tower_circuit_breaker::http::{ClassifyEnd, ClassifyHttp};
use tower_circuit_breaker::{FailureKind, Outcome};

use crate::exchange::{Own, Verdict};

/// What panics of a script carry.
#[derive(Debug)]
pub(super) struct OnPurpose;

/// Panics without the hook, which ends the process under a fuzzer.
pub(super) fn panic_on_purpose() -> ! {
    resume_unwind(Box::new(OnPurpose))
}

impl Verdict {
    pub(super) fn say(self) -> Outcome {
        match self {
            Self::Is(outcome) => outcome,
            Self::Panics => panic_on_purpose(),
        }
    }
}

/// What the closure of `ReadBody` says.
pub(super) fn of_body(status: StatusCode, body: &[u8]) -> Verdict {
    match body {
        b"no" => Verdict::Is(Outcome::Failure(FailureKind::new("no"))),
        [b'!', ..] => Verdict::Panics,
        [.., b'?'] => Verdict::Is(Outcome::Ignored),
        [] if status != StatusCode::OK => Verdict::Is(Outcome::Ignored),
        _ => Verdict::Is(Outcome::Success),
    }
}

#[derive(Debug)]
pub(super) struct OwnEnd {
    own: Own,
    seen: usize,
}

impl<B: Body, E> ClassifyHttp<B, E> for Own {
    type Call = ();
    type End = OwnEnd;

    fn begin<R>(&self, _: &Request<R>) {
        if self.begins == Verdict::Panics {
            panic_on_purpose();
        }
    }

    fn classify_head(&self, (): (), _: &Result<Response<B>, E>) -> Decision<OwnEnd> {
        match self.head {
            Some(verdict) => Decision::Now(verdict.say()),
            None => Decision::AtEnd(OwnEnd { own: *self, seen: 0 }),
        }
    }
}

impl<E> ClassifyEnd<E> for OwnEnd {
    fn data(&mut self, chunk: Option<&[u8]>) {
        self.seen += chunk.map_or(0, <[u8]>::len);
        if self.own.most_data.is_some_and(|most| self.seen > most) {
            panic_on_purpose();
        }
    }

    fn classify_end(self, end: Result<Option<&HeaderMap>, &E>) -> Outcome {
        let [without, with, broken] = self.own.ends;
        match end {
            Ok(None) => without.say(),
            Ok(Some(_)) => with.say(),
            Err(_) => broken.say(),
        }
    }
}
