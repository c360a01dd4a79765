//! What a circuit and a fleet of processes want of each other.

#[cfg_attr(
    not(all(feature = "admin", feature = "redis")),
    allow(dead_code, reason = "one of them has it, the other asks for it")
)]
pub(crate) mod command;
#[cfg(feature = "redis")]
mod verdicts;
