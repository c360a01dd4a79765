//! What a circuit should do, written to be read: beside it, a circuit is seen to do the same.
//!
//! - [`Settings`] are plain numbers and durations, from which both are made.
//! - [`Model`] is told of each call, command and moment, and has state, counts and deadlines for it.
//! - [`run`] takes a script of [`Step`]s with both side by side, and says where they differ.
//! - [`Choices`] and [`decode()`] make settings and scripts of any bytes, for fuzzers.

#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::must_use_candidate,
    reason = "tests make and take apart all of these, and nobody else sees them"
)]

mod adopt;
mod ahead;
mod change;
mod choices;
mod circuit;
mod compare;
mod decode;
mod in_flight;
mod script;
mod settings;
mod sure;
mod window;

pub use crate::test_util::model::change::Change;
pub use crate::test_util::model::choices::Choices;
pub use crate::test_util::model::circuit::{Call, Model};
pub use crate::test_util::model::compare::{compare, rejection, same};
pub use crate::test_util::model::decode::decode;
pub use crate::test_util::model::script::{Command, MOST_STEPS, Step, run};
pub use crate::test_util::model::settings::{KINDS, KindRule, Settings, Share, Window};
pub use crate::test_util::model::sure::{SURE, Sure};
