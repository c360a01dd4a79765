//! Tests of what stands around a circuit of
//! [tower-circuit-breaker](https://docs.rs/tower-circuit-breaker).
//!
//! - [`ManualClock`]: time that moves when the test says so.
//! - [`ScriptedService`]: an upstream that answers, fails, hangs and panics by a script, and tells
//!   what was asked of it.
//! - [`assert_open`], [`assert_rejected`] and the like: assertions whose messages show the whole
//!   circuit.
//! - [`reach`]: brings a circuit to a state by calls, by its own rules.
//! - [`Conformance`]: runs your settings, classifier and clock through random sequences of calls, and
//!   says which promise does not hold.
//!
//! # When to use it
//!
//! In tests of a client stack: does it trip on what you mean by a failure, what do callers get while
//! it is open, does it come back? And once for each set of settings that you run: [`Conformance`]
//! finds settings that never open a circuit at your traffic, classifiers that take failures for
//! successes, and clocks that stand still.
//!
//! # When not to
//!
//! Not in production: this crate belongs under `[dev-dependencies]`. Not for the promises of the
//! network: a scripted service answers at once and in order. For a paused tokio runtime take
//! `TokioClock` (feature `tokio`) in the place of [`ManualClock`]: timers of other layers follow that.
//!
//! # Examples
//!
//! A small stack, through an outage and back:
//!
//! ```
//! use std::time::Duration;
//! use tower::{Layer, ServiceExt};
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
//! use tower_circuit_breaker_test::{
//!     ManualClock, ScriptedService, assert_admitted, assert_closed, assert_open, assert_rejected,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let clock = ManualClock::new();
//! let circuit = Circuit::builder("plants")
//!     .consecutive_failures(2)
//!     .open_for(Duration::from_secs(10))
//!     .clock(clock.clone())
//!     .build();
//! let upstream = ScriptedService::new([Ok(200), Ok(503), Ok(503), Ok(200)]);
//! let client = CircuitBreakerLayer::new(circuit.clone())
//!     .failure_if(|result: &Result<u16, String>| !matches!(result, Ok(..=499)))
//!     .layer(upstream.clone());
//!
//! for status in [200, 503, 503] {
//!     assert_eq!(client.clone().oneshot("aloe").await, Ok(status));
//! }
//! assert_open(&circuit);
//! let rejected = assert_rejected(client.clone().oneshot("aloe").await);
//! assert_eq!(rejected.retry_after(), Some(Duration::from_secs(10)));
//! assert_eq!(upstream.calls(), 3, "the fourth call does not reach it");
//!
//! clock.advance(Duration::from_secs(10));
//! assert_eq!(assert_admitted(client.oneshot("aloe").await), Ok(200));
//! assert_closed(&circuit);
//! # }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod assert;
pub mod conformance;
mod describe;
mod lock;
#[doc(hidden)]
pub mod model;
mod random;
pub mod reach;
mod scripted;
mod settings;
mod trial;

#[doc(no_inline)]
pub use tower_circuit_breaker::ManualClock;

pub use crate::answer::{Answer, Gate};
pub use crate::assert::{
    CarriesRejection, assert_admitted, assert_closed, assert_half_open, assert_open,
    assert_rejected, assert_state,
};
pub use crate::conformance::Conformance;
pub use crate::scripted::ScriptedService;
pub use crate::scripted::future::ScriptedFuture;

/// The README's example is a test, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
