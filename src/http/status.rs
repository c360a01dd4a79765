//! Classifiers of responses by their status.

use std::ops::{Bound, RangeBounds, RangeInclusive};

use http::Response;

use crate::circuit::classify::{Classify, ErrorsAsFailures};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::error::{ErrorRef, Rejected};
use crate::http::hints::{Hints, retry_after};

/// The kind of failure of a response with a failing status, `"status"`.
pub const STATUS: FailureKind = FailureKind::new("status");

/// The classifier that counts 5xx responses and errors, except rejections, as failures.
///
/// A failing response has the kind [`STATUS`]. For status codes of your choosing see
/// [`StatusInRangeAsFailures`].
#[derive(Debug, Clone)]
pub struct ServerErrorsAsFailures {
    statuses: StatusInRangeAsFailures,
}

/// The classifier that counts statuses in a range and errors, except rejections, as failures.
///
/// A failing response has the kind [`STATUS`].
#[derive(Debug, Clone)]
pub struct StatusInRangeAsFailures {
    range: RangeInclusive<u16>,
    /// Take precedence over the range and over hints.
    ignored: Vec<RangeInclusive<u16>>,
    hints: Hints,
}

impl ServerErrorsAsFailures {
    /// Makes a classifier by which statuses from 500 to 599 are failures.
    #[must_use]
    pub const fn new() -> Self {
        Self { statuses: StatusInRangeAsFailures::of(500..=599) }
    }

    /// Ignores responses with a status in `statuses`, such as `401..=403` or `404..=404`.
    ///
    /// See [`StatusInRangeAsFailures::ignoring_status`].
    ///
    /// # Panics
    ///
    /// Panics if `statuses` is empty, or goes beyond 100 to 999.
    #[must_use]
    #[track_caller]
    pub fn ignoring_status(self, statuses: impl RangeBounds<u16>) -> Self {
        Self { statuses: self.statuses.ignoring_status(statuses) }
    }

    /// Opens the circuit for as long as a 429 or 503 asks in its `Retry-After`.
    ///
    /// A 429 or 503 that asks for no time is a failure. See
    /// [`StatusInRangeAsFailures::heed_retry_after`].
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
    /// Makes a classifier by which the status codes of `range` are failures.
    ///
    /// `400..=599` for all errors of clients and servers, `501..=501` for a single one.
    ///
    /// # Panics
    ///
    /// Panics if `range` is empty, or goes beyond 100 to 999: no response has such a status.
    #[must_use]
    #[track_caller]
    pub fn new(range: RangeInclusive<u16>) -> Self {
        Self::of(status_codes(&range))
    }

    const fn of(range: RangeInclusive<u16>) -> Self {
        Self { range, ignored: Vec::new(), hints: Hints::Unheeded }
    }

    /// Ignores responses with a status in `statuses`, such as `401..=403`; several calls add up.
    ///
    /// `404..=404` for a single one; `400..` goes up to 999. For answers that do not come from the
    /// upstream, such as a gateway's 401, or that say nothing about its health. An ignored status
    /// is ignored whatever else is set: even in the range of failures, and whatever it asks for in
    /// `Retry-After`. It is ignored as soon as the head has come; the body is not waited for. [The
    /// guide](crate::guide::traps#statuses-that-are-no-word-of-the-upstream) says which to ignore.
    /// Default: none.
    ///
    /// # Panics
    ///
    /// Panics if `statuses` is empty, or goes beyond 100 to 999.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Response;
    /// use tower_circuit_breaker::http::StatusInRangeAsFailures;
    /// use tower_circuit_breaker::{BoxError, Classify, Outcome};
    ///
    /// let classify = StatusInRangeAsFailures::new(400..=599).ignoring_status(404..=404);
    ///
    /// let not_found: Result<_, BoxError> = Ok(Response::builder().status(404).body(())?);
    /// assert_eq!(classify.classify(&not_found), Outcome::Ignored);
    /// # Ok::<(), http::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn ignoring_status(mut self, statuses: impl RangeBounds<u16>) -> Self {
        self.ignored.push(status_codes(&statuses));
        self
    }

    /// Opens the circuit for as long as a 429 or 503 asks in its `Retry-After`.
    ///
    /// At once; a 429 or 503 that asks for no time is a failure of kind [`STATUS`].
    ///
    /// The longest that an upstream can ask for is the circuit's
    /// [`max_trip_for`](crate::CircuitBuilder::max_trip_for), 1 h by default. A value that
    /// [`retry_after`] cannot use asks for nothing. Both statuses are failures then whatever the
    /// range of failures, unless they are [ignored](Self::ignoring_status). Default: not heeded,
    /// and a 429 is a success if it is not in the range.
    #[must_use]
    pub fn heed_retry_after(self) -> Self {
        Self { hints: Hints::Heeded, ..self }
    }

    fn classify_response<B>(&self, response: &Response<B>) -> Outcome {
        if response.extensions().get::<Rejected>().is_some() {
            return Outcome::NotSent;
        }
        let status = response.status().as_u16();
        if self.ignored.iter().any(|ignored| ignored.contains(&status)) {
            return Outcome::Ignored;
        }
        let refuses = self.hints == Hints::Heeded && matches!(status, 429 | 503);
        match refuses.then(|| retry_after(response.headers())).flatten() {
            Some(wait) => Outcome::TripFor(wait),
            None if refuses || self.range.contains(&status) => Outcome::Failure(STATUS),
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

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        Some(ErrorRef::of(error))
    }
}

impl<B, E: 'static> Classify<Response<B>, E> for ServerErrorsAsFailures {
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        self.statuses.classify(result)
    }

    fn error_ref<'e>(&self, error: &'e E) -> Option<ErrorRef<'e>> {
        Some(ErrorRef::of(error))
    }
}

/// The status codes of `range`, which must not be empty; unbounded ends are 100 and 999.
#[track_caller]
pub(super) fn status_codes(range: &impl RangeBounds<u16>) -> RangeInclusive<u16> {
    let first = match range.start_bound() {
        Bound::Included(first) => *first,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 100,
    };
    let last = match range.end_bound() {
        Bound::Included(last) => *last,
        Bound::Excluded(after) => after.saturating_sub(1),
        Bound::Unbounded => 999,
    };
    assert!(
        (100..=999).contains(&first) && first <= last && last <= 999,
        "a range of status codes lies between 100 and 999 and is not empty, but got {first}..={last}"
    );
    first..=last
}
