//! For tests of what stands around a circuit (feature `test-util`).
//!
//! - [`ManualClock`]: time that moves when the test says so.
//! - [`ScriptedService`]: an upstream that answers, fails, hangs and panics by a script, and tells
//!   what was asked of it.
//! - [`assert_open`], [`assert_rejected`] and the like: assertions whose messages show the whole
//!   circuit.
//! - [`reach`]: brings a circuit to a state by calls, by its own rules.

mod answer;
mod assert;
mod describe;
pub mod reach;
mod scripted;
mod trial;

pub use crate::clock::manual::ManualClock;
pub use crate::test_util::answer::{Answer, Gate};
pub use crate::test_util::assert::{
    CarriesRejection, assert_admitted, assert_closed, assert_half_open, assert_open,
    assert_rejected, assert_state,
};
pub use crate::test_util::scripted::ScriptedService;
pub use crate::test_util::scripted::future::ScriptedFuture;
