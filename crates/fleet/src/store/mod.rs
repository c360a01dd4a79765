//! Where a fleet keeps what it has agreed on.
//!
//! [`Store`] is what the protocol needs of Redis, of a database, or of the memory of one process
//! ([`MemoryStore`]). Whoever brings another store runs the [suite](crate::suite) on it.

pub mod ledger;
mod memory;
mod seam;
mod sums;

pub use crate::store::memory::MemoryStore;
pub use crate::store::seam::{Change, Gone, Refused, Store};
