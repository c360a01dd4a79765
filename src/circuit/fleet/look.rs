//! What a fleet looks like, for operators.

use std::time::Duration;

use crate::circuit::fleet::link::FleetLink;
use crate::engine::state::{CircuitState, Override};
use crate::sync::Arc;

/// The processes of a fleet and what they have agreed on, as one of them last read it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetLook {
    /// How long ago it was read. What is said to last, or to be left, was so then.
    pub read_ago: Duration,
    /// The processes that have said lately that they are there, by name.
    pub processes: Vec<FleetProcess>,
    /// The circuits of this process of which something stands in the store, by name.
    pub circuits: Vec<FleetCircuit>,
}

/// A process of the fleet, as it described itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetProcess {
    /// Its name; two processes may have one by mistake.
    pub name: String,
    /// Drawn when it started: what tells it from another of its name, and from the one before it.
    pub number: u64,
    /// The name of its vote.
    pub vote: String,
    /// The version of the crate that shares its circuits.
    pub version: String,
    /// How its link does; `None` where it does not say so. What has lasted, has lasted when it said so:
    /// every process says it every five seconds, while its store takes that.
    pub link: Option<FleetLink>,
    /// Whether it is the process that has read this.
    pub is_this: bool,
    /// Its circuits, by name: as many as it had room to say, those that are not as usual before the
    /// others.
    pub circuits: Vec<ProcessCircuit>,
    /// Whether it had no room to say all.
    pub is_cut: bool,
}

/// A circuit of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessCircuit {
    /// Its name.
    pub name: String,
    /// Its state there.
    pub state: CircuitState,
    /// What an operator of that process, or of the fleet, has imposed there.
    pub overridden: Option<Override>,
}

/// What the store holds about a circuit: its record, votes and leases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetCircuit {
    /// Its name.
    pub name: Arc<str>,
    /// What the fleet has agreed on; `None` where it has agreed on nothing yet.
    pub record: Option<FleetRecordLook>,
    /// The names of the votes that are cast for it to open.
    pub votes: Vec<String>,
    /// The processes that may probe.
    pub leases: Vec<FleetLease>,
}

/// What the fleet has agreed on about a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetRecordLook {
    /// Grows with every change.
    pub epoch: u64,
    /// Open or closed; where it is forced, as it is forced.
    pub state: CircuitState,
    /// What an operator of the fleet has imposed.
    pub overridden: Option<Override>,
    /// The number that tells this override from the fleet's earlier and later ones, the same in every
    /// process. It stays where a reset gives the record another epoch. `None` where nothing is imposed.
    pub serial: Option<u64>,
    /// What is left of the open time, or of the override; `None` where that has no end.
    pub left: Option<Duration>,
    /// Why it was written: `votes`, `rate`, `probes`, `reset` or `operator`.
    pub cause: &'static str,
    /// The process whose vote, probe or command it was.
    pub process: String,
    /// Who gave the command, as that process was told.
    pub actor: Option<String>,
    /// Why, in the words of who gave it.
    pub reason: Option<String>,
}

/// The right of one process to probe for the fleet, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetLease {
    /// The process that has it.
    pub process: String,
    /// For how long.
    pub left: Duration,
}

impl FleetLook {
    /// Makes a look at what was read `read_ago` before; sorts `processes` and `circuits`.
    #[must_use]
    pub fn new(
        read_ago: Duration,
        mut processes: Vec<FleetProcess>,
        mut circuits: Vec<FleetCircuit>,
    ) -> Self {
        processes.sort_by(|one, other| (&one.name, one.number).cmp(&(&other.name, other.number)));
        circuits.sort_by(|one, other| one.name.cmp(&other.name));
        Self { read_ago, processes, circuits }
    }
}

impl FleetProcess {
    /// Makes a process of which nothing else is known.
    #[must_use]
    pub fn new(name: impl Into<String>, number: u64) -> Self {
        Self {
            name: name.into(),
            number,
            vote: String::new(),
            version: String::new(),
            link: None,
            is_this: false,
            circuits: Vec::new(),
            is_cut: false,
        }
    }
}

impl ProcessCircuit {
    /// Makes a circuit without an override.
    #[must_use]
    pub fn new(name: impl Into<String>, state: CircuitState) -> Self {
        Self { name: name.into(), state, overridden: None }
    }
}

impl FleetCircuit {
    /// Makes a circuit of which the store has no record.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), record: None, votes: Vec::new(), leases: Vec::new() }
    }
}

impl FleetRecordLook {
    /// Makes a record of the number `epoch`, which says that the circuit is in `state`.
    #[must_use]
    pub fn new(epoch: u64, state: CircuitState, cause: &'static str) -> Self {
        Self {
            epoch,
            state,
            overridden: None,
            serial: None,
            left: None,
            cause,
            process: String::new(),
            actor: None,
            reason: None,
        }
    }
}

impl FleetLease {
    /// Makes the lease of `process`, which ends in `left`.
    #[must_use]
    pub fn new(process: impl Into<String>, left: Duration) -> Self {
        Self { process: process.into(), left }
    }
}
