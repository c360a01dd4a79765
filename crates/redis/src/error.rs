//! What goes wrong between a process and Redis.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::wrong::Wrong;

/// What kind of thing went wrong between this process and Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SyncErrorKind {
    /// No connection, or it broke.
    Unreachable,
    /// Redis did not answer in time.
    TimedOut,
    /// The password or the user was refused: `NOAUTH`, `WRONGPASS`.
    LoginRefused,
    /// The user may not do this: `NOPERM`.
    NoPermission,
    /// A replica, or a master that may not write: `READONLY`, `MISCONF`, `NOREPLICAS`.
    ReadOnly,
    /// Redis is full: `OOM`.
    OutOfMemory,
    /// Redis reads its data in: `LOADING`.
    Loading,
    /// A script of somebody else runs: `BUSY`.
    Busy,
    /// The keys are elsewhere: `MOVED`, `ASK`, `CLUSTERDOWN`.
    Moved,
    /// Redis has as many clients as it may.
    TooManyClients,
    /// Something that is no record of this version stands under one of the keys.
    Foreign,
    /// An answer that nobody expected.
    Protocol,
    /// Anything else.
    Other,
}

/// A command to the fleet that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncError {
    kind: SyncErrorKind,
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
    Failed { kind: SyncErrorKind, address: String, detail: String },
    TooOld { version: String, address: String },
    Wrong(Wrong),
}

impl SyncErrorKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Unreachable,
        Self::TimedOut,
        Self::LoginRefused,
        Self::NoPermission,
        Self::ReadOnly,
        Self::OutOfMemory,
        Self::Loading,
        Self::Busy,
        Self::Moved,
        Self::TooManyClients,
        Self::Foreign,
        Self::Protocol,
        Self::Other,
    ];

    /// The name used in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::LoginRefused => "login_refused",
            Self::NoPermission => "no_permission",
            Self::ReadOnly => "read_only",
            Self::OutOfMemory => "out_of_memory",
            Self::Loading => "loading",
            Self::Busy => "busy",
            Self::Moved => "moved",
            Self::TooManyClients => "too_many_clients",
            Self::Foreign => "foreign",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }

    pub(crate) fn of(error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        // Said as a plain `ERR` before the connection is closed.
        if error.to_string().contains("max number of clients") {
            return Self::TooManyClients;
        }
        Self::of_code(error.code().unwrap_or_default()).unwrap_or_else(|| match error.kind() {
            ErrorKind::AuthenticationFailed => Self::LoginRefused,
            ErrorKind::Io => Self::Unreachable,
            ErrorKind::Server(ServerErrorKind::BusyLoading) => Self::Loading,
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::ReadOnly,
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::NoPermission,
            _ if error.is_cluster_error() => Self::Moved,
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Protocol,
            _ if error.is_unrecoverable_error() => Self::Unreachable,
            _ => Self::Other,
        })
    }

    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "NOAUTH" | "WRONGPASS" => Self::LoginRefused,
            "NOPERM" => Self::NoPermission,
            "READONLY" | "MISCONF" | "NOREPLICAS" => Self::ReadOnly,
            "OOM" => Self::OutOfMemory,
            "LOADING" => Self::Loading,
            "BUSY" => Self::Busy,
            "MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT" => Self::Moved,
            "FOREIGN" | "WRONGTYPE" => Self::Foreign,
            _ => return None,
        })
    }

    /// Whether the connection is of no more use.
    pub(crate) const fn ends_connection(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Protocol)
    }
}

impl Why {
    /// What has gone wrong with the server at `address`.
    pub(crate) fn failed(error: &RedisError, address: &impl fmt::Display) -> Self {
        let kind = SyncErrorKind::of(error);
        Self::Failed { kind, address: address.to_string(), detail: detail(error) }
    }

    /// What counts as having gone wrong.
    pub(crate) const fn kind(&self) -> SyncErrorKind {
        match self {
            Self::Failed { kind, .. } => *kind,
            Self::Wrong(wrong) => match kind_of(wrong) {
                Some(kind) => kind,
                None => SyncErrorKind::Other,
            },
            Self::BadUrl { .. } | Self::BadCertificate { .. } | Self::TooOld { .. } => {
                SyncErrorKind::Other
            }
        }
    }

    /// Whether somebody has to mend it: there is no use in asking once a second.
    pub(crate) const fn is_refusal(&self) -> bool {
        match self {
            Self::Failed { kind, .. } => {
                matches!(kind, SyncErrorKind::LoginRefused | SyncErrorKind::NoPermission)
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
        | Wrong::NeedsTls => None,
    }
}

impl SyncError {
    pub(crate) const fn new(kind: SyncErrorKind) -> Self {
        Self { kind }
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub const fn kind(&self) -> SyncErrorKind {
        self.kind
    }
}

impl ConnectError {
    /// What kind of thing went wrong; `None` for a URL, a certificate or a server that will not do.
    #[must_use]
    pub const fn kind(&self) -> Option<SyncErrorKind> {
        match self.why {
            Why::Failed { kind, .. } => Some(kind),
            Why::Wrong(ref wrong) => kind_of(wrong),
            Why::BadUrl { .. } | Why::BadCertificate { .. } | Why::TooOld { .. } => None,
        }
    }
}

impl fmt::Display for SyncErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the fleet could not be told: {}; circuits go on by themselves", self.kind)
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
            Why::Failed { kind: SyncErrorKind::LoginRefused, address, detail } => write!(
                f,
                "Redis at {address} refused the login ({detail}): \
                 write user and password into the URL, as in redis://user:password@host:6379"
            ),
            Why::Failed { kind, address, detail } => {
                write!(f, "no connection to Redis at {address}: {kind} ({detail})")
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

/// What an error says, without what the URL may have brought into it.
pub(crate) fn detail(error: &RedisError) -> String {
    // What the system or TLS says of a connection is one level down.
    let source = std::error::Error::source(error).map(ToString::to_string);
    match error.detail().map(ToOwned::to_owned).or(source) {
        Some(detail) => format!("{}: {detail}", error.category()),
        None => error.category().to_owned(),
    }
}
