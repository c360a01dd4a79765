//! What pages and APIs that show circuits need besides a [snapshot](crate::CircuitSnapshot).

#[cfg(feature = "serde")]
use std::time::Duration;

pub use crate::circuit::thresholds::Thresholds;
#[cfg(feature = "serde")]
pub use crate::events::serialize::{by_kind, optional_seconds, seconds};
#[doc(hidden)]
pub use crate::sync::catch_panic::catch_panic;

/// Reads a duration as written in [`CircuitConfig`](crate::CircuitConfig), such as `"1m 30s"`.
///
/// `None` where it is not one.
#[cfg(feature = "serde")]
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    crate::circuit::config::parse_sum(text)
}
