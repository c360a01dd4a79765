//! How a process's link to its fleet does.

use std::time::Duration;

/// How the link of one process to its fleet does, for metrics and pages.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_circuit_breaker::fleet::{FleetLink, LinkStatus};
///
/// let mut link = FleetLink::new(LinkStatus::Connected, Duration::from_secs(90));
/// link.last_agreed = Some(Duration::from_secs(1));
/// assert_eq!(link.errors, 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetLink {
    /// Whether the fleet's store answers.
    pub status: LinkStatus,
    /// How long the status has lasted.
    pub in_status_for: Duration,
    /// How long ago this process last knew all that the fleet has agreed on; `None` before the
    /// first time.
    pub last_agreed: Option<Duration>,
    /// Number of errors so far, of every kind.
    pub errors: u64,
    /// Whether the store answers, and refuses some of what is asked.
    pub is_degraded: bool,
}

/// Whether a fleet's store answers a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkStatus {
    /// It answers, though it may refuse some of what is asked.
    Connected,
    /// It does not answer, or nobody asks it any more; circuits go on by themselves.
    Disconnected,
}

impl FleetLink {
    /// Makes a link that has had this status for that long.
    ///
    /// It has agreed on nothing, met no error and is refused nothing.
    #[must_use]
    pub const fn new(status: LinkStatus, in_status_for: Duration) -> Self {
        Self { status, in_status_for, last_agreed: None, errors: 0, is_degraded: false }
    }
}
