//! The seam for crates that share circuits between processes, such as
//! [tower-circuit-breaker-redis](https://docs.rs/tower-circuit-breaker-redis).
//!
//! Not needed to use a shared circuit.

mod command;
mod link;
mod look;
mod member;

pub use self::command::{Fleet, FleetCommand, FleetOrder, FleetUnreachable};
pub use self::link::{FleetLink, LinkStatus};
pub use self::look::{
    FleetCircuit, FleetLease, FleetLook, FleetProcess, FleetRecordLook, ProcessCircuit,
};
pub use self::member::Member;
pub use crate::engine::machine::verdict::{Ruling, Verdict};
