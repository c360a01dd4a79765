//! Kinds of what goes wrong between a process and Redis.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What kind of thing went wrong between this process and Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SyncErrorKind {
    /// No connection, or it broke.
    Unreachable,
    /// Redis did not answer in time.
    TimedOut,
    /// The password or the user was refused, or nobody without one is let in: `NOAUTH`, `WRONGPASS`,
    /// `DENIED`.
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
    /// Another process of the fleet has the same name: give each a
    /// [`node`](crate::RedisSyncBuilder::node) of its own.
    SameName,
    /// An answer that nobody expected.
    Protocol,
    /// Anything else.
    Other,
}

impl SyncErrorKind {
    /// All kinds of errors.
    pub const ALL: [Self; 14] = [
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
        Self::SameName,
        Self::Protocol,
        Self::Other,
    ];

    /// Returns the name used in logs and metrics.
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
            Self::SameName => "same_name",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }

    pub(crate) fn of(error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        let words = error.to_string();
        if is_of_full_server(&words) {
            return Self::TooManyClients;
        }
        // Of the commands of a login, the code is lost on the way.
        if words.contains("has no permissions to run") {
            return Self::NoPermission;
        }
        // Where a number was asked for.
        if words.contains("is not an integer") {
            return Self::Foreign;
        }
        Self::of_code(error.code().unwrap_or_default()).unwrap_or_else(|| match error.kind() {
            ErrorKind::AuthenticationFailed => Self::LoginRefused,
            ErrorKind::Io => Self::Unreachable,
            ErrorKind::Server(ServerErrorKind::BusyLoading) => Self::Loading,
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::ReadOnly,
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::NoPermission,
            _ if error.is_cluster_error() => Self::Moved,
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType | ErrorKind::RESP3NotSupported => {
                Self::Protocol
            }
            _ if error.is_unrecoverable_error() => Self::Unreachable,
            _ => Self::Other,
        })
    }

    /// The kind of an error of which a server has said this.
    pub(crate) fn said(words: &str) -> Self {
        if is_of_full_server(words) {
            return Self::TooManyClients;
        }
        let code = words.split(' ').next().unwrap_or_default();
        Self::of_code(code).unwrap_or(Self::Other)
    }

    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "NOAUTH" | "WRONGPASS" | "DENIED" => Self::LoginRefused,
            "NOPERM" => Self::NoPermission,
            "READONLY" | "MISCONF" | "NOREPLICAS" => Self::ReadOnly,
            "OOM" => Self::OutOfMemory,
            "LOADING" => Self::Loading,
            "BUSY" => Self::Busy,
            "MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT" => Self::Moved,
            "FOREIGN" | "WRONGTYPE" => Self::Foreign,
            "NOPROTO" => Self::Protocol,
            _ => return None,
        })
    }

    /// Whether the connection is of no more use.
    pub(crate) const fn ends_connection(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Protocol)
    }
}

/// Said as a plain `ERR` before the connection is closed.
fn is_of_full_server(words: &str) -> bool {
    words.contains("max number of clients")
}

impl fmt::Display for SyncErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
