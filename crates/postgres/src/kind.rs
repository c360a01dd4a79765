//! Kinds of what goes wrong between a process and PostgreSQL.

use std::fmt;

use tokio_postgres::Error;

use crate::words::words;

/// What kind of thing went wrong between this process and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SyncErrorKind {
    /// No connection, or it broke.
    Unreachable,
    /// The database did not answer in time, or ended the statement after its own time.
    TimedOut,
    /// The password or the role was refused, or the database is not for it.
    LoginRefused,
    /// The role may not do this.
    NoPermission,
    /// A replica, or a database or role whose transactions may not write.
    ReadOnly,
    /// The disk is full, or the server has no memory for it.
    OutOfSpace,
    /// The server starts, recovers or shuts down.
    Starting,
    /// The server has as many clients as it may.
    TooManyClients,
    /// Another transaction came between, where transactions are stricter than `read committed`.
    Conflict,
    /// Tables are missing, or not those of this version.
    Schema,
    /// Something that is no record of this version stands in a row, or came as a message.
    Foreign,
    /// No message arrives: a pooler in transaction mode. Changes are found by polling.
    Unheard,
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
        Self::OutOfSpace,
        Self::Starting,
        Self::TooManyClients,
        Self::Conflict,
        Self::Schema,
        Self::Foreign,
        Self::Unheard,
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
            Self::OutOfSpace => "out_of_space",
            Self::Starting => "starting",
            Self::TooManyClients => "too_many_clients",
            Self::Conflict => "conflict",
            Self::Schema => "schema",
            Self::Foreign => "foreign",
            Self::Unheard => "unheard",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }

    pub(crate) fn of(error: &Error) -> Self {
        if let Some(code) = error.code() {
            return Self::of_code(code.code());
        }
        let words = words(error);
        if words.starts_with("error parsing") || words.starts_with("unexpected message") {
            return Self::Protocol;
        }
        // An answer of other columns than those that were asked for.
        if words.contains("error deserializing column") || words.contains("invalid column") {
            return Self::Schema;
        }
        if words.contains("session does not match") || words.contains("does not allow writes") {
            return Self::ReadOnly;
        }
        if words.contains("password missing") || words.contains("authentication") {
            return Self::LoginRefused;
        }
        Self::Unreachable
    }

    /// The kind of an error of this [code](https://www.postgresql.org/docs/current/errcodes-appendix.html).
    fn of_code(code: &str) -> Self {
        match code {
            "57014" | "55P03" | "25P03" | "25P04" => Self::TimedOut,
            "42501" => Self::NoPermission,
            "25006" => Self::ReadOnly,
            "53300" => Self::TooManyClients,
            "57P01" | "57P02" | "57P03" => Self::Starting,
            "40001" | "40P01" => Self::Conflict,
            "3F000" | "42P01" | "42703" | "42P10" | "42804" | "42883" => Self::Schema,
            // A row that is none of this version's: it breaks a check, or is read as what it is not.
            "22P02" | "22003" | "22023" | "23514" | "23502" => Self::Foreign,
            "3D000" => Self::LoginRefused,
            // A pooler says so of many things; its words tell.
            "08P01" => Self::Protocol,
            _ => match code.get(..2) {
                Some("28") => Self::LoginRefused,
                Some("53") => Self::OutOfSpace,
                Some("08" | "57") => Self::Unreachable,
                _ => Self::Other,
            },
        }
    }

    /// Whether the connection is of no more use.
    pub(crate) const fn ends_connection(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Protocol | Self::Starting)
    }
}

impl fmt::Display for SyncErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_kind_of_thing_went_wrong() {
        let cases = [
            ("28P01", SyncErrorKind::LoginRefused),
            ("28000", SyncErrorKind::LoginRefused),
            ("3D000", SyncErrorKind::LoginRefused),
            ("42501", SyncErrorKind::NoPermission),
            ("25006", SyncErrorKind::ReadOnly),
            ("53100", SyncErrorKind::OutOfSpace),
            ("53300", SyncErrorKind::TooManyClients),
            ("57014", SyncErrorKind::TimedOut),
            ("57P03", SyncErrorKind::Starting),
            ("40001", SyncErrorKind::Conflict),
            ("42P01", SyncErrorKind::Schema),
            ("22P02", SyncErrorKind::Foreign),
            ("08006", SyncErrorKind::Unreachable),
            ("XX000", SyncErrorKind::Other),
        ];
        for (code, kind) in cases {
            assert_eq!(SyncErrorKind::of_code(code), kind, "{code}");
        }
    }
}
