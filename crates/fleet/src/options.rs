//! What a node goes by.

use std::time::Duration;

use crate::record::Word;

/// The settings that the protocol needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long an open circuit waits, beyond its time, for Redis to answer whether it may probe.
    pub hold: Duration,
    /// How long a node may probe; `None`: as long as a probe of the circuit may take.
    pub lease: Option<Duration>,
    /// How long a vote counts; a process that joined less than that ago has none of its own.
    pub vote_window: Duration,
}

/// How long before the end of the open time a lease is asked for.
const LEAD: Duration = Duration::from_secs(1);

impl Options {
    /// How long beyond its time a circuit stays open at first: where that time is near, or over,
    /// until it has been asked whether it may probe.
    pub fn longer(&self, word: &Word) -> Duration {
        let is_near = word.left <= lead(word.record.open_for);
        if is_near { self.hold } else { Duration::ZERO }
    }
}

/// How long before the end of an open time of `open_for` a lease is asked for.
pub fn lead(open_for: Duration) -> Duration {
    LEAD.min(open_for / 2)
}
