//! Serialization of events and snapshots (feature `serde`).

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::engine::change::ChangeReason;
use crate::engine::outcome::FailureKind;
use crate::engine::state::{CircuitState, Override};
use crate::error::RejectReason;

/// Serializes a name as its text.
macro_rules! as_text {
    ($($name:ty),*) => {
        $(impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        })*
    };
}

as_text!(ChangeReason, CircuitState, FailureKind, Override, RejectReason);

/// Writes a duration as a number of seconds.
///
/// # Errors
///
/// Those of the serializer.
pub fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Writes a duration as a number of seconds; `None` as none.
///
/// # Errors
///
/// Those of the serializer.
pub fn optional_seconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

/// Writes failures by kind as a map.
///
/// # Errors
///
/// Those of the serializer.
pub fn by_kind<S: Serializer>(
    failures: &[(FailureKind, u64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(failures.iter().copied())
}
