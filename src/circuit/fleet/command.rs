//! Commands of operators to all processes that share a circuit.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::circuit::fleet::link::FleetLink;
use crate::circuit::fleet::look::FleetLook;
use crate::sync::Arc;

/// Reaches the fleet of a registry, for operators and metrics.
///
/// A crate that shares circuits implements it.
pub trait Fleet: Send + Sync {
    /// Resolves once the command is kept where every process finds it.
    ///
    /// # Errors
    ///
    /// [`FleetUnreachable`] when it could not be kept, and why.
    fn command(
        &self,
        circuit: Arc<str>,
        command: FleetCommand,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>>;

    /// Returns how the link of this process to the fleet does; `None`, the default, where nobody
    /// knows.
    fn link(&self) -> Option<FleetLink> {
        None
    }

    /// As [`command`](Self::command), with who gives it and why, which the other processes show, too.
    ///
    /// By default the words are lost.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    fn order(
        &self,
        circuit: Arc<str>,
        order: FleetOrder,
    ) -> Pin<Box<dyn Future<Output = Result<(), FleetUnreachable>> + Send + Sync>> {
        self.command(circuit, order.command)
    }

    /// Returns what the fleet looks like, as last read; `None`, the default, where nobody reads it, or
    /// nothing was read yet.
    ///
    /// Waits for nothing. Whoever asks has it read again soon, at most once in two seconds; while
    /// nobody asks nothing is read.
    fn look(&self) -> Option<FleetLook> {
        None
    }
}

/// A command to the circuits of one name in all processes, with who gives it and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetOrder {
    /// What is to be done.
    pub command: FleetCommand,
    /// Who gives it: at most 64 bytes are kept.
    pub actor: Option<String>,
    /// Whether whoever passes it on knows the actor; else it is what somebody says.
    pub actor_checked: bool,
    /// Why: at most 200 bytes are kept.
    pub reason: Option<String>,
}

/// A command to the circuits of one name in all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever passes them on passes all of them on")]
pub enum FleetCommand {
    /// Closes it, with everything cleared: [`Circuit::reset`](crate::Circuit::reset).
    Reset,
    /// Rejects every call: [`Circuit::force_open`](crate::Circuit::force_open).
    ForceOpen {
        /// For this time; `None` until it is released.
        lasting: Option<Duration>,
    },
    /// Rejects no call: [`Circuit::force_closed`](crate::Circuit::force_closed).
    ForceClosed {
        /// For this time; `None` until it is released.
        lasting: Option<Duration>,
    },
    /// Ends what was forced: [`Circuit::release`](crate::Circuit::release).
    Release,
}

/// The fleet could not be reached, and why.
#[derive(Debug)]
pub struct FleetUnreachable {
    reason: String,
}

impl FleetOrder {
    /// Makes an order by nobody in particular, without a reason.
    #[must_use]
    pub const fn new(command: FleetCommand) -> Self {
        Self { command, actor: None, actor_checked: false, reason: None }
    }
}

impl FleetCommand {
    /// Returns the command's name: `reset`, `force-open`, `force-closed` or `release`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::ForceOpen { .. } => "force-open",
            Self::ForceClosed { .. } => "force-closed",
            Self::Release => "release",
        }
    }

    /// Returns how long the override is to last, where it has an end.
    #[must_use]
    pub const fn lasting(self) -> Option<Duration> {
        match self {
            Self::ForceOpen { lasting } | Self::ForceClosed { lasting } => lasting,
            Self::Reset | Self::Release => None,
        }
    }

    /// Returns the name in a log of operators' commands: `fleet reset` and the like.
    #[must_use]
    pub const fn as_fleet_str(self) -> &'static str {
        match self {
            Self::Reset => "fleet reset",
            Self::ForceOpen { .. } => "fleet force-open",
            Self::ForceClosed { .. } => "fleet force-closed",
            Self::Release => "fleet release",
        }
    }
}

impl FleetUnreachable {
    /// Makes an error with this reason, which operators are shown.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl std::error::Error for FleetUnreachable {}

impl fmt::Display for FleetUnreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
