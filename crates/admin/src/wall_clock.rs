//! The time of day, which operators are shown.

use std::time::{Duration, SystemTime};

/// The time since 1970, by this machine's clock.
#[expect(clippy::disallowed_methods, reason = "operators are shown the time of day")]
pub(crate) fn since_1970() -> Duration {
    since_epoch(SystemTime::now())
}

/// The same of another time; 0 before.
pub(crate) fn since_epoch(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

pub(crate) fn now_in_millis() -> u64 {
    millis(since_1970())
}

pub(crate) fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}
