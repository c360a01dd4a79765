//! Which trip rule a result made hold.

use crate::engine::outcome::FailureKind;

/// The trip rule that a result made hold: the first in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    ConsecutiveFailuresOfKind(FailureKind),
    ConsecutiveFailures,
    FailureRate,
    FailureRateConfident,
    SlowCallRate,
    FailureCount,
    StalledCalls,
}
