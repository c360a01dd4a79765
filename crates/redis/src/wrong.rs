//! Servers that are there, and are not the ones that are needed.

use std::fmt;

/// What is wrong about the place that a URL leads to, and what cures it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A replica stands where the primary is to be.
    Replica { address: String },
    /// A URL of a Redis leads to a Sentinel.
    IsSentinel { address: String },
    /// A URL of Sentinels that lacks something.
    SentinelUrl { detail: String },
    /// Sentinels name a primary that is none, or none yet.
    NotYet { address: String, name: String },
    /// No Sentinel answers.
    NoSentinel { name: String, tried: String },
    /// Sentinels watch no master of this name.
    UnknownMaster { name: String, sentinel: String },
    /// Sentinels do not let this process in.
    SentinelRefuses { sentinel: String, detail: String },
    /// Certificates, and a URL without TLS.
    NeedsTls,
    /// Other processes of the fleet keep their circuits in another way.
    OtherLayout { prefix: String, found: String, own: u16 },
}

impl Wrong {
    /// Whether it may be well later without anyone's doing, such as after a fail-over.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Replica { .. }
            | Self::NotYet { .. }
            | Self::NoSentinel { .. }
            | Self::SentinelRefuses { .. }
            | Self::OtherLayout { .. } => true,
            Self::IsSentinel { .. }
            | Self::SentinelUrl { .. }
            | Self::UnknownMaster { .. }
            | Self::NeedsTls => false,
        }
    }

    /// Whether somebody has to mend it: there is no use in asking once a second.
    pub(crate) const fn is_refusal(&self) -> bool {
        !matches!(self, Self::NotYet { .. } | Self::NoSentinel { .. })
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replica { address } => write!(
                f,
                "Redis at {address} is a replica, to which nothing can be written: give the address \
                 of its primary, or have it found by Sentinels: \
                 redis+sentinel://host:26379/<name of the master>"
            ),
            Self::IsSentinel { address } => write!(
                f,
                "a Sentinel is at {address}, which is no store: \
                 write redis+sentinel://{address}/<name of the master>"
            ),
            Self::SentinelUrl { detail } => write!(
                f,
                "not the URL of Sentinels ({detail}): \
                 write redis+sentinel://host:26379,host:26379/<name of the master>"
            ),
            Self::NotYet { address, name } => write!(
                f,
                "Sentinels name {address} as the primary of '{name}', but it is a replica: \
                 a fail-over is under way, or another of that name is watched there"
            ),
            Self::NoSentinel { name, tried } => write!(
                f,
                "no Sentinel says where '{name}' is ({tried}): are they running, and is theirs the \
                 port in the URL, 26379 by default?"
            ),
            Self::UnknownMaster { name, sentinel } => write!(
                f,
                "the Sentinel at {sentinel} watches no master '{name}': end the URL with the name \
                 that `sentinel monitor` gives it in the Sentinels' configuration"
            ),
            Self::SentinelRefuses { sentinel, detail } => write!(
                f,
                "the Sentinel at {sentinel} refused the login ({detail}): it has one of its own, \
                 which RedisSyncBuilder::sentinel_login takes"
            ),
            Self::OtherLayout { prefix, found, own } => write!(
                f,
                "the fleet {prefix:?} keeps its circuits by another layout (version and partitions \
                 are {found:?}, and 1 {own} here): give this fleet a `prefix` of its own, or have all \
                 its processes of one version and on one Redis"
            ),
            Self::NeedsTls => f.write_str(
                "certificates are given, but the URL is one without TLS: write rediss:// or \
                 rediss+sentinel://",
            ),
        }
    }
}
