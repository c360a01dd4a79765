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

/// What a window keeps of an ended call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) verdict: CallResult,
    pub(crate) pace: Pace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallResult {
    Succeeded,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Fast,
    Slow,
}

impl Sample {
    /// 1 when the call failed, else 0.
    pub(crate) fn failed(self) -> u64 {
        u64::from(self.verdict == CallResult::Failed)
    }

    /// 1 when the call was slow, else 0.
    pub(crate) fn slow(self) -> u64 {
        u64::from(self.pace == Pace::Slow)
    }

    /// Whether this result may trip a circuit; a fast success never does.
    pub(crate) fn may_trip(self) -> bool {
        self.verdict == CallResult::Failed || self.pace == Pace::Slow
    }
}
