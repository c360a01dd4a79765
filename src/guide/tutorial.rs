//! One outage, watched: what a circuit does from the first failure to the last probe.
//!
//! Nothing here waits. A [`ManualClock`][ManualClock] moves when the program says so, and a circuit
//! takes all times from its clock, so half a minute passes in a line. The whole program stands [at
//! the end](#the-whole-program).
//!
//! Such an outage at forty calls a second, as the example `replay` draws it:
//!
#![doc = include_str!("outage.svg")]
//!
//! # A circuit
//!
//! One value for one upstream, made once and cloned to wherever that is called:
//!
//! ```
//! use std::time::Duration;
//! use tower_circuit_breaker::{Circuit, CircuitState, ManualClock, SlidingWindow};
//!
//! let clock = ManualClock::new();
//! let circuit = Circuit::builder("plants")
//!     .failure_rate(0.5) // trips when half of the calls fail,
//!     .window(SlidingWindow::time(Duration::from_secs(10))) // of those of the last 10 s,
//!     .minimum_calls(4) // if these are four or more
//!     .open_for(Duration::from_secs(30)) // then rejects calls for half a minute
//!     .clock(clock.clone())
//!     .build();
//! assert_eq!(circuit.state(), CircuitState::Closed, "all calls are admitted");
//! ```
//!
//! # Closed: it counts
//!
//! [`Circuit::run`](crate::Circuit::run) makes a call if the circuit admits it. An `Ok` is a
//! success, an `Err` a failure; a [classifier](crate::Classify) may judge otherwise.
//!
//! ```
//! # use std::time::Duration;
//! # use tower_circuit_breaker::{Circuit, CircuitState, ManualClock, SlidingWindow};
//! # let clock = ManualClock::new();
//! # let circuit = Circuit::builder("plants").failure_rate(0.5).minimum_calls(4)
//! #     .window(SlidingWindow::time(Duration::from_secs(10))).clock(clock.clone()).build();
//! for _ in 0..3 {
//!     assert_eq!(circuit.run(|| Ok::<_, &str>("an oak")).unwrap(), "an oak");
//! }
//! let seen = circuit.snapshot();
//! assert_eq!((seen.window.calls, seen.window.failures), (3, 0));
//! assert_eq!(seen.failure_rate(), None, "three calls are too few for a rate");
//!
//! // Two failures of five calls are less than half.
//! for _ in 0..2 {
//!     assert!(circuit.run(|| Err::<(), _>("timed out")).is_err());
//! }
//! assert_eq!(circuit.snapshot().failure_rate(), Some(0.4));
//! assert_eq!(circuit.state(), CircuitState::Closed);
//!
//! // The window slides: ten seconds later these calls are out of it.
//! clock.advance(Duration::from_secs(11));
//! assert_eq!(circuit.snapshot().window.calls, 0);
//! ```
//!
//! # The trip
//!
//! The failure that brings the share to one half opens the circuit, and the snapshot says why. Only
//! a failure or a slow call can trip it, never a success.
//!
//! ```
//! # use std::time::Duration;
//! # use tower_circuit_breaker::{ChangeReason, Circuit, CircuitState, ManualClock, SlidingWindow};
//! # let clock = ManualClock::new();
//! # let circuit = Circuit::builder("plants").failure_rate(0.5).minimum_calls(4)
//! #     .window(SlidingWindow::time(Duration::from_secs(10))).clock(clock.clone()).build();
//! for answer in [Ok("an oak"), Ok("a rose"), Err("timed out"), Err("timed out")] {
//!     assert_eq!(circuit.state(), CircuitState::Closed);
//!     let _ = circuit.run(|| answer);
//! }
//! assert_eq!(circuit.state(), CircuitState::Open);
//!
//! let trip = circuit.snapshot().last_trip.unwrap();
//! assert_eq!(trip.reason, ChangeReason::FailureRate);
//! assert_eq!((trip.window.calls, trip.window.failures), (4, 2));
//! ```
//!
//! # Open: it rejects
//!
//! A rejected call does not reach the upstream. The caller learns which circuit rejected it, why,
//! and for how long the circuit will stay open:
//!
//! ```
//! # use std::time::Duration;
//! # use tower_circuit_breaker::{Circuit, ManualClock, RejectReason};
//! # let clock = ManualClock::new();
//! # let circuit = Circuit::builder("plants").clock(clock.clone()).build();
//! # circuit.trip();
//! let mut asked = false;
//! let error = circuit.run(|| { asked = true; Ok::<(), &str>(()) }).unwrap_err();
//! let rejected = error.rejected().unwrap();
//! assert!(!asked);
//! assert_eq!(rejected.to_string(), "circuit \"plants\" is open, retry after 30.0 s");
//! assert_eq!(rejected.reason(), RejectReason::Open);
//!
//! clock.advance(Duration::from_secs(10));
//! let later = circuit.try_acquire().unwrap_err();
//! assert_eq!(later.retry_after(), Some(Duration::from_secs(20)));
//! ```
//!
//! # Half-open: it probes
//!
//! When the open time is over, nothing happens by itself. The next call is admitted as a *probe*,
//! and its outcome decides for all. While it is in flight, others are rejected. When it fails, the
//! circuit is open for another open time:
//!
//! ```
//! # use std::time::Duration;
//! # use tower_circuit_breaker::{Circuit, CircuitState, FailureKind, ManualClock};
//! # use tower_circuit_breaker::{Outcome, RejectReason};
//! # let clock = ManualClock::new();
//! # let circuit = Circuit::builder("plants").clock(clock.clone()).build();
//! # circuit.trip();
//! clock.advance(Duration::from_secs(30));
//! assert_eq!(circuit.state(), CircuitState::Open, "no call has come yet");
//!
//! let probe = circuit.try_acquire().unwrap();
//! assert_eq!(circuit.state(), CircuitState::HalfOpen);
//! assert_eq!(circuit.try_acquire().unwrap_err().reason(), RejectReason::ProbesBusy);
//!
//! probe.record(Outcome::Failure(FailureKind::OTHER));
//! assert_eq!(circuit.state(), CircuitState::Open);
//! assert_eq!(circuit.snapshot().retry_after, Some(Duration::from_secs(30)));
//! ```
//!
//! # Closed again
//!
//! When a probe succeeds, the circuit closes, with an empty window: what failed before the outage
//! is over does not count after it. A call that began before the trip and ends only now changes
//! nothing.
//!
//! ```
//! # use std::time::Duration;
//! # use tower_circuit_breaker::{Circuit, CircuitState, FailureKind, ManualClock, Outcome};
//! # let clock = ManualClock::new();
//! # let circuit = Circuit::builder("plants").clock(clock.clone()).build();
//! let slow = circuit.try_acquire().unwrap(); // a call that takes very long
//! circuit.trip();
//!
//! clock.advance(Duration::from_secs(30));
//! circuit.run(|| Ok::<_, &str>("an oak")).unwrap(); // the probe
//! assert_eq!(circuit.state(), CircuitState::Closed);
//! assert_eq!(circuit.snapshot().window.calls, 0);
//!
//! slow.record(Outcome::Failure(FailureKind::OTHER));
//! let seen = circuit.snapshot();
//! assert_eq!((seen.totals.stale, seen.window.failures), (1, 0));
//! ```
//!
//! # The whole program
//!
//! It prints a line for each change, with the time that has passed on its clock:
//!
//! ```
//! // cargo add tower-circuit-breaker -F test-util
//! use std::time::Duration;
//!
//! use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitState, ManualClock, SlidingWindow};
//!
//! fn main() {
//!     let clock = ManualClock::new();
//!     let circuit = Circuit::builder("plants")
//!         .failure_rate(0.5)
//!         .window(SlidingWindow::time(Duration::from_secs(10)))
//!         .minimum_calls(4)
//!         .open_for(Duration::from_secs(30))
//!         .clock(clock.clone())
//!         .build();
//!     circuit.on_event(|event: &CircuitEvent| {
//!         if let CircuitEvent::StateChanged { from, to, reason, .. } = event {
//!             println!("    {from} -> {to}: {reason}");
//!         }
//!     });
//!
//!     // A call each second for two minutes; the upstream is down from second 10 to second 60.
//!     let mut rejected = 0;
//!     for second in 0..120 {
//!         let is_down = (10..60).contains(&second);
//!         let result = circuit.run(|| if is_down { Err("refused") } else { Ok("an oak") });
//!         match result {
//!             Err(error) if error.rejected().is_some() => rejected += 1,
//!             result => println!("{second:3} s: {result:?}"),
//!         }
//!         clock.advance(Duration::from_secs(1));
//!     }
//!
//!     let totals = circuit.snapshot().totals;
//!     println!("{rejected} rejected, {} failed, {} trips", totals.failures, totals.trips);
//!     assert_eq!(circuit.state(), CircuitState::Closed);
//!     assert_eq!((totals.failures, totals.rejected, totals.successes), (6, 58, 56));
//! }
//! ```
//!
//! Next: [which settings](crate::guide::settings) for your own upstream, and [where the circuit
//! stands](crate::guide::stack) among other layers.
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
