//! Whom a command is for.

use http::StatusCode;

use crate::admin::command::Command;
use crate::admin::problem::{Problem, quoted};
use crate::circuit::fleet::command::FleetCommand;

/// Whom a command is for: the query of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// This process alone.
    Process,
    /// All processes that share circuits with it.
    Fleet,
}

impl Scope {
    /// Reads the query. What is not known is refused: a slip would act on the wrong circuits.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
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
    pub(super) fn for_fleet(self) -> Result<FleetCommand, Problem> {
        match self {
            Self::Reset => Ok(FleetCommand::Reset),
            Self::ForceOpen => Ok(FleetCommand::ForceOpen),
            Self::ForceClosed => Ok(FleetCommand::ForceClosed),
            Self::Release => Ok(FleetCommand::Release),
            Self::Trip | Self::Observe => Err(Problem::bad_request(format!(
                "{} is for one process: leave ?scope=fleet out, or use force-open",
                self.as_str()
            ))),
        }
    }
}

/// There is nobody to share a command with.
pub(super) fn no_fleet() -> Problem {
    let detail = "these circuits are shared with no fleet: leave ?scope=fleet out, or connect a \
                  `RedisSync` to the registry";
    Problem::new(StatusCode::CONFLICT, detail)
}
