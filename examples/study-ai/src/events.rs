//! The end of an answer: one that comes as events is whole when its last event says so.
//!
//! A connection that is lost is an error of the body, and any classifier sees that. A provider, or a
//! proxy before it, may also end a body properly in the middle of an answer; that is seen here.

use axum::body::HttpBody;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Request, Response};
use tower_circuit_breaker::completion::Decision;
use tower_circuit_breaker::http::{BODY, ClassifyEnd, ClassifyHttp, ServerErrorsAsFailures};
use tower_circuit_breaker::{Classify, FailureKind, Outcome};

/// The provider's failures: 5xx, 429, errors, broken bodies, events that stop before the last one; a
/// 429 or 503 that asks for a time opens the circuit for as long.
#[derive(Debug, Clone)]
pub(crate) struct WholeAnswers(ServerErrorsAsFailures);

/// The end of one answer.
#[derive(Debug)]
pub(crate) enum End {
    /// It is whole when its body is.
    OfBody,
    /// It is whole after the last event; these are the last bytes that passed by.
    OfEvents(Vec<u8>),
}

impl WholeAnswers {
    pub(crate) fn new() -> Self {
        Self(ServerErrorsAsFailures::new().heed_retry_after())
    }
}

impl<B: HttpBody, E: 'static> ClassifyHttp<B, E> for WholeAnswers {
    type Call = ();
    type End = End;

    fn begin<R>(&self, _: &Request<R>) {}

    fn classify_head(&self, (): (), result: &Result<Response<B>, E>) -> Decision<End> {
        match (self.0.classify(result), result) {
            (Outcome::Success, Ok(response)) => Decision::AtEnd(End::of(response.headers())),
            (outcome, _) => Decision::Now(outcome),
        }
    }
}

impl<E> ClassifyEnd<E> for End {
    fn data(&mut self, chunk: Option<&[u8]>) {
        if let (Self::OfEvents(tail), Some(chunk)) = (self, chunk) {
            tail.extend_from_slice(&chunk[chunk.len().saturating_sub(LAST_EVENT.len())..]);
            tail.drain(..tail.len().saturating_sub(LAST_EVENT.len()));
        }
    }

    fn classify_end(self, end: Result<Option<&HeaderMap>, &E>) -> Outcome {
        match (self, end) {
            (_, Err(_)) => Outcome::Failure(BODY),
            (Self::OfEvents(tail), Ok(_)) if tail != LAST_EVENT => Outcome::Failure(CUT_SHORT),
            _ => Outcome::Success,
        }
    }
}

impl End {
    fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        if content_type.is_some_and(|of| of.starts_with(b"text/event-stream")) {
            return Self::OfEvents(Vec::new());
        }
        Self::OfBody
    }
}

const CUT_SHORT: FailureKind = FailureKind::new("cut_short");
/// What the provider ends every stream with.
pub(crate) const LAST_EVENT: &[u8] = b"data: [DONE]\n\n";
