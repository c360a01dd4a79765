//! Classifiers by status.

use std::ops::RangeInclusive;

use http::{Response, StatusCode};

use crate::classify::{Classify, ErrorsAsFailures};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::Rejected;
use crate::http::hints::{Hints, retry_after};

/// The kind of failure of a response with a failing status, `"status"`.
pub const STATUS: FailureKind = FailureKind::new("status");

/// 5xx responses are failures of kind [`STATUS`], and so are errors, except rejections.
///
/// For all status codes of your choosing see [`StatusInRangeAsFailures`].
#[derive(Debug, Clone)]
pub struct ServerErrorsAsFailures {
    statuses: StatusInRangeAsFailures,
}

/// Responses with a status in a range are failures of kind [`STATUS`], and so are errors, except
/// rejections.
#[derive(Debug, Clone)]
pub struct StatusInRangeAsFailures {
    range: RangeInclusive<u16>,
    hints: Hints,
}

impl ServerErrorsAsFailures {
    /// 500 to 599.
    #[must_use]
    pub const fn new() -> Self {
        let (range, hints) = (500..=599, Hints::Unheeded);
        Self { statuses: StatusInRangeAsFailures { range, hints } }
    }

    /// Opens the circuit for as long as a 429 or 503 asks in `Retry-After`.
    ///
    /// See [`StatusInRangeAsFailures::heed_retry_after`].
    #[must_use]
    pub fn heed_retry_after(self) -> Self {
        Self { statuses: self.statuses.heed_retry_after() }
    }
}

impl Default for ServerErrorsAsFailures {
    fn default() -> Self {
        Self::new()
    }
}

impl StatusInRangeAsFailures {
    /// The status codes of `range`, of which each is between 100 and 999: `400..=599` for all
    /// errors of clients and servers, `501..=501` for a single one.
    ///
    /// # Panics
    ///
    /// When `range` is empty, or goes beyond 100 to 999: it would hold for no response.
    #[must_use]
    #[track_caller]
    pub fn new(range: RangeInclusive<u16>) -> Self {
        let (first, last) = (*range.start(), *range.end());
        assert!(
            (100..=999).contains(&first) && first <= last && last <= 999,
            "a range of status codes lies between 100 and 999 and is not empty, but got {first}..={last}"
        );
        Self { range, hints: Hints::Unheeded }
    }

    /// Opens the circuit for as long as a 429 or 503 asks in `Retry-After`, at once.
    ///
    /// The longest that an upstream can ask for is the circuit's
    /// [`longest_trip_for`](crate::CircuitBuilder::longest_trip_for), 1 h by default. A value that
    /// [`retry_after`] cannot use asks for nothing: then a 429 or 503 is worth what it is without.
    /// Default: not heeded.
    #[must_use]
    pub fn heed_retry_after(self) -> Self {
        Self { hints: Hints::Heeded, ..self }
    }

    fn classify_response<B>(&self, response: &Response<B>) -> Outcome {
        if response.extensions().get::<Rejected>().is_some() {
            return Outcome::Ignored;
        }
        let status = response.status();
        let asks =
            status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
        let hint = self.hints.heed(|| retry_after(response.headers()).filter(|_| asks));
        match hint {
            Some(wait) => Outcome::TripFor(wait),
            None if self.range.contains(&status.as_u16()) => Outcome::Failure(STATUS),
            None => Outcome::Success,
        }
    }
}

impl<B, E: 'static> Classify<Response<B>, E> for StatusInRangeAsFailures {
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        match result {
            Ok(response) => self.classify_response(response),
            Err(_) => ErrorsAsFailures.classify(result),
        }
    }
}

impl<B, E: 'static> Classify<Response<B>, E> for ServerErrorsAsFailures {
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        self.statuses.classify(result)
    }
}
