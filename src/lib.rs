//! Circuit breaker.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod circuit;
mod classify;
mod clock;
mod config;
mod engine;
mod error;
mod event;
mod future;
mod handle;
mod layer;
mod listeners;
#[cfg(feature = "tower")]
mod load;
mod permit;
pub mod rejection;
#[cfg(feature = "serde")]
mod serialize;
mod service;
mod snapshot;
mod sync;
mod waiters;

pub use crate::builder::CircuitBuilder;
pub use crate::circuit::Circuit;
pub use crate::classify::{Classify, ErrorsAsFailures, FailureIf, Ignoring};
#[cfg(feature = "test-util")]
pub use crate::clock::manual::ManualClock;
#[cfg(feature = "tokio")]
pub use crate::clock::tokio::TokioClock;
pub use crate::clock::{Clock, SystemClock};
pub use crate::config::CircuitConfig;
pub use crate::engine::backoff::Backoff;
pub use crate::engine::change::ChangeReason;
pub use crate::engine::outcome::{FailureKind, Outcome};
pub use crate::engine::rules::TripRule;
pub use crate::engine::state::{CircuitState, Override};
pub use crate::engine::totals::{Totals, Transitions};
pub use crate::engine::window::{SlidingWindow, WindowCounts};
pub use crate::error::{BoxError, Error, RejectReason, Rejected};
pub use crate::event::{CircuitEvent, Interest, Listener};
pub use crate::future::ResponseFuture;
pub use crate::layer::CircuitBreakerLayer;
pub use crate::permit::Permit;
#[doc(inline)]
pub use crate::rejection::Typed;
pub use crate::service::{CircuitBreaker, OnOpen};
pub use crate::snapshot::{CircuitSnapshot, Health, Trip};
