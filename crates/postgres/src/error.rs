//! What becomes of a connection or a command that fails.

use std::fmt;

use tower_circuit_breaker::fleet::FleetUnreachable;

use crate::fault::Fault;
use crate::kind::SyncErrorKind;

/// The error of a command to the fleet that was not carried out.
#[derive(Debug)]
pub struct SyncError {
    why: FleetUnreachable,
}

/// Why [`connect`](crate::PostgresSyncBuilder::connect) gave no connection.
///
/// Its text names no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    pub(crate) why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    BadConfig { detail: String },
    Failed { fault: Fault, address: String },
    TooOld { version: i32, address: String },
    Replica { address: String },
    ReadOnly { address: String },
    MayNotCreate { said: String, address: String, statements: String },
}

impl Why {
    /// What counts as having gone wrong.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Failed { fault, address } => fault.while_doing(format_args!("at {address}")),
            _ => {
                let error = ConnectError { why: self.clone() };
                Fault::new(error.kind().unwrap_or(SyncErrorKind::Other), &error.to_string())
            }
        }
    }

    /// Whether somebody has to mend it: there is no use in asking once a second.
    pub(crate) const fn is_refusal(&self) -> bool {
        match self {
            Self::Failed { fault, .. } => matches!(
                fault.kind(),
                SyncErrorKind::LoginRefused | SyncErrorKind::NoPermission | SyncErrorKind::Schema
            ),
            _ => true,
        }
    }

    /// Whether it may be well later without anyone's doing here: the server is away or busy, or another
    /// is promoted.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Replica { .. } | Self::ReadOnly { .. })
    }
}

impl SyncError {
    pub(crate) const fn new(why: FleetUnreachable) -> Self {
        Self { why }
    }
}

impl ConnectError {
    /// Returns the kind of the error; `None` for settings or a server that will not do.
    #[must_use]
    pub const fn kind(&self) -> Option<SyncErrorKind> {
        match &self.why {
            Why::Failed { fault, .. } => Some(fault.kind()),
            Why::Replica { .. } | Why::ReadOnly { .. } => Some(SyncErrorKind::ReadOnly),
            Why::MayNotCreate { .. } => Some(SyncErrorKind::NoPermission),
            Why::BadConfig { .. } | Why::TooOld { .. } => None,
        }
    }

    /// Returns the statements that make the tables which this role may not make.
    ///
    /// For an administrator. `None` where that is not what is wrong.
    #[must_use]
    pub fn statements(&self) -> Option<&str> {
        match &self.why {
            Why::MayNotCreate { statements, .. } => Some(statements),
            _ => None,
        }
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the fleet could not be told: {}; circuits go on by themselves", self.why)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::BadConfig { detail } => write!(
                f,
                "not the address of a PostgreSQL ({detail}): \
                 write postgresql://role:password@host/database or host=... user=... dbname=..."
            ),
            Why::Failed { fault, address } if fault.kind() == SyncErrorKind::LoginRefused => {
                write!(f, "PostgreSQL at {address} refused the login: {fault}")
            }
            Why::Failed { fault, address } => {
                write!(f, "no connection to PostgreSQL at {address}: {fault}")
            }
            Why::TooOld { version, address } => {
                write!(
                    f,
                    "PostgreSQL at {address} is of version {}: 13 or later is needed",
                    version / 10_000
                )
            }
            Why::Replica { address } => write!(
                f,
                "PostgreSQL at {address} is a replica, to which nothing can be written: give the address \
                 of its primary, or all of them: \
                 postgresql://one,other/database?target_session_attrs=read-write"
            ),
            Why::ReadOnly { address } => write!(
                f,
                "PostgreSQL at {address} lets this role write nothing: set \
                 default_transaction_read_only to off for it"
            ),
            Why::MayNotCreate { said, address, statements } => write!(
                f,
                "the role may not create the tables at {address} ({said}); an administrator makes them \
                 with these statements, and nothing else is needed then:\n{statements}"
            ),
        }
    }
}

impl std::error::Error for SyncError {}

impl std::error::Error for ConnectError {}
