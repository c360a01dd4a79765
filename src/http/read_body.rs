//! The classifier that reads response bodies.

use std::fmt;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;

use crate::circuit::classify::Classify;
use crate::engine::outcome::Outcome;
use crate::error::ErrorRef;
use crate::http::classify::{BODY, ClassifyEnd, ClassifyHttp, Left, unless_success};
use crate::http::status::ServerErrorsAsFailures;
use crate::service::completion::Decision;
use crate::sync::Arc;

/// The classifier that asks a closure what a response counts as, by its status and whole body.
///
/// For upstreams that report errors with a 200. The body is copied while it is read, up to a limit,
/// and nothing is held back. The closure is asked when the body has ended. A body that is longer
/// than the limit is no longer copied; its end is a success, as without this classifier. 5xx,
/// errors and broken bodies are failures as by [`ServerErrorsAsFailures`], without asking the
/// closure. Nor is it asked if there is no body, as after `HEAD` or with a 204: that is a success
/// at the head, as [everywhere](crate::http).
///
/// Costs a copy of each body up to the limit while it is read. Use it with
/// [`judge_body`](crate::CircuitBreakerLayer::judge_body).
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::http::{ReadBody, layer};
/// use tower_circuit_breaker::{Circuit, FailureKind, Outcome};
///
/// let layer = layer(Circuit::builder("legacy").build()).classify_with(
///     ReadBody::new(|_status, body: &[u8]| match body {
///         br#"{"ok":false}"# => Outcome::Failure(FailureKind::new("not_ok")),
///         _ => Outcome::Success,
///     })
///     .limit(4 * 1024),
/// );
/// # let _ = layer;
/// ```
pub struct ReadBody<F> {
    judge: Arc<F>,
    limit: usize,
}

/// The classifier of the end of one body, which keeps the copy; from [`ReadBody`].
pub struct ReadBodyEnd<F> {
    judge: Arc<F>,
    limit: usize,
    status: StatusCode,
    /// The copy so far; `None` once the body is longer than the limit.
    read: Option<Vec<u8>>,
}

impl<F> ReadBody<F>
where
    F: Fn(StatusCode, &[u8]) -> Outcome,
{
    /// Makes a classifier that asks `judge` about each body of up to 64 KiB.
    #[must_use]
    pub fn new(judge: F) -> Self {
        Self { judge: Arc::new(judge), limit: 64 * 1024 }
    }

    /// Sets the length of the longest body that is copied, in bytes. Default 64 KiB.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

impl<F, B, E> ClassifyHttp<B, E> for ReadBody<F>
where
    F: Fn(StatusCode, &[u8]) -> Outcome + Send + Sync + 'static,
    B: Body,
    E: 'static,
{
    type Call = ();
    type End = ReadBodyEnd<F>;

    fn begin<R>(&self, _request: &Request<R>) {}

    fn classify_head(&self, (): (), result: &Result<Response<B>, E>) -> Decision<ReadBodyEnd<F>> {
        match (unless_success(ServerErrorsAsFailures::new().classify(result)), result) {
            (Decision::AtEnd(_), Ok(response)) => Decision::AtEnd(ReadBodyEnd {
                judge: Arc::clone(&self.judge),
                limit: self.limit,
                status: response.status(),
                // A body whose announced length is over the limit needs no copy.
                read: (response.body().size_hint().lower() <= self.limit as u64).then(Vec::new),
            }),
            (Decision::AtEnd(_), Err(_)) => Decision::Now(Outcome::Success),
            (Decision::Now(outcome), _) => Decision::Now(outcome),
        }
    }

    fn classify_unready(&self, error: &Result<Response<B>, E>) -> Outcome {
        ServerErrorsAsFailures::new().classify(error)
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        Some(ErrorRef::of(error))
    }
}

impl<F, E> ClassifyEnd<E> for ReadBodyEnd<F>
where
    F: Fn(StatusCode, &[u8]) -> Outcome,
{
    fn data(&mut self, chunk: Option<&[u8]>) {
        let Some(read) = &mut self.read else {
            return;
        };
        match chunk {
            Some(chunk) if chunk.len() <= self.limit - read.len() => read.extend_from_slice(chunk),
            _ => self.read = None,
        }
    }

    fn classify_end(self, end: Result<Option<&HeaderMap>, &E>) -> Outcome {
        match (end, self.read) {
            (Err(_), _) => Outcome::Failure(BODY),
            (Ok(_), Some(read)) => (self.judge)(self.status, &read),
            (Ok(_), None) => Outcome::Success,
        }
    }

    fn classify_left(self, left: Left) -> Outcome {
        match (left, self.read) {
            (Left::Whole, Some(read)) => (self.judge)(self.status, &read),
            _ => Outcome::Success,
        }
    }
}

impl<F> Clone for ReadBody<F> {
    fn clone(&self) -> Self {
        Self { judge: Arc::clone(&self.judge), limit: self.limit }
    }
}

impl<F> fmt::Debug for ReadBody<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBody")
            .field("judge", &std::any::type_name::<F>())
            .field("limit", &self.limit)
            .finish()
    }
}

impl<F> fmt::Debug for ReadBodyEnd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBodyEnd").field("status", &self.status).finish_non_exhaustive()
    }
}
