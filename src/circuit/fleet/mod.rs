//! The seam for crates that share circuits between processes, such as
//! [tower-circuit-breaker-redis](https://docs.rs/tower-circuit-breaker-redis).
//!
//! Not needed to use a shared circuit.

mod command;
mod link;
mod member;

pub use self::command::{Fleet, FleetCommand, FleetUnreachable};
pub use self::link::{FleetLink, LinkStatus};
pub use self::member::Member;
pub use crate::engine::machine::verdict::{Ruling, Verdict};
