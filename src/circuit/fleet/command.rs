//! Where operators reach the fleet that a registry's circuits are shared with.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::sync::Arc;

/// Gives commands to all processes that share circuits.
pub(crate) trait Fleet: Send + Sync {
    /// Resolves once the command is kept where every process finds it.
    fn command(
        &self,
        circuit: Arc<str>,
        command: FleetCommand,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>>;
}

/// What an operator can do to a circuit of all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FleetCommand {
    Reset,
    ForceOpen,
    ForceClosed,
    Release,
}

/// The fleet could not be told, and why.
#[derive(Debug)]
pub(crate) struct FleetUnreachable(pub(crate) String);

impl FleetCommand {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::ForceOpen => "force-open",
            Self::ForceClosed => "force-closed",
            Self::Release => "release",
        }
    }

    /// The name under which it is written down.
    pub(crate) const fn as_fleet_str(self) -> &'static str {
        match self {
            Self::Reset => "fleet reset",
            Self::ForceOpen => "fleet force-open",
            Self::ForceClosed => "fleet force-closed",
            Self::Release => "fleet release",
        }
    }
}

impl fmt::Display for FleetUnreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
