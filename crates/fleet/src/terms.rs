//! What a store has to know of the process that asks.

use std::time::Duration;

use crate::identity::Identity;

/// The process that asks, and the rules of its fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The process.
    pub identity: Identity,
    /// So many votes open the fleet's circuit.
    pub quorum: u32,
    /// How long a vote counts.
    pub vote_window: Duration,
    /// So many processes may probe at once.
    pub fleet_probes: u32,
}
