//! Limits: bulkheads, and thresholds that adapt. Where other crates have a feature of their own, it is a
//! layer of tower here, or a rule of the circuit.
//!
//! | wished for | here |
//! |---|---|
//! | a bulkhead: one slow upstream takes no more than its share of calls, memory and connections | `concurrency_limit(n)` inside the circuit, one for each upstream; with `load_shed` in between, calls past it are turned away instead of waiting |
//! | the same for all instances of a service, as a router or a balancer makes them | tower's `GlobalConcurrencyLimitLayer`, made once beside the circuit |
//! | a bulkhead in a circuit that is not a tower service | tokio's `Semaphore` around [`Circuit::call`](crate::Circuit::call); tell what it turns away as [`Outcome::NotSent`](crate::Outcome::NotSent), or ask it first |
//! | no more than so many calls a second | `rate_limit(n, per)`, inside like the others |
//! | a bulkhead that closes when calls hang, before they have failed | [`stalled_calls`](crate::CircuitBuilder::stalled_calls), a trip rule |
//! | calls adapt to what an overloaded upstream accepts | [`throttle`](crate::CircuitBuilder::throttle), which sheds a share of them and never cuts it off |
//! | thresholds that hold at any traffic | [`failure_rate_confident`](crate::CircuitBuilder::failure_rate_confident): the rate is surely above the limit, whether of 5 calls or of 5,000 |
//! | other thresholds by day than by night | [`reconfigure`](crate::Circuit::reconfigure), while it runs |
//!
//! What no rule does is to move a threshold by what was usual lately: an outage that grows slowly would
//! become the usual.
//!
//! # A bulkhead
//!
//! The limit is inside, so that rejected calls take no place; what it turns away never reached the
//! upstream, and says nothing of it:
//!
//! ```
//! use futures_util::FutureExt;
//! use tower::load_shed::error::Overloaded;
//! use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = Circuit::builder("plants").consecutive_failures(1).build();
//! let mut plants = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(circuit.clone()).not_sent::<Overloaded>().boxed())
//!     .load_shed()
//!     .concurrency_limit(1)
//!     .service(service_fn(|()| std::future::pending::<Result<(), BoxError>>()));
//!
//! let mut hangs = plants.ready().await.unwrap().call(()).boxed();
//! assert!((&mut hangs).now_or_never().is_none());
//! let error = plants.ready().await.unwrap().call(()).await.unwrap_err();
//!
//! assert!(error.is::<Overloaded>());
//! let totals = circuit.snapshot().totals;
//! assert_eq!((totals.not_sent, totals.failures), (1, 0));
//! # }
//! ```
//!
//! # An upstream that accepts a tenth
//!
//! ```
//! use tower_circuit_breaker::{Circuit, CircuitState};
//!
//! let circuit = Circuit::builder("plants").throttle(2.0).build();
//! for call in 0..1_000 {
//!     let _ = circuit.run(|| if call % 10 == 0 { Ok(()) } else { Err("too busy") });
//! }
//!
//! let seen = circuit.snapshot();
//! assert_eq!(seen.state, CircuitState::Closed);
//! assert!(seen.admitted_share.is_some_and(|share| share < 0.5), "{seen:?}");
//! assert!(seen.rejections.throttled > 0);
//! ```
