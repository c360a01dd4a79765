//! What helps against what goes wrong.

use crate::kind::SyncErrorKind;

/// What whoever reads of a fault of this kind may do; `words` are those of PostgreSQL or of the system.
pub(crate) fn remedy(kind: SyncErrorKind, words: &str) -> Option<&'static str> {
    let words = words.to_lowercase();
    let fitting = remedies(kind).iter().find(|(sign, _)| words.contains(sign));
    fitting.map(|(_, remedy)| *remedy)
}

/// Each with a sign, in small letters, by which it is known that it fits; an empty one always does.
const fn remedies(kind: SyncErrorKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        SyncErrorKind::Unreachable => UNREACHABLE,
        SyncErrorKind::TimedOut => TIMED_OUT,
        SyncErrorKind::LoginRefused => LOGIN_REFUSED,
        SyncErrorKind::NoPermission => &[(
            "",
            "the role needs SELECT, INSERT, UPDATE and DELETE on the tables breaker_circuits, \
             breaker_fleets and breaker_processes, and USAGE of their schema",
        )],
        SyncErrorKind::ReadOnly => READ_ONLY,
        SyncErrorKind::OutOfSpace => &[("", "free space on the server's disk, or memory")],
        SyncErrorKind::TooManyClients => &[(
            "",
            "raise `max_connections`, have others close connections, or connect through a pooler",
        )],
        SyncErrorKind::Conflict => &[(
            "",
            "let this role's transactions be `read committed`: \
             ALTER ROLE ... SET default_transaction_isolation = 'read committed'",
        )],
        SyncErrorKind::Schema => &[(
            "",
            "the tables are missing, or another version's: name theirs with `schema`, or drop them and \
             connect again",
        )],
        SyncErrorKind::Foreign => FOREIGN,
        SyncErrorKind::Unheard => &[(
            "",
            "a pooler in transaction mode lets no LISTEN through: changes are found by polling; connect \
             to PostgreSQL itself to be told of them at once",
        )],
        SyncErrorKind::Protocol => {
            &[("", "what answers there may be no PostgreSQL: are host and port right?")]
        }
        SyncErrorKind::Starting | SyncErrorKind::Other => &[],
    }
}

const UNREACHABLE: &[(&str, &str)] = &[
    (
        "connection refused",
        "is PostgreSQL running there, is that its port, and do its `listen_addresses` let others in?",
    ),
    ("no such file", "is PostgreSQL running, and is that the folder of its socket?"),
    ("lookup", "is the name of the host spelled right?"),
    ("no tls implementation", "with `sslmode=require` give your TLS connector to `connect_tls`"),
    (
        "does not support tls",
        "set `ssl = on` in PostgreSQL, or leave `sslmode` out where the way to it is safe",
    ),
    (
        "certificate",
        "your TLS connector decides whom it trusts: give it the certificate of whoever has signed the \
         server's, and connect by a name that stands in that",
    ),
];

const TIMED_OUT: &[(&str, &str)] = &[
    ("statement timeout", "`statement_timeout` of this role is shorter than a statement took"),
    ("connecting", "is the host right, and does a firewall let this through?"),
    ("", "PostgreSQL is busy, or the way to it slow: `response_timeout` is how long it may take"),
];

const LOGIN_REFUSED: &[(&str, &str)] = &[
    (
        "pg_hba",
        "`pg_hba.conf` of the server does not let this role in from here, or not without TLS",
    ),
    ("does not exist", "are role and database spelled right?"),
    (
        "",
        "write role and password as in postgresql://role:password@host/database, with %40 for @ and \
         %2F for /",
    ),
];

const READ_ONLY: &[(&str, &str)] = &[(
    "",
    "connect to the primary, or name all of its servers: \
         postgresql://one,other/database?target_session_attrs=read-write",
)];

const FOREIGN: &[(&str, &str)] = &[
    (
        "ahead of",
        "it was forged, or the clock of PostgreSQL was set back: a command such as `reset` overwrites it",
    ),
    ("a message", "somebody else notifies the fleet's channel; it changes nothing here"),
    (
        "",
        "another program or version writes there: give this fleet a `prefix` or a `schema` of its own, or \
         delete the row",
    ),
];
