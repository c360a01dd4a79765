//! Rejections by reason, for dashboards.

/// Counts of rejected calls, by reason. Together they are
/// [`Totals::rejected`](crate::Totals::rejected).
///
/// They only grow; see [`RejectReason`](crate::RejectReason).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Rejections {
    /// The circuit was open.
    pub open: u64,
    /// The circuit was half-open, and all its probes were in flight.
    pub probes_busy: u64,
    /// An operator had forced the circuit open.
    pub forced_open: u64,
    /// The circuit was [isolated](crate::CircuitGroup::isolate), alone or with its group.
    pub isolated: u64,
    /// The service was not polled for readiness, since the circuit was rejecting then.
    pub not_ready: u64,
    /// The circuit was closed, and ramped up.
    pub ramping: u64,
    /// The circuit was closed, and throttled.
    pub throttled: u64,
}

impl Rejections {
    /// All of them.
    pub(crate) fn sum(&self) -> u64 {
        let all = [
            self.open,
            self.probes_busy,
            self.forced_open,
            self.isolated,
            self.not_ready,
            self.ramping,
            self.throttled,
        ];
        all.into_iter().fold(0, u64::saturating_add)
    }
}
