//! A circuit breaker for [tower](https://docs.rs/tower) services and plain calls.
//!
//! A [`Circuit`] counts the outcomes of calls to one upstream. While the upstream fails it rejects
//! calls at once, then lets a few probes through, and closes again when they succeed. It is a value:
//! made once, named, cloned and shared. [`CircuitBreakerLayer`] puts it around a tower service;
//! [`Circuit::call`], [`Circuit::run`] and [`Circuit::try_acquire`] need no tower.
//!
//! ```
//! use std::time::Duration;
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, Rejected};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = Circuit::builder("weather")
//!     .consecutive_failures(3)
//!     .open_for(Duration::from_secs(10))
//!     .build();
//! let client = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(circuit).boxed())
//!     .service(service_fn(|_: ()| async { Err::<u16, BoxError>("connection refused".into()) }));
//!
//! for _ in 0..3 {
//!     assert_eq!(client.clone().oneshot(()).await.unwrap_err().to_string(), "connection refused");
//! }
//! let error = client.oneshot(()).await.unwrap_err();
//! assert_eq!(Rejected::find(&*error).unwrap().circuit(), "weather");
//! # }
//! ```
//!
//! # States
//!
//! ```text
//!            a trip rule holds                 the open time is over
//!   Closed ───────────────────────▶ Open ───────────────────────────▶ HalfOpen
//!     ▲                              ▲                                   │  │
//!     │                              └───────────────────────────────────┘  │
//!     │                                     too many probes failed          │
//!     └─────────────────────────────────────────────────────────────────────┘
//!                              enough probes succeeded
//! ```
//!
//! Every change begins a new *epoch* with an empty window. A result that arrives with an older
//! epoch is counted as *stale* and changes nothing.
//!
//! # Settings
//!
//! | setter of [`CircuitBuilder`] | default |
//! |---|---|
//! | [`consecutive_failures`](CircuitBuilder::consecutive_failures) | five over at least 1 s ([`TripRule::lasting`]), while no rule is set; what is set is exact |
//! | [`failure_rate`](CircuitBuilder::failure_rate) | 0.5, while no rule is set |
//! | [`failure_rate_confident`](CircuitBuilder::failure_rate_confident), [`failure_count`](CircuitBuilder::failure_count), [`slow_call_rate`](CircuitBuilder::slow_call_rate), [`stalled_calls`](CircuitBuilder::stalled_calls), [`rule`](CircuitBuilder::rule) | none |
//! | [`window`](CircuitBuilder::window) | the last 10 s in 10 buckets, where a rule needs one |
//! | [`minimum_calls`](CircuitBuilder::minimum_calls) | 20 |
//! | [`open_for`](CircuitBuilder::open_for) or [`open_backoff`](CircuitBuilder::open_backoff) | 30 s |
//! | [`probes`](CircuitBuilder::probes), [`concurrent_probes`](CircuitBuilder::concurrent_probes) | 1 |
//! | [`failed_probes_allowed`](CircuitBuilder::failed_probes_allowed) | 0 |
//! | [`probe_timeout`](CircuitBuilder::probe_timeout) | the open time, at least 1 s |
//! | [`abandoned_after`](CircuitBuilder::abandoned_after) | none: a closed circuit hears nothing of dropped calls; of probes see [`ChangeReason::ProbesUnanswered`] |
//! | [`ramp`](CircuitBuilder::ramp), [`throttle`](CircuitBuilder::throttle) | none: a closed circuit admits all calls |
//! | [`max_trip_for`](CircuitBuilder::max_trip_for) | 1 h |
//! | [`restore`](CircuitBuilder::restore) | closed, as if there had been no earlier process |
//!
//! # Where things are
//!
//! - what a result counts as: [`Classify`], [`Outcome`], [`FailureKind`],
//!   [`failure_if`](CircuitBreakerLayer::failure_if); what says nothing of the upstream:
//!   [`ignoring`](CircuitBreakerLayer::ignoring), [`not_sent`](CircuitBreakerLayer::not_sent),
//!   [`ErrorChain`]
//! - what a rejected caller gets: [`Rejected`], [`Error`], the strategies in [`rejection`]
//! - what tries again, and stops at a rejection: `RetryPolicy` for `tower::retry`
//! - what a caller meets while the circuit is open: a rejection, or a wait ([`OnOpen`]); what goes
//!   past it: [`bypass_if`](CircuitBreakerLayer::bypass_if)
//! - what is seen: [`Circuit::snapshot`], [`Circuit::recent_events`], [`Circuit::subscribe`],
//!   [`Listener`]; how long calls took, where [`latency`](CircuitBuilder::latency) asks for it:
//!   [`Circuit::latency`]
//! - what asks whether the upstream is back: calls, or `Circuit::health_probe` in the background
//! - what operators do: [`Circuit::trip`], [`reset`](Circuit::reset),
//!   [`force_open`](Circuit::force_open), [`force_closed`](Circuit::force_closed),
//!   [`observe`](Circuit::observe), [`release`](Circuit::release),
//!   [`reconfigure`](Circuit::reconfigure)
//! - what outlives a restart: [`Circuit::export`], [`CircuitBuilder::restore`]
//! - many circuits: [`CircuitRegistry`] by name, [`keyed`] by host, tenant or route; [`CircuitGroup`]
//!   for those that are switched off together, or of which some must stay closed
//! - programs to copy, a tutorial, settings, troubleshooting, the stack and its traps:
//!   [the guide](crate::guide)
//!
//! # Features
//!
//! None is on by default, and none changes what the others do.
//!
//! | feature | brings |
//! |---|---|
//! | `http` | outcomes at the end of the body, classifiers by status, rejections as responses |
//! | `hyper-util-01`, `reqwest-013` | what the errors of these clients mean, where `hyper::layer` or `reqwest::layer` ask for it; `reqwest::client`, a tower service |
//! | `tonic-014` | `tonic::layer`: rejections as a `Status` of `UNAVAILABLE`; `Status` as an [`ErrorChain`] |
//! | `tower` | `tower::load::Load` passes through; `RetryPolicy` and `RetryUnlessRejected` for `tower::retry` |
//! | `tower-http-07` | the classifiers of tower-http |
//! | `tokio` | `TokioClock`, `OnOpen::Wait`, `Circuit::health_probe` |
//! | `coarse-clock` | time windows, slow-call rules and rejections at half the cost: see [`SystemClock`]; `CoarseClock` |
//! | `serde` | [`CircuitConfig`] and [`SavedCircuit`] from and to text, snapshots as JSON |
//! | `tracing` | each circuit logs its changes; `TracingListener` logs rejections, too |
//! | `test-util` | `ManualClock`: time that moves when the test says so |
//! | `full` | all of these |
//!
//! Crates of their own: [metrics](https://docs.rs/tower-circuit-breaker-telemetry) for Prometheus and
//! the `metrics` facade, [a live page and control](https://docs.rs/tower-circuit-breaker-admin), and
//! one verdict for a fleet through [Redis](https://docs.rs/tower-circuit-breaker-redis) or
//! [PostgreSQL](https://docs.rs/tower-circuit-breaker-postgres).
//!
//! # Limits
//!
//! A circuit lives in one process; the redis and postgres crates share its verdicts. It times nothing out: put a
//! timeout inside it. Without the feature `http` it judges a response when its head is there.
//! It needs 64-bit atomics.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod circuit;
mod clock;
mod engine;
mod error;
mod events;
mod group;
// Its examples need all features, its text none.
#[cfg(any(feature = "full", not(doctest)))]
pub mod guide;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "hyper-util-01")]
pub mod hyper;
pub mod keyed;
#[cfg(all(test, breaker_loom))]
mod races;
mod registry;
#[cfg(feature = "reqwest-013")]
pub mod reqwest;
mod service;
mod sync;
#[cfg(feature = "tonic-014")]
pub mod tonic;
#[cfg(feature = "tracing")]
mod tracing;
pub mod view;

pub use crate::circuit::Circuit;
pub use crate::circuit::builder::CircuitBuilder;
pub use crate::circuit::classify::{
    AddFailureIf, AlsoFailureIf, Classify, ErrorsAsFailures, ErrorsInChainAsFailures, FailureIf,
};
pub use crate::circuit::config::CircuitConfig;
pub use crate::circuit::fleet;
#[cfg(feature = "tokio")]
pub use crate::circuit::health_probe::HealthProbe;
pub use crate::circuit::last_failure::LastFailure;
pub use crate::circuit::overrides::{IsolationSnapshot, OverrideOrder, OverrideSnapshot};
pub use crate::circuit::permit::Permit;
pub use crate::circuit::progress::{ProbeProgress, Recoveries, Trip};
pub use crate::circuit::saved::SavedCircuit;
pub use crate::circuit::snapshot::{CircuitSnapshot, Health};
pub use crate::circuit::wrapped::WrappedCall;
#[cfg(feature = "coarse-clock")]
pub use crate::clock::coarse::CoarseClock;
#[cfg(feature = "test-util")]
pub use crate::clock::manual::ManualClock;
#[cfg(feature = "tokio")]
pub use crate::clock::tokio::TokioClock;
pub use crate::clock::{Clock, SystemClock};
pub use crate::engine::change::ChangeReason;
pub use crate::engine::machine::open_cap::OpenCap;
pub use crate::engine::outcome::{FailureKind, Outcome};
pub use crate::engine::record::histogram::LatencyHistogram;
pub use crate::engine::record::rejections::Rejections;
pub use crate::engine::record::totals::{Totals, Transitions};
pub use crate::engine::rules::backoff::Backoff;
pub use crate::engine::rules::rule::TripRule;
pub use crate::engine::state::{CircuitState, Override};
pub use crate::engine::window::counts::WindowCounts;
pub use crate::engine::window::span::SlidingWindow;
pub use crate::error::{BoxError, Error, ErrorChain, ErrorRef, ErrorText, RejectReason, Rejected};
pub use crate::events::event::{CircuitEvent, Interest, Listener, ListenerFaults};
pub use crate::events::handle::ListenerHandle;
pub use crate::events::history::{Delivery, RecentEvent, Subscription};
pub use crate::group::{CircuitGroup, Isolation};
pub use crate::registry::{CircuitRegistry, NameTaken};
#[doc(no_inline)]
pub use crate::service::completion::AtResult;
pub use crate::service::future::ResponseFuture;
pub use crate::service::layer::CircuitBreakerLayer;
pub use crate::service::on_open::{KnownAtCall, OnOpen, OnOpenChosen, OnOpenUnset};
#[doc(no_inline)]
pub use crate::service::rejection::Typed;
#[cfg(feature = "tower")]
pub use crate::service::retry::{
    FindRejected, InErrorChain, RepeatIf, RetryErrors, RetryFuture, RetryIf, RetryPolicy,
    RetryUnlessRejected, Retryable,
};
pub use crate::service::service::CircuitBreaker;
pub use crate::service::{completion, rejection};
#[cfg(feature = "tracing")]
pub use crate::tracing::TracingListener;

/// The README's examples are tests, too.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct Readme;
