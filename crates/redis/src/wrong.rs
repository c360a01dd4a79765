//! Servers that are there, and are not the ones that are needed.

use std::fmt;

/// What is wrong about the place that a URL leads to, and what cures it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A replica stands where the primary is to be.
    Replica { address: String },
    /// A URL of a Redis leads to a Sentinel.
    IsSentinel { address: String },
}

impl Wrong {
    /// Whether it may be well later without anyone's doing, such as after a fail-over.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Replica { .. } => true,
            Self::IsSentinel { .. } => false,
        }
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
        }
    }
}
