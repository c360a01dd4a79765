//! Trip rules and settings, rates, confidence and backoff.

pub(crate) mod backoff;
pub(crate) mod confidence;
pub(crate) mod rate;
pub(crate) mod rule;
pub(crate) mod settings;
