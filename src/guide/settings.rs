//! How to choose settings: from what you know of the upstream, to the numbers of a circuit.
//!
//! The [defaults](crate::guide::upstreams#the-defaults) are made for an internal service with
//! steady traffic. For anything else answer three questions first; each of them fixes some
//! settings, and the [presets](#presets) below are the answers for four common upstreams.
//!
//! | question | what it fixes |
//! |---|---|
//! | How many calls a second, in the quietest hour that matters? | [window and minimum](#calls-a-second) |
//! | How long may an answer take before a caller is better off without it? | [slow and stalled calls](#the-slowest-bearable-answer), and the timeouts around |
//! | What does it cost to reject calls that would have succeeded? | [threshold](#what-a-false-trip-costs), [open time](#open-time) |
//!
//! # Calls a second
//!
//! A rate needs calls. The window should hold at least twice `minimum_calls` in the quietest hour,
//! or the rule sleeps when it is needed:
//!
//! | calls a second | a rule that works | is down, found after |
//! |---|---|---|
//! | below 0.1 | [`consecutive_failures(3)`](crate::CircuitBuilder::consecutive_failures), or [`failure_rate_confident`](crate::CircuitBuilder::failure_rate_confident) over ten minutes | 3 calls |
//! | 0.1 to 4 | `failure_rate(0.5)`, `minimum_calls(10)`, a time window of `20 / calls a second` | 10 calls at most |
//! | 4 to 10,000 and more | the defaults: half of at least 20 calls in 10 s, or five in a row over 1 s | a few seconds |
//!
//! `minimum_calls` is what keeps chance out. Of upstreams of which each call fails by chance with
//! the probability on top, so many windows of that many calls hold a half or more of failures:
//!
//! | calls | 5 % | 10 % | 20 % | 30 % |
//! |---:|---:|---:|---:|---:|
//! | 4 | 1.4 % | 5.2 % | 18 % | 35 % |
//! | 10 | 0.006 % | 0.2 % | 3.3 % | 15 % |
//! | 20 | 1 in 90 million | 1 in 140,000 | 0.3 % | 4.8 % |
//! | 50 | below 1 in 10¹¹ | below 1 in 10¹¹ | 1 in 480,000 | 0.2 % |
//!
//! That is the tail of the binomial distribution for one look; the circuit looks after each
//! failure, so leave some room. A *count* window is for calls that come in bursts: it holds the
//! last calls however long ago they were, also those of last night. A *time* window forgets.
//!
//! # The slowest bearable answer
//!
//! Take the time after which most callers have gone, or the deadline of your own answer less what
//! else it takes. What calls take today says a circuit that was made with
//! [`latency`](crate::CircuitBuilder::latency): `quantile(0.99)` is what 99 % of them stay within.
//! Call the time *t*:
//!
//! - a `timeout(t)` of tower **inside** the circuit: what takes longer is a failure;
//! - [`slow_call_rate(0.5, t / 2)`](crate::CircuitBuilder::slow_call_rate) where an upstream that
//!   slows down is to be left alone before it fails;
//! - [`stalled_calls(n, t / 2)`](crate::CircuitBuilder::stalled_calls) where many calls come in the
//!   time *t*: it opens while they hang, not when they time out. `n` is how many callers may be
//!   held up at once: the size of the pool, or a tenth of the calls in the time *t*;
//! - [`abandoned_after`](crate::CircuitBuilder::abandoned_after), a little below *t*, where the
//!   timeout can only stand outside;
//! - [`probe_timeout`](crate::CircuitBuilder::probe_timeout) above the slowest *good* answer, if
//!   good answers take longer than the open time.
//!
//! # What a false trip costs
//!
//! A circuit that opens without need rejects, for the whole open time, calls that would have
//! succeeded:
//!
//! | it costs | so | settings |
//! |---|---|---|
//! | little: there is a cache, another provider, a retry later | trip early | `failure_rate(0.3)`, short open times |
//! | as much as the failures it avoids | the defaults | `failure_rate(0.5)` |
//! | much: payments, orders, the last copy of something | trip late, and watch first | `failure_rate(0.8)`, `minimum_calls(50)`, a ramp; [`observe`](crate::Circuit::observe) for a week, and read `would_have_rejected` |
//!
//! Replicas fail together for other reasons than their own: put their circuits into a
//! [`CircuitGroup`](crate::CircuitGroup), which never cuts off more than a share of them.
//!
//! # Open time
//!
//! As long as the upstream takes to come back at best: a restarted process 2 to 10 s, a failover 10
//! to 30 s, an outage of a provider minutes. Too short costs one probe each time, which is little;
//! too long costs every call in between. So begin short and grow:
//! [`open_backoff(Backoff::exponential(first, max))`](crate::CircuitBuilder::open_backoff), whose
//! jitter keeps many processes from probing in step. Where one success proves little, ask for more
//! [`probes`](crate::CircuitBuilder::probes); where the upstream comes back cold,
//! [`ramp`](crate::CircuitBuilder::ramp).
//!
//! # Presets
//!
//! ## A paid API
//!
//! Few calls, each of which costs money, also those that fail; a quota, and a 429 that says for how
//! long to stay away. Some calls of a night must be enough to notice an outage, so no minimum is
//! guessed:
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_circuit_breaker::http::{ServerErrorsAsFailures, layer};
//! use tower_circuit_breaker::{Backoff, Circuit, SlidingWindow};
//!
//! let geocoder = Circuit::builder("geocoder")
//!     .consecutive_failures(3)
//!     .failure_rate_confident(0.5, 0.99)
//!     .window(SlidingWindow::time(Duration::from_secs(600)))
//!     .open_backoff(Backoff::exponential(Duration::from_secs(30), Duration::from_secs(600)))
//!     .max_trip_for(Duration::from_secs(3600)) // the longest `Retry-After` that is obeyed
//!     .build();
//! let layer = layer(geocoder.clone())
//!     .classify_with(ServerErrorsAsFailures::new().heed_retry_after());
//! # let _ = layer;
//! # let call = |answer: Result<(), &'static str>| { let _ = geocoder.run(|| answer); };
//! # for answer in [Ok(()), Err("503"), Err("503"), Err("503")] { call(answer) }
//! assert!(geocoder.try_acquire().is_err(), "three failures in a row open it");
//! ```
//!
//! ## An internal service
//!
//! Hundreds of calls a second from many processes, answers in milliseconds. It is overloaded more
//! often than it is down, and comes back cold:
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_circuit_breaker::{Backoff, Circuit, SlidingWindow, TripRule};
//!
//! let stock = Circuit::builder("stock")
//!     .failure_rate(0.5)
//!     .rule(TripRule::consecutive_failures(5).lasting(Duration::from_secs(1)))
//!     .slow_call_rate(0.5, Duration::from_millis(500))
//!     .stalled_calls(50, Duration::from_secs(1))
//!     .window(SlidingWindow::time(Duration::from_secs(10)))
//!     .minimum_calls(50)
//!     .open_backoff(Backoff::exponential(Duration::from_secs(2), Duration::from_secs(60)))
//!     .probes(3)
//!     .ramp(Duration::from_secs(20))
//!     .build();
//! # for _ in 0..5 { let _ = stock.run(|| Err::<(), _>("503")); }
//! assert!(stock.try_acquire().is_ok(), "five failures within a second open nothing");
//! ```
//!
//! ## A database
//!
//! A pool of connections, of which each caller holds one. A lost connection says something about
//! the database, a row that is not there or a bad query does not; and a pool that is empty is a
//! limit of our own:
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_circuit_breaker::{Circuit, FailureKind, Outcome, TripRule};
//!
//! const CONNECT: FailureKind = FailureKind::new("connect");
//! # #[derive(Debug, Clone, Copy)]
//! enum DbError { Connection, Query, NoRow, PoolEmpty }
//!
//! let database = Circuit::builder("database")
//!     .rule(TripRule::consecutive_failures(3).of(CONNECT))
//!     .stalled_calls(20, Duration::from_secs(5)) // as many as the pool has connections
//!     .open_for(Duration::from_secs(2))
//!     .build();
//! let classify = |result: &Result<u32, DbError>| match result {
//!     Ok(_) => Outcome::Success,
//!     Err(DbError::NoRow | DbError::Query) => Outcome::Ignored, // it answered
//!     Err(DbError::PoolEmpty) => Outcome::NotSent, // it was not asked
//!     Err(DbError::Connection) => Outcome::Failure(CONNECT),
//! };
//! # futures_util::FutureExt::now_or_never(async {
//! # for error in [DbError::NoRow, DbError::Query, DbError::PoolEmpty, DbError::Connection] {
//! let rows = database.call_with(classify, async { Err(error) }).await;
//! #     assert!(rows.is_err());
//! # }
//! # }).unwrap();
//! let totals = database.snapshot().totals;
//! // After each of them once:
//! assert_eq!((totals.ignored, totals.not_sent, totals.failures), (2, 1, 1));
//! ```
//!
//! ## A batch job
//!
//! Thousands of calls, nobody waits for any of them, and none may be lost. It stops at the first
//! signs and goes on when the upstream is back: the rejection says for how long to pause.
//!
//! ```
//! use std::time::Duration;
//!
//! use tower_circuit_breaker::{Backoff, Circuit, Error};
//! # use std::cell::Cell;
//! # use tower_circuit_breaker::ManualClock;
//!
//! # let (clock, asked) = (ManualClock::new(), Cell::new(0));
//! let archive = Circuit::builder("archive")
//!     .consecutive_failures(3)
//!     .open_backoff(Backoff::exponential(Duration::from_secs(10), Duration::from_secs(600)))
//! #   .clock(clock.clone())
//!     .build();
//! # // Fails from the third call to the sixth.
//! # let send = |_: u32| {
//! #     asked.set(asked.get() + 1);
//! #     if (3..=6).contains(&asked.get()) { Err("503") } else { Ok(()) }
//! # };
//! # let sleep = |pause: Duration| clock.advance(pause);
//!
//! for item in 0..10 {
//!     loop {
//!         match archive.run(|| send(item)) {
//!             Ok(()) => break,
//!             Err(Error::Inner(_)) => sleep(Duration::from_secs(1)),
//!             // Without a time its probe is in flight, or an operator has forced it open.
//!             Err(Error::Rejected(rejected)) => {
//!                 sleep(rejected.retry_after().unwrap_or(Duration::from_secs(5)))
//!             }
//!         }
//!     }
//! }
//! let totals = archive.snapshot().totals;
//! assert_eq!((totals.successes, totals.failures), (10, 4), "each was sent in the end");
//! ```
//!
//! In a stack of tower, [`RetryUnlessRejected`][RetryUnlessRejected] with `max_wait` waits in this
//! way.
//!
//! # Before it is switched on
//!
//! - Run it with [`observe`](crate::Circuit::observe), or `initial_override = "observing"` in its
//!   settings: it decides, counts what it would have rejected, and rejects nothing.
//! - Play a log of your calls, or seven invented outages, through your settings: `cargo run
//!   --release -p replay` in the repository.
//! - Hold them against [`Conformance`](https://docs.rs/tower-circuit-breaker-test), which finds
//!   settings that never open at your traffic.
//! - Keep them out of the code: [`CircuitConfig`](crate::CircuitConfig) reads them from text, and
//!   [`reconfigure`](crate::Circuit::reconfigure) changes a running circuit.
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
