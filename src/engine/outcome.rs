//! Outcomes: what an ended call counts as.

use std::time::Duration;

/// The outcome of a call: what it counts as.
///
/// Made by a [`Classify`](crate::Classify) or given to [`Permit::record`](crate::Permit::record).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The upstream worked. Ends every run of consecutive failures.
    Success,
    /// The upstream failed, in the way that the kind names.
    Failure(FailureKind),
    /// The upstream answered, and the answer says nothing about its health.
    ///
    /// Counts in no window and no run. A probe that is ignored gives its slot back; sixteen in a
    /// row close the circuit, since the upstream answers.
    Ignored,
    /// The call did not reach the upstream, or not whole: not even a sign that the upstream
    /// answers.
    ///
    /// Counts in no window and no run; [`throttle`](crate::CircuitBuilder::throttle) counts it as
    /// not asked. A probe that was not sent gives its slot back and is no evidence: while no probe
    /// is sent, the circuit stays half-open. A rejection by this or a nested circuit counts as not
    /// sent. For load that was shed before it was sent, and for a caller's own broken request.
    NotSent,
    /// The upstream asks for a pause: counts as a failure and opens the circuit at once for this
    /// time.
    ///
    /// At most for [`max_trip_for`](crate::CircuitBuilder::max_trip_for) (1 h by default). Made for
    /// `Retry-After` on a 429 or 503.
    TripFor(Duration),
}

/// The kind of a failure, by which rules and metrics distinguish failures.
///
/// Kinds are compared by name. A kind takes part in a rule of its own through
/// [`TripRule::of`](crate::TripRule::of).
///
/// # Examples
///
/// ```
/// use tower_circuit_breaker::FailureKind;
///
/// const CONNECT: FailureKind = FailureKind::new("connect");
/// assert_eq!(CONNECT.as_str(), "connect");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FailureKind(&'static str);

impl FailureKind {
    /// A failure without a kind of its own, `"other"`.
    pub const OTHER: Self = Self("other");

    /// A panic of the inner service, `"panic"`.
    pub const PANIC: Self = Self("panic");

    /// A call dropped without an answer after a time limit, `"abandoned"`.
    ///
    /// The limit is [`abandoned_after`](crate::CircuitBuilder::abandoned_after); most likely an
    /// outer timeout dropped the call.
    pub const ABANDONED: Self = Self("abandoned");

    /// Makes a kind of failure with this name.
    ///
    /// The name goes on metric labels: keep it short and in lower case.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Returns the name of the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// An ended call as windows record it: what its outcome and its duration come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndedCall {
    pub(crate) has_failed: bool,
    pub(crate) was_slow: bool,
}

/// What became of an ended call that was to be recorded. `T` is what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded<T> {
    /// It is stale: its epoch was over before it was recorded, and nothing follows.
    Stale,
    InTime {
        follows: T,
        /// Whether it is counted for the totals; if not, the caller counts it.
        is_counted: bool,
    },
}

impl Outcome {
    /// The kind of the failure that it counts as, if it does.
    #[inline]
    pub(crate) const fn failure_kind(self) -> Option<FailureKind> {
        match self {
            Self::Failure(kind) => Some(kind),
            Self::TripFor(_) => Some(FailureKind::OTHER),
            Self::Success | Self::Ignored | Self::NotSent => None,
        }
    }
}

impl EndedCall {
    /// A success that was not slow.
    pub(crate) const SUCCESS: Self = Self { has_failed: false, was_slow: false };
    /// A failure that was not slow.
    pub(crate) const FAILURE: Self = Self { has_failed: true, was_slow: false };

    /// 1 when the call failed, else 0.
    pub(crate) fn failed(self) -> u64 {
        self.has_failed.into()
    }

    /// 1 when the call was slow, else 0.
    pub(crate) fn slow(self) -> u64 {
        self.was_slow.into()
    }

    /// Whether this call may trip a circuit; a fast success never does.
    pub(crate) fn may_trip(self) -> bool {
        self.has_failed || self.was_slow
    }
}
