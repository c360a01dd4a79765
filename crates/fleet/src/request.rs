//! What a process asks of the store, and what the store answers.

use std::sync::Arc;
use std::time::Duration;

use tower_circuit_breaker::fleet::FleetCommand;

use crate::identity::Voter;
use crate::record::{Cause, FleetRecord};
use crate::word::Word;
use crate::words::Words;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The circuit that it is about; the process for [`Ask::Announce`] and [`Ask::Enlist`]; empty where it is about a
    /// partition.
    pub circuit: Arc<str>,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked of a circuit, a process or a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The circuit has tripped here. Gives the votes that stand as the code.
    Vote {
        /// The epoch that was known then; 0 before the first.
        known: u64,
        /// For how long the circuit is open here.
        open_for: Duration,
        /// The step of the backoff that this is.
        step: u32,
        /// [`Cause::Votes`], or [`Cause::Rate`], which needs no quorum.
        cause: Cause,
        /// Whose vote it is.
        voter: Voter,
    },
    /// It has closed here, and the vote with it.
    Withdraw,
    /// What the probes of this process have shown. Gives code 1 if that stands, else 0.
    Settle {
        /// Of this open epoch.
        epoch: u64,
        /// What they have shown.
        shown: Shown,
    },
    /// May this process probe? Gives code 1 if it may, 0 if others do, -1 if the epoch is over; and the
    /// milliseconds that are left of its lease, or of the first of the others'.
    Lease {
        /// In this open epoch.
        epoch: u64,
        /// For so long.
        lasts: Duration,
    },
    /// The store has lost this, or is to keep it. Gives code 1 if it was put in, 0 if what stands there
    /// is as new.
    Restore {
        /// What this process knows.
        record: FleetRecord,
        /// What is left of its time.
        left: Duration,
    },
    /// An operator's command to the fleet. Gives code 1 if it has changed anything, else 0.
    Command {
        /// The epoch that was known then; 0 before the first.
        known: u64,
        /// What is to be done.
        command: FleetCommand,
        /// Who gives it, and why.
        words: Words,
    },
    /// What stands there?
    Read,
    /// The number that every change of a circuit of this partition raises; code 0 where there is none.
    Changes {
        /// From 0 on.
        partition: u16,
    },
    /// There is none: it is to begin. Gives code 1.
    Begin {
        /// From 0 on.
        partition: u16,
    },
    /// What this process has met since it last said so, in circuits of this partition.
    Merge(Merge),
    /// This process is there, and says so much of itself, for 20 s. Gives code 1 where another of its
    /// name has said so since, else 0.
    Announce {
        /// See [`presence`](crate::presence).
        said: Arc<str>,
    },
    /// The process is to be found in the census: to be said at first, and every half a minute.
    Enlist,
    /// Which processes are there, and what do they say?
    Census,
    /// Who has voted for the circuit to open, and who may probe?
    Look {
        /// The number of its open epoch, if it is in one.
        open: Option<u64>,
    },
}

/// What calls have met, for the sums of the whole fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// From 0 on.
    pub partition: u16,
    /// Sums are of the last so many buckets, this one among them, and each is so long.
    pub buckets: u32,
    /// See above.
    pub bucket: Duration,
    /// What calls have met, of each circuit.
    pub met: Vec<Met>,
}

/// What calls of one circuit have met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The circuit.
    pub circuit: Arc<str>,
    /// The epoch in which they did: with each the sums start anew.
    pub epoch: u64,
    /// How many.
    pub sum: Sum,
}

/// Calls, and those of them that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// All of them.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
}

/// What stands in the store about a circuit, besides its record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// The votes that stand, each once; `*` is that of all which have just joined.
    pub votes: Vec<String>,
    /// The processes that may probe, and for how long.
    pub leases: Vec<(String, Duration)>,
}

/// What probes have shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The upstream is well.
    Well,
    /// It is not: the circuit is open again.
    Failing {
        /// For so long.
        open_for: Duration,
        /// The step of the backoff that this is.
        step: u32,
    },
}

/// What the store answers; what was not asked for is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// What it says of the request; see each.
    pub code: i64,
    /// The rest of a lease in milliseconds, or the number of changes.
    pub number: i64,
    /// What stands there now.
    pub word: Option<Word>,
    /// For each circuit that was merged, what the whole fleet has met.
    pub sums: Vec<Sum>,
    /// How long ago the first failure of the partition was merged; `None` where there is none.
    pub failing_for: Option<Duration>,
    /// The processes that are there: their names, and what each says.
    pub processes: Vec<(String, String)>,
    /// Who has voted, and who may probe.
    pub looked: Option<Looked>,
}

impl Ask {
    /// Returns the same request; if it is a vote, as that of `by`.
    #[must_use]
    pub fn voted_by(mut self, by: Voter) -> Self {
        if let Self::Vote { voter, .. } = &mut self {
            *voter = by;
        }
        self
    }

    /// Returns whether the reply has the circuit's record.
    pub const fn has_view(&self) -> bool {
        match self {
            Self::Vote { .. }
            | Self::Settle { .. }
            | Self::Lease { .. }
            | Self::Restore { .. }
            | Self::Command { .. }
            | Self::Read => true,
            Self::Withdraw
            | Self::Changes { .. }
            | Self::Begin { .. }
            | Self::Merge(_)
            | Self::Announce { .. }
            | Self::Enlist
            | Self::Census
            | Self::Look { .. } => false,
        }
    }
}

impl Reply {
    /// Makes a reply of the circuit's record alone.
    pub fn of(word: Option<Word>) -> Self {
        Self { word, ..Self::default() }
    }

    /// Makes a reply of a code alone, without a record.
    pub fn code(code: i64) -> Self {
        Self { code, ..Self::default() }
    }
}
