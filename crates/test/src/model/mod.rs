//! What a circuit should do, written to be read: beside it, a circuit is seen to do the same.
//!
//! A circuit packs its state into a few words that threads share without a lock. [`Model`] does the
//! same in the plainest way that is right: it keeps a list of results, of calls and of leases, and
//! counts them when it is asked. It knows the circuit only as every user does, and reckons for itself
//! whatever a circuit reckons. Where the two differ, one of them is wrong.
//!
//! It is told what happens: [`admit`](Model::admit) a call, [`answer`](Model::answer) it where it is
//! judged later, [`finish`](Model::finish) it, give a [`Command`],
//! [`reconfigure`](Model::reconfigure), and `now` for time that passes. It says what comes of that:
//! which calls are admitted, which probes are to be judged first ([`end_holds`](Model::end_holds)),
//! state and counts, and each [`Change`] that listeners are to hear of.
//!
//! Three use it:
//! - `tests/model` draws settings and scripts at random, and has circuits by key each by a model of
//!   their own. Nothing is taken over from the circuit there: every number is foretold.
//! - Fuzz targets and `tests/corpus` make settings and scripts of any bytes. What an HTTP exchange
//!   counts as is said by a table of theirs; what that does to the circuit, by the model.
//! - [`Conformance`](crate::Conformance) holds users' settings against it.
//!
//! # What it models
//!
//! All that calls, commands and time do to one circuit: trip rules of every sort, the window and runs
//! behind them, stalled calls, open times and their backoff, probes and their leases, overrides,
//! late results, totals.
//!
//! # What it does not
//!
//! - What is drawn at random: an open time with jitter, and which calls a ramp or a throttle sheds. It
//!   knows within which bounds, and takes the rest over where it is told to: `adopt_open_time`,
//!   `adopt_shed_call`, `adopt_would_have_rejected`.
//! - Changes from outside of calls and commands, such as a restart's or a fleet's: it can only take
//!   them over, by `adopt_change`.
//! - Waiting: services that are not ready, reservations, `OnOpen::Wait`.
//! - HTTP bodies: it is told how a call ended, not why.
//! - Groups, fleets, and several circuits at all.
//! - Threads: one thing happens at a time. Races are for the race models.
//!
//! # How to teach it a rule
//!
//! 1. A setting: a plain field of [`Settings`] with its default, what `build` makes of it, and
//!    `is_without_rules` if it is a trip rule. Users' settings come by `conformance/settings.rs`.
//! 2. Draws of it: `tests/model/strategies.rs` and [`Choices`], both at the end of what is drawn, so
//!    that what was found before means the same; else find the corpus anew.
//! 3. What it does, in `circuit.rs`: to a call on its way in (`admit`), to one that ends (`finish`, then
//!    `judge_call` or `judge_probe`), to the next open time (`open`), to a new epoch (`forget`). What an
//!    epoch forgets stands in a field of its own, and what is only looked up in none.
//! 4. What can be seen of it: [`compare()`](fn@compare), and `compare` of `conformance/commands.rs`.
//! 5. See it fail: with the rule in the circuit alone `tests/model` finds the difference in a second.

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
mod probes;
mod script;
mod settings;
mod sure;
mod window;

pub use crate::model::change::Change;
pub use crate::model::choices::Choices;
pub use crate::model::circuit::{Call, Model};
pub use crate::model::compare::{compare, rejection, same};
pub use crate::model::decode::decode;
pub use crate::model::script::{Command, MOST_STEPS, Step, run};
pub use crate::model::settings::{KINDS, KindRule, Settings, Share, Window};
pub use crate::model::sure::{SURE, Sure};
