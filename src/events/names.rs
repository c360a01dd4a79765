//! `Display` for all types that have an `as_str`.

use std::fmt;

use crate::engine::change::ChangeReason;
use crate::engine::outcome::FailureKind;
use crate::engine::state::{CircuitState, Override};
use crate::error::RejectReason;

macro_rules! display_by_name {
    ($($name:ty),*) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        })*
    };
}

display_by_name!(ChangeReason, CircuitState, FailureKind, Override, RejectReason);
