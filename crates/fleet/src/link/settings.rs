//! The settings of a link.

use std::time::Duration;

use crate::counts::FleetRate;
use crate::identity::Identity;
use crate::terms::Terms;

/// What a link goes by; all of one fleet should have the same.
#[derive(Debug, Clone)]
#[must_use]
pub struct Settings {
    terms: Terms,
    pub(crate) probe_lease: Option<Duration>,
    pub(crate) poll_interval: Duration,
    pub(crate) partitions: u16,
    pub(crate) hold: Duration,
    /// The rule, and how often what calls meet is merged.
    pub(crate) fleet_rate: Option<(FleetRate, Duration)>,
}

/// How long an open circuit waits, beyond its time, for the store to answer whether it may probe.
const HOLD: Duration = Duration::from_millis(750);

impl Settings {
    /// Returns the default settings for this process.
    ///
    /// A quorum of 2, a vote window of 10 s, one process that probes, a poll each second, and one
    /// partition.
    pub fn new(identity: Identity) -> Self {
        let vote_window = Duration::from_secs(10);
        Self {
            terms: Terms { identity, quorum: 2, vote_window, fleet_probes: 1 },
            probe_lease: None,
            poll_interval: Duration::from_secs(1),
            partitions: 1,
            hold: HOLD,
            fleet_rate: None,
        }
    }

    /// Opens the fleet's circuit when so many votes are cast; at least one.
    pub fn quorum(mut self, votes: u32) -> Self {
        self.terms.quorum = votes.max(1);
        self
    }

    /// Sets how long a vote counts.
    ///
    /// As long a process that has just joined has no vote beside those of others.
    pub const fn vote_window(mut self, window: Duration) -> Self {
        self.terms.vote_window = window;
        self
    }

    /// Sets how many processes may probe at once; at least one.
    pub fn fleet_probes(mut self, number: u32) -> Self {
        self.terms.fleet_probes = number.max(1);
        self
    }

    /// Sets how long a process may probe before the next gets its turn.
    ///
    /// Default: as long as a probe of the circuit may take.
    pub const fn probe_lease(mut self, lease: Duration) -> Self {
        self.probe_lease = Some(lease);
        self
    }

    /// Sets how often the store is asked whether anything has changed.
    ///
    /// Every `interval` to twice that, drawn at random; at least a millisecond.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets how many partitions the store has; at least one.
    pub fn partitions(mut self, number: u16) -> Self {
        self.partitions = number.max(1);
        self
    }

    /// Sets how long an open circuit waits, beyond its open time, for a lease to probe.
    ///
    /// Longer than the store takes at most to answer. Default 750 ms.
    pub const fn hold(mut self, time: Duration) -> Self {
        self.hold = time;
        self
    }

    /// Opens the fleet's circuit by what calls of all processes meet, too; sums are merged `every` so
    /// often while calls fail.
    #[doc(hidden)]
    pub fn fleet_rate(mut self, rule: FleetRate, every: Duration) -> Self {
        self.fleet_rate = Some((rule, every.max(Duration::from_millis(1))));
        self
    }

    pub(crate) const fn terms(&self) -> &Terms {
        &self.terms
    }
}
