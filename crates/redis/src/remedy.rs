//! What helps against what goes wrong.

use crate::kind::SyncErrorKind;

/// What whoever reads of a fault of this kind may do; `words` are those of Redis or of the system.
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
        SyncErrorKind::NoPermission => NO_PERMISSION,
        SyncErrorKind::ReadOnly => READ_ONLY,
        SyncErrorKind::OutOfMemory => {
            &[("", "Redis is full: raise `maxmemory`, or have it evict other keys")]
        }
        SyncErrorKind::Busy => &[("", "a script of somebody else runs: `SCRIPT KILL` ends it")],
        SyncErrorKind::TooManyClients => {
            &[("", "raise `maxclients` of Redis, or have others close connections")]
        }
        SyncErrorKind::Foreign => FOREIGN,
        SyncErrorKind::Protocol => PROTOCOL,
        SyncErrorKind::SameName => &[(
            "",
            "give each process a name of its own by `node`, or leave it to its host and number",
        )],
        SyncErrorKind::Loading | SyncErrorKind::Moved | SyncErrorKind::Other => &[],
    }
}

const UNREACHABLE: &[(&str, &str)] = &[
    (
        "connection refused",
        "is Redis running there, is that its port, and does its `bind` let others in?",
    ),
    (
        "node in cluster not found",
        "the cluster's nodes are not to be reached where they say: give `map_address`",
    ),
    ("lookup", "is the name of the host spelled right?"),
    ("invalidcontenttype", PLAIN),
    ("corrupt message", PLAIN),
    ("notvalidforname", OTHER_NAME),
    ("not valid for name", OTHER_NAME),
    (
        "unknownissuer",
        "nobody that is trusted has signed the certificate: give the signer's to `root_certificate`",
    ),
    ("certificaterequired", "the server asks for the certificate of a client"),
    (
        "nothing was asked",
        "a proxy on the way may cut what idles: make `poll_interval` shorter than its time",
    ),
    ("by tls", PLAIN),
    ("connecting", TLS),
];

const TLS: &str = "where the server speaks TLS, write rediss:// instead of redis://";

const PLAIN: &str =
    "what answers there speaks no TLS: write redis:// instead of rediss://, or the port for TLS";

const OTHER_NAME: &str = "the certificate is of another name: connect by a name that stands in it";

const TIMED_OUT: &[(&str, &str)] = &[
    (
        "by tls",
        "a server that speaks no TLS says nothing: then write redis:// instead of rediss://, or the \
         port for TLS; does a firewall let this through?",
    ),
    ("connecting", "is the host right, and does a firewall let this through?"),
    ("", "Redis is busy, or the way to it slow: `response_timeout` is how long it may take"),
];

const LOGIN_REFUSED: &[(&str, &str)] = &[
    (
        "protected mode",
        "set a password in Redis and write it into the URL, or connect from the same machine",
    ),
    (
        "",
        "write user and password into the URL, as in redis://user:password@host:6379, \
         with %40 for @, %2F for / and %23 for #",
    ),
];

const NO_PERMISSION: &[(&str, &str)] = &[
    (
        "channel",
        "the user needs the channel, as in `&prefix:changes`; the crate's documentation has the \
         whole ACL line",
    ),
    ("one of the keys", KEYS),
    ("access a key", KEYS),
    ("", "the user needs that command; the crate's documentation has the whole ACL line"),
];

const KEYS: &str = "the user needs the keys, as in `~{prefix:*`, with the brace; the crate's \
     documentation has the whole ACL line";

const READ_ONLY: &[(&str, &str)] = &[
    ("misconf", "Redis cannot save its data and takes no writes until it can: see its log"),
    (
        "noreplicas",
        "Redis takes no writes while it has too few replicas: see `min-replicas-to-write`",
    ),
    ("", "this is a replica: connect to the primary"),
];

const FOREIGN: &[(&str, &str)] = &[
    (
        "ahead of",
        "it was forged, or the clock of Redis was set back: a command such as `reset` overwrites it",
    ),
    (
        "",
        "another program or version writes there: give this fleet a `prefix` of its own, or delete the key",
    ),
];

const PROTOCOL: &[(&str, &str)] = &[
    ("hello", RESP3),
    ("noproto", RESP3),
    ("resp3", RESP3),
    // What TLS answers to whom it does not understand.
    ("unexpected `21`", TLS),
    ("", "what answers there may be no Redis: are host and port right?"),
];

const RESP3: &str =
    "RESP3 is needed: Redis 6.2 or later, and no proxy on the way that knows RESP2 alone";
