//! The state machine of a circuit: outcomes, windows, rules, states.
//!
//! Knows std and `crate::sync`, nothing else; `now` comes in, a [`Change`](change::Change) comes
//! out.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

pub(crate) mod change;
#[cfg(all(test, breaker_loom))]
pub(crate) mod explore;
pub(crate) mod in_flight;
pub(crate) mod machine;
pub(crate) mod outcome;
pub(crate) mod record;
pub(crate) mod rules;
pub(crate) mod state;
pub(crate) mod stripes;
pub(crate) mod ticket;
pub(crate) mod time;
pub(crate) mod window;
