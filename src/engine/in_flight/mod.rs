//! Calls in flight, and the share of calls that is admitted.

pub(crate) mod tracking;

pub(crate) mod calls;
pub(crate) mod share;
