//! Whom a command is for.

use std::time::Duration;

use http::StatusCode;
use tower_circuit_breaker::fleet::{FleetCommand, FleetOrder};

use crate::audit::AuditEntry;
use crate::command::Command;
use crate::problem::{Problem, quoted};
use crate::query::Query;

/// Whom a command is for, as its query says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This process alone.
    Process,
    /// All processes that share circuits with it.
    Fleet,
}

impl Scope {
    pub(crate) const KNOWN: &str = "?scope=fleet or ?scope=process, and ?name";

    /// What is not known is refused: a slip would act on the wrong circuits.
    pub(crate) fn take(query: &mut Query) -> Result<Self, Problem> {
        match query.take("scope").as_deref() {
            None | Some("process") => Ok(Self::Process),
            Some("fleet") => Ok(Self::Fleet),
            Some(other) => {
                let detail = format!("?scope is fleet or process, not {}", quoted(other));
                Err(Problem::bad_request(detail))
            }
        }
    }
}

impl Command {
    /// The same command to the whole fleet, where there is one.
    pub(crate) fn for_fleet(self, lasting: Option<Duration>) -> Result<FleetCommand, Problem> {
        match self {
            Self::Reset => Ok(FleetCommand::Reset),
            Self::ForceOpen => Ok(FleetCommand::ForceOpen { lasting }),
            Self::ForceClosed => Ok(FleetCommand::ForceClosed { lasting }),
            Self::Release => Ok(FleetCommand::Release),
            Self::Trip => Err(Problem::bad_request(
                "trip is for one process: leave ?scope=fleet out, or use force-open, which rejects every \
                 call of every process until it is released",
            )),
            Self::Observe => Err(Problem::bad_request(
                "observe is for one process: leave ?scope=fleet out, and give it to each",
            )),
        }
    }
}

/// The name in the audit where the fleet has not kept it.
pub(crate) const fn failed_str(command: FleetCommand) -> &'static str {
    match command {
        FleetCommand::Reset => "fleet reset failed",
        FleetCommand::ForceOpen { .. } => "fleet force-open failed",
        FleetCommand::ForceClosed { .. } => "fleet force-closed failed",
        FleetCommand::Release => "fleet release failed",
    }
}

/// The order, with who gives it and why, as the audit has it in `entry`.
pub(crate) fn fleet_order(command: FleetCommand, entry: &AuditEntry) -> FleetOrder {
    let mut order = FleetOrder::new(command);
    order.actor.clone_from(&entry.actor);
    order.actor_checked = entry.actor_checked;
    order.reason.clone_from(&entry.reason);
    order
}

/// There is nobody to share a command with.
pub(crate) fn no_fleet() -> Problem {
    let detail = "these circuits are shared with no fleet: leave ?scope=fleet out, or connect a \
                  `RedisSync` to the registry";
    Problem::new(StatusCode::CONFLICT, detail)
}
