//! For tests of what stands around a circuit (feature `test-util`).
//!
//! - [`ManualClock`]: time that moves when the test says so.
//! - [`ScriptedService`]: an upstream that answers, fails, hangs and panics by a script, and tells
//!   what was asked of it.

mod answer;
mod scripted;

pub use crate::clock::manual::ManualClock;
pub use crate::test_util::answer::{Answer, Gate};
pub use crate::test_util::scripted::ScriptedService;
pub use crate::test_util::scripted::future::ScriptedFuture;
