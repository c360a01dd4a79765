//! Calls in flight, and the share of calls that is admitted.

pub(crate) mod share;
pub(crate) mod tracking;
