//! Changes: what the machine reports when it has moved.

use std::time::Duration;

use crate::engine::outcome::FailureKind;
use crate::engine::state::{CircuitState, Override};
use crate::engine::time::Timestamp;
use crate::engine::window::counts::WindowCounts;

/// The reason why a circuit changed its state or began a new epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeReason {
    /// The consecutive failures of one kind reached their limit.
    ConsecutiveFailuresOfKind(FailureKind),
    /// The consecutive failures reached their limit.
    ConsecutiveFailures,
    /// The failure rate reached its threshold.
    FailureRate,
    /// The failure rate was above its threshold with the configured confidence.
    FailureRateConfident,
    /// The share of slow calls reached its threshold.
    SlowCallRate,
    /// The number of failures in the window reached its limit.
    FailureCount,
    /// Too many calls were in flight for too long.
    StalledCalls,
    /// The upstream asked for a pause: [`Outcome::TripFor`](crate::Outcome::TripFor).
    UpstreamAsked,
    /// The open time ended.
    OpenTimeOver,
    /// Too many probes failed.
    ProbesFailed,
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// Sixteen probes in a row were ignored: the upstream answers.
    ProbesIgnored,
    /// Sixteen or more probes in a row, over at least a minute, had no answer.
    ProbesUnanswered,
    /// A health probe found the upstream well.
    HealthProbe,
    /// An operator tripped, reset, forced or released the circuit.
    Operator,
    /// The time of an override was over: it was dropped, as by a release.
    OverrideOver,
    /// The circuit was restored from that of an earlier process.
    ///
    /// See [`CircuitBuilder::restore`](crate::CircuitBuilder::restore).
    Restored,
    /// The fleet's circuit changed.
    Fleet,
    /// This process's lease to probe for the fleet ended without a verdict.
    LeaseOver,
}

impl ChangeReason {
    /// Returns the name used in metrics, logs and JSON, such as `failure_rate`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsecutiveFailuresOfKind(_) => "consecutive_failures_of_kind",
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::FailureRate => "failure_rate",
            Self::FailureRateConfident => "failure_rate_confident",
            Self::SlowCallRate => "slow_call_rate",
            Self::FailureCount => "failure_count",
            Self::StalledCalls => "stalled_calls",
            Self::UpstreamAsked => "upstream_asked",
            Self::OpenTimeOver => "open_time_over",
            Self::ProbesFailed => "probes_failed",
            Self::ProbesSucceeded => "probes_succeeded",
            Self::ProbesIgnored => "probes_ignored",
            Self::ProbesUnanswered => "probes_unanswered",
            Self::HealthProbe => "health_probe",
            Self::Operator => "operator",
            Self::OverrideOver => "override_over",
            Self::Restored => "restored",
            Self::Fleet => "fleet",
            Self::LeaseOver => "lease_over",
        }
    }
}

impl ChangeReason {
    /// Why the circuit changed, in words; where there are numbers, a trip's text has these instead.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::ConsecutiveFailuresOfKind(_) => "too many failures of one kind in a row",
            Self::ConsecutiveFailures => "too many failures in a row",
            Self::FailureRate | Self::FailureRateConfident => "too many calls failed",
            Self::SlowCallRate => "too many calls were slow",
            Self::FailureCount => "too many failures",
            Self::StalledCalls => "too many calls hang",
            Self::UpstreamAsked => "the upstream asked for it",
            Self::OpenTimeOver => "the open time was over",
            Self::ProbesFailed => "a probe failed",
            Self::ProbesSucceeded => "the probes succeeded",
            Self::ProbesIgnored => "16 probes in a row were answered and ignored",
            Self::ProbesUnanswered => "16 probes in a row had no answer",
            Self::HealthProbe => "the health probe answered",
            Self::Operator => "by an operator",
            Self::OverrideOver => "the time of the override was over",
            Self::Restored => "as the earlier process left it",
            Self::Fleet => "by the fleet",
            Self::LeaseOver => "the probe's time was over without a verdict",
        }
    }

    /// The kind of failure that it is about, if it is about one.
    pub(crate) const fn failure_kind(self) -> Option<FailureKind> {
        match self {
            Self::ConsecutiveFailuresOfKind(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether a failure made the change.
    pub(crate) const fn follows_failure(self) -> bool {
        matches!(
            self,
            Self::ConsecutiveFailures
                | Self::FailureRate
                | Self::FailureRateConfident
                | Self::FailureCount
                | Self::UpstreamAsked
        )
    }

    /// Whether the change was ordered, not found by a rule or a probe, or may have been in an
    /// earlier process.
    pub(crate) const fn is_order(self) -> bool {
        matches!(
            self,
            Self::UpstreamAsked
                | Self::Operator
                | Self::OverrideOver
                | Self::Fleet
                | Self::Restored
        )
    }
}

/// One move of the machine: to another state, another override, or a new epoch of the same.
#[derive(Debug)]
pub(crate) struct Change {
    /// The number among all changes of the circuit, from 1, by which they are delivered in order.
    pub(crate) number: u64,
    /// When it happened. Read from the clock beforehand: the clock is user code, and if its panic
    /// kept a change from being delivered, all later changes would wait for it.
    pub(crate) at: Timestamp,
    pub(crate) epoch: u64,
    /// The epoch of the fleet's last verdict; 0 before the first.
    pub(crate) fleet_epoch: u64,
    pub(crate) from: Standing,
    pub(crate) to: Standing,
    pub(crate) reason: ChangeReason,
    /// The counts of the window until then.
    pub(crate) window: WindowCounts,
    /// How long the circuit will be open, where that is known.
    pub(crate) open_for: Option<Duration>,
    /// How long the last state lasted.
    pub(crate) lasted: Duration,
    /// How long the circuit had not been closed, when it closes.
    pub(crate) down_for: Option<Duration>,
    /// The failures in a row that tripped it, where a rule about them did.
    pub(crate) failures_in_a_row: Option<u32>,
}

/// State and override together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: CircuitState,
    pub(crate) overridden: Option<Override>,
}

#[cfg(test)]
mod tests;
