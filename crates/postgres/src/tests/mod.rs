//! The store itself, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod planted;
#[path = "../../tests/fleet/server.rs"]
#[allow(dead_code, reason = "the tests of faults use all of it")]
pub(crate) mod server;
mod suite;
