//! What a node asks of the store, and what the store answers.

use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::Voter;
use crate::record::{Cause, FleetRecord, Word};

/// One question about one circuit, or about this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub circuit: Arc<str>,
    pub ask: Ask,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The circuit has tripped here, when this epoch was known.
    Vote { known: u64, open_for: Duration, step: u32, cause: Cause, voter: Voter },
    /// It has closed here, and the vote with it.
    Withdraw,
    /// What the probes of this node have shown of the open epoch of this number.
    Settle { epoch: u64, shown: Shown },
    /// May this node probe in the open epoch of this number?
    Lease { epoch: u64, lasts: Duration },
    /// Redis has lost this, or is to keep it.
    Restore { record: FleetRecord, left: Duration },
    /// An operator's command to the fleet.
    Command { known: u64, command: FleetCommand },
    /// What stands there?
    Read,
    /// This process is there; the name in place of the circuit's is its own. Gives 1 where another
    /// process of that name has said so since, else 0.
    Announce,
    /// What this node has counted since it was last asked, for the whole fleet's sums.
    Count { calls: u64, failures: u64 },
}

/// What probes have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Well,
    Failing { open_for: Duration, step: u32 },
}

/// What a script answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the script says of the request; see each.
    pub code: i64,
    pub number: i64,
    /// What stands there now.
    pub word: Option<Word>,
}

impl Ask {
    /// The same; if it is a vote, that of `by`.
    #[must_use]
    pub fn voted_by(mut self, by: Voter) -> Self {
        if let Self::Vote { voter, .. } = &mut self {
            *voter = by;
        }
        self
    }

    /// Whether the answer says what stands there.
    pub const fn has_view(&self) -> bool {
        !matches!(self, Self::Withdraw | Self::Count { .. } | Self::Announce)
    }
}

impl Reply {
    /// What stands there, and nothing besides.
    pub const fn of(word: Option<Word>) -> Self {
        Self { code: 0, number: 0, word }
    }
}
