//! Between the clock of tokio, by which a link waits, and the times of its node.

use std::time::Duration;

use tokio::time::Instant;

use crate::time::Timestamp;

/// When it is `due`, by the clock of tokio.
pub(super) fn at(start: Instant, due: Timestamp) -> Instant {
    start + Duration::from_nanos(due.as_nanos())
}

/// How late it is now.
pub(super) fn since(start: Instant) -> Timestamp {
    Timestamp::ZERO.after(start.elapsed())
}
