//! Whom a command is for.

use std::time::Duration;

use http::StatusCode;
use tower_circuit_breaker::fleet::FleetCommand;

use crate::command::Command;
use crate::problem::{Problem, quoted};

/// Whom a command is for: the query of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This process alone.
    Process,
    /// All processes that share circuits with it.
    Fleet,
}

impl Scope {
    /// Reads the query. What is not known is refused: a slip would act on the wrong circuits.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        match query.unwrap_or_default() {
            "" | "scope=process" => Ok(Self::Process),
            "scope=fleet" => Ok(Self::Fleet),
            other => {
                let found = quoted(other);
                let wanted = "?scope=fleet or ?scope=process are known here, not";
                Err(Problem::bad_request(format!("{wanted} {found}")))
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
            Self::Trip | Self::Observe => Err(Problem::bad_request(format!(
                "{} is for one process: leave ?scope=fleet out, or use force-open",
                self.as_str()
            ))),
        }
    }
}

/// There is nobody to share a command with.
pub(crate) fn no_fleet() -> Problem {
    let detail = "these circuits are shared with no fleet: leave ?scope=fleet out, or connect a \
                  `RedisSync` to the registry";
    Problem::new(StatusCode::CONFLICT, detail)
}
