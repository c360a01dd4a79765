//! What becomes of a connection or a command that fails.

use std::fmt;

use crate::fault::Fault;
use crate::kind::SyncErrorKind;
use crate::wrong::Wrong;

/// The error of a command to the fleet that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncError {
    fault: Fault,
}

/// Why [`connect`](crate::RedisSyncBuilder::connect) gave no connection.
///
/// Its text names no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    pub(crate) why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    BadUrl { detail: String },
    BadCertificate { detail: String },
    Failed { fault: Fault, address: String },
    TooOld { version: String, address: String },
    Wrong(Wrong),
}

impl Why {
    /// What counts as having gone wrong.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Failed { fault, address } => {
                fault.while_doing(format_args!("connecting to {address}"))
            }
            Self::Wrong(wrong) => {
                let kind = kind_of(wrong).unwrap_or(SyncErrorKind::Other);
                Fault::new(kind, &wrong.to_string())
            }
            Self::BadUrl { .. } | Self::BadCertificate { .. } | Self::TooOld { .. } => {
                let error = ConnectError { why: self.clone() };
                Fault::new(SyncErrorKind::Other, &error.to_string())
            }
        }
    }

    /// Whether somebody has to mend it: there is no use in asking once a second.
    pub(crate) const fn is_refusal(&self) -> bool {
        match self {
            Self::Failed { fault, .. } => {
                matches!(fault.kind(), SyncErrorKind::LoginRefused | SyncErrorKind::NoPermission)
            }
            Self::Wrong(wrong) => wrong.is_refusal(),
            _ => true,
        }
    }

    /// Whether it may be well later without anyone's doing: the server is away or busy.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Failed { .. } => true,
            Self::Wrong(wrong) => wrong.may_pass(),
            Self::BadUrl { .. } | Self::BadCertificate { .. } | Self::TooOld { .. } => false,
        }
    }
}

const fn kind_of(wrong: &Wrong) -> Option<SyncErrorKind> {
    match wrong {
        Wrong::Replica { .. } | Wrong::NotYet { .. } => Some(SyncErrorKind::ReadOnly),
        Wrong::NoSentinel { .. } => Some(SyncErrorKind::Unreachable),
        Wrong::SentinelRefuses { .. } => Some(SyncErrorKind::LoginRefused),
        Wrong::IsSentinel { .. }
        | Wrong::SentinelUrl { .. }
        | Wrong::UnknownMaster { .. }
        | Wrong::NeedsTls
        | Wrong::OtherLayout { .. } => None,
    }
}

impl SyncError {
    pub(crate) const fn new(fault: Fault) -> Self {
        Self { fault }
    }

    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> SyncErrorKind {
        self.fault.kind()
    }
}

impl ConnectError {
    /// Returns the kind of the error.
    ///
    /// `None` for a URL, a certificate or a server that will not do.
    #[must_use]
    pub const fn kind(&self) -> Option<SyncErrorKind> {
        match &self.why {
            Why::Failed { fault, .. } => Some(fault.kind()),
            Why::Wrong(wrong) => kind_of(wrong),
            Why::BadUrl { .. } | Why::BadCertificate { .. } | Why::TooOld { .. } => None,
        }
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the fleet could not be told: {}; circuits go on by themselves", self.fault)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::BadUrl { detail } => write!(
                f,
                "not the URL of a Redis server ({detail}): \
                 write redis://host:6379 or rediss://:password@host:6379"
            ),
            Why::BadCertificate { detail } => {
                write!(f, "not a certificate in PEM form: {detail}")
            }
            Why::Failed { fault, address } if fault.kind() == SyncErrorKind::LoginRefused => {
                write!(f, "Redis at {address} refused the login: {fault}")
            }
            Why::Failed { fault, address } => {
                write!(f, "no connection to Redis at {address}: {fault}")
            }
            Why::TooOld { version, address } => {
                write!(f, "Redis at {address} is of version {version}: 6.2 or later is needed")
            }
            Why::Wrong(wrong) => wrong.fmt(f),
        }
    }
}

impl std::error::Error for SyncError {}

impl std::error::Error for ConnectError {}
