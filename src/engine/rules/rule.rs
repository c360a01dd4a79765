//! Trip rules.

use std::time::Duration;

use crate::engine::change::ChangeReason;
use crate::engine::rules::condition::{Condition, WRITTEN};

/// A trip rule: one condition that opens a circuit, with an optional open time of its own.
///
/// The setters of [`CircuitBuilder`](crate::CircuitBuilder) cover the plain rules; this is for
/// rules about one [`FailureKind`](crate::FailureKind) and for rules that open for longer or shorter than others.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::{Circuit, FailureKind, TripRule};
///
/// let circuit = Circuit::builder("plants")
///     .consecutive_failures(5)
///     .rule(TripRule::consecutive_failures(3).of(FailureKind::new("connect")))
///     .rule(TripRule::failure_rate(0.9).open_for(Duration::from_secs(300)))
///     .build();
/// # assert_eq!(circuit.name(), "plants");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TripRule {
    pub(crate) condition: Condition,
    /// `None`: the open time of the circuit.
    pub(crate) open_for: Option<Duration>,
}

impl TripRule {
    /// Whether a circuit that trips for `reason` trips by this rule.
    pub(crate) fn is_behind(&self, reason: ChangeReason) -> bool {
        match reason {
            ChangeReason::ConsecutiveFailuresOfKind(kind) => {
                self.condition.kind() == Some(kind.as_str())
            }
            other => self.condition.kind().is_none() && self.condition.name() == other.as_str(),
        }
    }

    /// The failures in a row that this rule asks for, if it is about them.
    pub(crate) const fn run(&self) -> Option<u32> {
        match self.condition {
            Condition::ConsecutiveFailures { failures, .. } => Some(failures),
            _ => None,
        }
    }

    /// Whether this rule takes the place of `other`.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        (self.condition.name(), self.condition.kind())
            == (other.condition.name(), other.condition.kind())
    }

    /// The place of the rule among others: those about one kind come first, in their own order.
    pub(crate) fn rank(&self) -> (bool, usize) {
        let place = WRITTEN.iter().position(|written| written.name() == self.condition.name());
        (self.condition.kind().is_none(), place.unwrap_or(WRITTEN.len()))
    }
}
