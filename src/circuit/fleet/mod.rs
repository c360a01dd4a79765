//! The seam for crates that share circuits between processes, such as
//! [tower-circuit-breaker-redis](https://docs.rs/tower-circuit-breaker-redis).
//!
//! Not needed to use a shared circuit.

mod command;

#[cfg(feature = "redis")]
mod verdicts;

pub use self::command::{Fleet, FleetCommand, FleetUnreachable};
