//! What the fleet looks like, as it was last read.

use std::time::Duration;

use http::Response;
use serde::Serialize;
use tower_circuit_breaker::fleet::{
    FleetCircuit, FleetLease, FleetLink, FleetLook, FleetProcess, FleetRecordLook, LinkStatus,
    ProcessCircuit,
};
use tower_circuit_breaker::{CircuitState, Override};

use crate::access::Caller;
use crate::answer::live::Desk;
use crate::body::AdminBody;
use crate::problem::Problem;

/// The fleet; empty lists where nothing was read yet.
#[derive(Debug, Serialize)]
struct FleetView<'a> {
    link: Option<LinkView>,
    /// What is said to last, or to be left, was so then.
    #[serde(serialize_with = "tower_circuit_breaker::view::optional_seconds")]
    read_ago: Option<Duration>,
    processes: Vec<ProcessView<'a>>,
    circuits: Vec<AgreedView<'a>>,
}

#[derive(Debug, Serialize)]
struct LinkView {
    status: &'static str,
    #[serde(serialize_with = "tower_circuit_breaker::view::seconds")]
    in_status_for: Duration,
    /// How long ago.
    #[serde(serialize_with = "tower_circuit_breaker::view::optional_seconds")]
    last_agreed: Option<Duration>,
    errors: u64,
    #[serde(rename = "degraded")]
    is_degraded: bool,
}

#[derive(Debug, Serialize)]
struct ProcessView<'a> {
    name: &'a str,
    /// In hexadecimal: a script's numbers have no room for it.
    number: String,
    vote: &'a str,
    version: &'a str,
    /// What has lasted, has lasted when the process said so.
    link: Option<LinkView>,
    #[serde(rename = "this")]
    is_this: bool,
    circuits: Vec<StateView<'a>>,
    #[serde(rename = "cut")]
    is_cut: bool,
}

#[derive(Debug, Serialize)]
struct StateView<'a> {
    name: &'a str,
    state: CircuitState,
    #[serde(rename = "override")]
    overridden: Option<Override>,
}

/// What stands in the store about a circuit. Where the fleet has agreed on nothing yet, all that it
/// would have agreed on is null.
#[derive(Debug, Serialize)]
struct AgreedView<'a> {
    name: &'a str,
    epoch: Option<u64>,
    state: Option<CircuitState>,
    #[serde(rename = "override")]
    overridden: Option<Override>,
    serial: Option<u64>,
    #[serde(serialize_with = "tower_circuit_breaker::view::optional_seconds")]
    left: Option<Duration>,
    cause: Option<&'a str>,
    process: Option<&'a str>,
    /// Only for those who may see what operators did.
    #[serde(flatten)]
    words: Option<Words<'a>>,
    votes: &'a [String],
    leases: Vec<LeaseView<'a>>,
}

/// Who gave a command, and why.
#[derive(Debug, Serialize)]
struct Words<'a> {
    actor: Option<&'a str>,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct LeaseView<'a> {
    process: &'a str,
    #[serde(serialize_with = "tower_circuit_breaker::view::seconds")]
    left: Duration,
}

impl Desk {
    /// The fleet as it was last read: nothing is waited for.
    pub(crate) fn fleet(&self) -> Result<Response<AdminBody>, Problem> {
        let fleet = self.state.registry.fleet().ok_or_else(none)?;
        let (link, look) = (fleet.link(), fleet.look());
        let view = FleetView::of(link, look.as_ref(), self.caller >= Caller::Insider);
        Ok(self.coding.json(&view))
    }
}

impl<'a> FleetView<'a> {
    fn of(link: Option<FleetLink>, look: Option<&'a FleetLook>, sees_words: bool) -> Self {
        let processes = look.iter().flat_map(|look| &look.processes);
        let circuits = look.iter().flat_map(|look| &look.circuits);
        Self {
            link: link.as_ref().map(LinkView::of),
            read_ago: look.map(|look| look.read_ago),
            processes: processes.map(ProcessView::of).collect(),
            circuits: circuits.map(|circuit| AgreedView::of(circuit, sees_words)).collect(),
        }
    }
}

impl LinkView {
    fn of(link: &FleetLink) -> Self {
        Self {
            status: match link.status {
                LinkStatus::Connected => "connected",
                _ => "disconnected",
            },
            in_status_for: link.in_status_for,
            last_agreed: link.last_agreed,
            errors: link.errors,
            is_degraded: link.is_degraded,
        }
    }
}

impl<'a> ProcessView<'a> {
    fn of(process: &'a FleetProcess) -> Self {
        Self {
            name: &process.name,
            number: format!("{:016x}", process.number),
            vote: &process.vote,
            version: &process.version,
            link: process.link.as_ref().map(LinkView::of),
            is_this: process.is_this,
            circuits: process.circuits.iter().map(StateView::of).collect(),
            is_cut: process.is_cut,
        }
    }
}

impl<'a> StateView<'a> {
    fn of(circuit: &'a ProcessCircuit) -> Self {
        Self { name: &circuit.name, state: circuit.state, overridden: circuit.overridden }
    }
}

impl<'a> AgreedView<'a> {
    fn of(circuit: &'a FleetCircuit, sees_words: bool) -> Self {
        let record = circuit.record.as_ref();
        Self {
            name: &circuit.name,
            epoch: record.map(|record| record.epoch),
            state: record.map(|record| record.state),
            overridden: record.and_then(|record| record.overridden),
            serial: record.and_then(|record| record.serial),
            left: record.and_then(|record| record.left),
            cause: record.map(|record| record.cause),
            process: record.map(|record| record.process.as_str()),
            words: sees_words.then(|| Words::of(record)),
            votes: &circuit.votes,
            leases: circuit.leases.iter().map(LeaseView::of).collect(),
        }
    }
}

impl<'a> Words<'a> {
    fn of(record: Option<&'a FleetRecordLook>) -> Self {
        Self {
            actor: record.and_then(|record| record.actor.as_deref()),
            reason: record.and_then(|record| record.reason.as_deref()),
        }
    }
}

impl<'a> LeaseView<'a> {
    fn of(lease: &'a FleetLease) -> Self {
        Self { process: &lease.process, left: lease.left }
    }
}

fn none() -> Problem {
    Problem::not_found(
        "these circuits are shared with no fleet: connect a `RedisSync` to the registry",
    )
}
