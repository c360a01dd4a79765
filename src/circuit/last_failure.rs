//! The last failure of a circuit.

use std::time::Duration;

use crate::engine::outcome::FailureKind;
use crate::engine::time::Timestamp;
use crate::error::Rejected;

/// The last call of a circuit that counted as a failure.
///
/// From [`Rejected::last_failure`](crate::Rejected::last_failure) and
/// [`CircuitSnapshot::last_failure`](crate::CircuitSnapshot::last_failure). A probe that failed is
/// one, too; a slow call is none, and neither is a call of an earlier epoch. It outlives changes of
/// state, and resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LastFailure {
    /// The kind of the failure; [`FailureKind::OTHER`] where an upstream asked for a pause, and for
    /// every kind after the sixteenth.
    pub kind: FailureKind,
    /// How long ago it ended, by the circuit's clock.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::events::serialize::seconds"))]
    pub ago: Duration,
}

impl LastFailure {
    pub(crate) fn seen(kind: FailureKind, at: Timestamp, now: Timestamp) -> Self {
        Self { kind, ago: now.since(at) }
    }
}

impl Rejected {
    /// Returns the last failure of the circuit, if it has had one.
    ///
    /// As of now: read when it is asked for, so that a rejection costs nothing more. It says why
    /// the circuit is likely to be open, but a rule for slow calls or an operator opens one without
    /// any failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::{Circuit, FailureKind, Outcome};
    ///
    /// const CONNECT: FailureKind = FailureKind::new("connect");
    /// let circuit = Circuit::builder("plants").consecutive_failures(1).build();
    /// circuit.try_acquire()?.record(Outcome::Failure(CONNECT));
    ///
    /// let rejected = circuit.try_acquire().unwrap_err();
    /// assert_eq!(rejected.last_failure().map(|last| last.kind), Some(CONNECT));
    /// # Ok::<(), tower_circuit_breaker::Rejected>(())
    /// ```
    #[must_use]
    pub fn last_failure(&self) -> Option<LastFailure> {
        let (kind, ago) = self.failed_last()?;
        Some(LastFailure { kind, ago })
    }
}
