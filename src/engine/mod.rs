//! The machine room: outcomes, windows, rules, states. Knows std and `crate::sync`, nothing else;
//! `now` comes in, a [`Change`](change::Change) comes out.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only bodies ask for it"))]
mod answered;
pub(crate) mod backoff;
pub(crate) mod change;
mod checks;
mod commands;
pub(crate) mod confidence;
pub(crate) mod control;
mod entry;
#[cfg(all(test, breaker_loom))]
pub(crate) mod explore;
#[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "only a fleet asks for it"))]
pub(crate) mod fleet;
#[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "only a health probe asks for it"))]
pub(crate) mod healing;
mod in_flight;
mod isolation;
mod kinds;
pub(crate) mod machine;
pub(crate) mod memory;
#[cfg(all(test, breaker_loom))]
mod models;
pub(crate) mod odds;
pub(crate) mod outcome;
pub(crate) mod places;
pub(crate) mod probes;
pub(crate) mod record;
mod recorder;
mod reservations;
pub(crate) mod rules;
pub(crate) mod settings;
pub(crate) mod state;
#[cfg(all(test, not(breaker_loom)))]
mod tests;
pub(crate) mod ticket;
pub(crate) mod time;
pub(crate) mod totals;
pub(crate) mod window;
