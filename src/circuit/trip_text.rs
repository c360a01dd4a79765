//! Trips as sentences, for logs and alerts.

use std::fmt;
use std::time::Duration;

use crate::circuit::progress::Trip;
use crate::engine::change::ChangeReason;
use crate::events::text::{Brief, why};

/// Why the circuit tripped, with both numbers, such as `61 of 100 calls failed, limit 50 %` or
/// `5 failures in a row`.
impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |name: &str| self.limits.get(name).unwrap_or_default();
        let percent = |name: &str| 100.0 * limit(name);
        let time = |name: &str| Brief(Duration::try_from_secs_f64(limit(name)).unwrap_or_default());
        match self.reason {
            ChangeReason::FailureRate => {
                why(f, self.reason, self.window, None)?;
                write!(f, ", limit {:.0} %", percent("failure_rate"))
            }
            ChangeReason::FailureRateConfident => {
                let [rate, confidence] = ["failure_rate_confident", "confidence"].map(percent);
                why(f, self.reason, self.window, None)?;
                write!(f, ": over {rate:.0} % with {confidence:.0} % confidence")
            }
            ChangeReason::SlowCallRate => {
                let (calls, slow) = (self.window.calls, self.window.slow_calls);
                write!(f, "{slow} of {calls} calls over {}", time("slower_than"))?;
                write!(f, ", limit {:.0} %", percent("slow_call_rate"))
            }
            ChangeReason::FailureCount => {
                why(f, self.reason, self.window, None)?;
                write!(f, ", limit {}", limit("failure_count"))
            }
            ChangeReason::StalledCalls => {
                let (calls, older_than) = (self.stalled_calls, time("older_than"));
                write!(f, "{calls} calls hung for over {older_than}")?;
                write!(f, ", limit {}", limit("stalled_calls"))
            }
            ChangeReason::UpstreamAsked => {
                write!(f, "the upstream asked for {}", Brief(self.open_for))
            }
            other => why(f, other, self.window, self.failures_in_a_row),
        }
    }
}
