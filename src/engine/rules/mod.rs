//! Trip rules and settings, rates, confidence and backoff.

pub(crate) mod backoff;
pub(crate) mod condition;
pub(crate) mod confidence;
pub(crate) mod open_steps;
pub(crate) mod rate;
pub(crate) mod rule;
pub(crate) mod settings;
#[cfg_attr(
    not(feature = "serde"),
    allow(dead_code, reason = "text alone asks for all of it, and what shows thresholds for some")
)]
pub(crate) mod written;
