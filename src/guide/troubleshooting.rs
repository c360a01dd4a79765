//! Troubleshooting: what a circuit does that it should not, from what its snapshot shows.
//!
//! Print `circuit.snapshot()` with `{:#?}`, look at the admin page, or read the metrics: they show
//! the same counts. `totals` count since the circuit was made, `window` is what rates are taken of
//! now. What the compiler says of mistakes stands in [`compiler`](crate::guide::compiler).
//!
//! # It never opens
//!
//! | the snapshot shows | so | and now |
//! |---|---|---|
//! | `totals` all zero | the calls do not go through this circuit | look for a second one of the same name, or [one that is made for each request](crate::guide::traps#a-circuit-for-each-request) |
//! | `abandoned` grows, `failures` do not | callers give up before the upstream fails | [a timeout inside](crate::guide::traps#timeout-outside), or `abandoned_after` |
//! | `successes` grow while callers see errors | the classifier takes them for answers | [gRPC behind `http::layer`](crate::guide::traps#https-layer-around-grpc), [a 408 or 4xx](crate::guide::traps#statuses-that-are-no-word-of-the-upstream), an error that a 200 carries ([`ReadBody`][http::ReadBody]), retries inside that succeed in the end |
//! | `failures` grow, `failure_rate()` is `None` | the window holds fewer than `minimum_calls` | a longer window, a lower minimum, or [`failure_rate_confident`](crate::CircuitBuilder::failure_rate_confident) |
//! | `failures` grow, the rate stays low | other calls dilute it | [a circuit for each upstream](crate::guide::traps#one-circuit-for-several-upstreams); answers of [others on the way](crate::guide::traps#the-routers-own-answers) outside |
//! | `consecutive_failures` goes back to 0 | some calls succeed in between | a rate instead of, or beside, the run |
//! | `not_sent` or `ignored` grow | the calls are left out: a circuit or a limit further in rejects them, or the classifier says so | look at that one; [what they mean](crate::Outcome) |
//! | `stale` grows | calls end after their epoch: they take longer than the circuit stays closed, or somebody resets it | a timeout inside |
//! | `overridden` is `ForcedClosed` or `Observing` | an operator said so | [`release`](crate::Circuit::release) |
//! | `totals.trips_prevented` grows | its [group](crate::CircuitGroup) leaves no further circuit open | the cap of the group |
//!
//! The first failing row, as a test of your own stack shows it: here the caller gives up first.
//!
//! ```
//! # use std::time::Duration;
//! # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! # use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let circuit = Circuit::builder("plants").consecutive_failures(3).build();
//! let hangs = service_fn(|()| std::future::pending::<Result<(), BoxError>>());
//! let client = ServiceBuilder::new()
//!     .timeout(Duration::from_secs(5)) // outside
//!     .layer(CircuitBreakerLayer::new(circuit.clone()).boxed())
//!     .service(hangs);
//! for _ in 0..10 {
//!     assert!(client.clone().oneshot(()).await.is_err());
//! }
//! let totals = circuit.snapshot().totals;
//! assert_eq!((totals.abandoned, totals.failures), (10, 0));
//! assert_eq!(circuit.state(), CircuitState::Closed);
//! # }
//! ```
//!
//! # It opens too soon
//!
//! `last_trip` has the reason and what the window held, `failures_by_kind` what failed, and
//! `last_failure` of which kind the last one was and how long ago. What its error said is kept where
//! [`last_error`](crate::CircuitBuilder::last_error) asks for it:
//!
//! | `last_trip.reason` | why | and now |
//! |---|---|---|
//! | `ConsecutiveFailures` | at many calls a second, runs come by chance or with one lost connection | [`TripRule::lasting`](crate::TripRule::lasting), or a rate |
//! | `FailureRate`, and `window.calls` is small | few calls make high rates | [a higher minimum](crate::guide::settings#calls-a-second), or `failure_rate_confident` |
//! | either, and most kinds are `other` | errors that are the callers' own fault count | [`hyper::layer`][hyper::layer] or [`reqwest::layer`][reqwest::layer]; `not_sent`, `ignoring` |
//! | either, and the kind is `abandoned` | `abandoned_after` is shorter than good answers take | a longer time |
//! | `SlowCallRate` | good answers take that long; calls in flight count, too | a longer time; a circuit for each kind of call |
//! | `StalledCalls` | streams and long polls are in flight for long by design | time them by their head: [`http::layer`][http::layer] |
//! | `UpstreamAsked` | its `Retry-After` was obeyed | [`max_trip_for`](crate::CircuitBuilder::max_trip_for) |
//! | `Operator`, `Fleet`, `Restored` | no rule of this process did it | the audit of the admin page; the fleet's quorum; the saved state |
//!
//! An outer circuit that opens *because an inner one is open* counts its rejections as failures:
//! see [a breaker within a breaker](crate::guide::traps#a-breaker-within-a-breaker).
//!
//! # It stays open or half-open
//!
//! | the snapshot shows | so | and now |
//! |---|---|---|
//! | `Open`, `retry_after` is 0 | the open time is over, and no call has come: nothing happens by itself | send a call. A load balancer that takes an open circuit for a dead process sends none: let it obey [`Health`](crate::Health), which is degraded then; or [`Circuit::health_probe`][Circuit::health_probe] |
//! | `Open`, `overridden` or `isolations` | an operator or a group forces it open | `release`; drop the isolation |
//! | `Open` and `half_open_to_open` grows | each probe fails, and the backoff grows | the upstream is down; or slow probes count as failures under a rule for slow or stalled calls |
//! | `HalfOpen`, `not_sent` grows | the probes do not reach the upstream: a circuit further in is open, or a limit sheds them | that circuit, that limit |
//! | `HalfOpen`, `abandoned` grows | callers leave before there is an answer; after sixteen such probes over a minute it reopens (`ProbesUnanswered`) | a timeout inside that is shorter than the callers' patience |
//! | `HalfOpen`, `rejected` grows and nothing else | one probe is in flight and hangs, until `probe_timeout`; or an unread body holds it, at most 1 s | `concurrent_probes`, a timeout inside |
//! | `HalfOpen`, `successes` grow | `probes(n)` asks for `n` of them | fewer |
//!
//! # Retries do not stop
//!
//! While the circuit is open each attempt should be rejected and the retry should end with it. When
//! `rejected` grows by several for each call of a user, the retry does not know rejections:
//!
//! | where | why | and now |
//! |---|---|---|
//! | the policy retries every error | it does not ask | [`RetryPolicy`][RetryPolicy], [`http::retry`][http::retry]; [`RetryUnlessRejected`][RetryUnlessRejected] around your own |
//! | it asks, and does not find | the error [hides its source](crate::guide::traps#errors-that-hide-their-source), or came back as a response | `find_with`; [`http::retry`][http::retry] looks into the response's extensions |
//! | `rejected` does not grow, and calls do | the retry is [inside the circuit](crate::guide::traps#retries-inside) | outside |
//! | `failures` grow, and calls of users much less | the retry has no budget | [`RetryPolicy`][RetryPolicy] has one |
//! | another client retries | a 503 with `Retry-After` is all that it sees | that client's settings |
//!
//! # Nothing is logged
//!
//! If [`recent_events`](crate::Circuit::recent_events) shows changes, the circuit is fine and the
//! log is not:
//!
//! - the feature `tracing` must be on, and the circuit not built with `.quiet()`;
//! - tracing needs a subscriber, and its filter must let the target `tower_circuit_breaker`
//!   through: `RUST_LOG=shop=info` hides it, `RUST_LOG=info` does not;
//! - trips are logged at `WARN`, other changes at `INFO`; rejections at `DEBUG` and only with
//!   a listener `TracingListener::new().rejections()` ([what it logs][TracingListener]), which takes
//!   the place of the circuit's own log; failures and successes never;
//! - a listener of your own that is given to a registry hears only of circuits that are in it: one
//!   that is built by `Circuit::builder` must be [inserted](crate::CircuitRegistry::insert);
//! - `listeners` in the snapshot counts the panics of listeners.
//!
//! ```
//! use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitRegistry};
//!
//! let registry = CircuitRegistry::new();
//! registry.on_event(|event: &CircuitEvent| println!("{event:?}"));
//!
//! let plants = Circuit::builder("plants").build();
//! assert!(registry.get("plants").is_none(), "and so no listener of the registry hears of it");
//! registry.insert(&plants)?;
//! assert!(registry.get("plants").is_some());
//! # Ok::<(), tower_circuit_breaker::NameTaken>(())
//! ```
//!
//! # "Not general enough"
//!
//! ```text
//! error: implementation of `From` is not general enough
//! error: implementation of `FnOnce` is not general enough
//! error: higher-ranked lifetime error
//! ```
//!
//! A future that is spawned must be `Send`, and rustc cannot prove it for an `async` block that
//! awaits a call of a service whose error is a boxed one (`BoxError`), or which holds a closure
//! over `&Result<_, BoxError>`; it is [a limit of the
//! compiler](https://github.com/rust-lang/rust/issues/110338), and the code is right. *Instead*:
//! let the block see less of the type. Box the service before it is moved in, or return it from a
//! function as `impl Service`:
//!
//! ```
//! use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
//!
//! fn client(
//!     circuit: Circuit,
//! ) -> impl Service<u8, Response = u8, Error = BoxError, Future: Send> + Clone + Send {
//!     CircuitBreakerLayer::new(circuit)
//!         .failure_if(|result: &Result<u8, BoxError>| result.is_err())
//!         .boxed()
//!         .layer(service_fn(|number: u8| async move { Ok(number) }))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = Circuit::builder("plants").build();
//! let hidden = client(circuit.clone());
//! let answer = tokio::spawn(async move { hidden.oneshot(7).await });
//! assert_eq!(answer.await.unwrap().unwrap(), 7);
//!
//! let boxed = CircuitBreakerLayer::new(circuit)
//!     .layer(service_fn(|number: u8| async move { Ok::<u8, BoxError>(number) }))
//!     .boxed_clone();
//! let answer = tokio::spawn(async move { boxed.oneshot(7).await });
//! assert_eq!(answer.await.unwrap().unwrap(), 7);
//! # }
//! ```
//!
//! A closure that is kept in a variable first, without the type of its argument, gives the same
//! error: write `|result: &Result<_, _>|`, or a function.
//!
//! # The pod restarts
//!
//! A liveness probe that follows the circuits restarts the process while its upstream is down,
//! which repairs nothing and loses what the circuits have learnt:
//!
//! | where it shows | so | and now |
//! |---|---|---|
//! | the liveness probe asks `/health` | it answers 503 while a [critical](crate::CircuitBuilder::critical) circuit is failing | [a liveness probe of its own](crate::guide::health#not-the-liveness-probe), which asks no circuit |
//! | the *readiness* probe does, `critical` is `true` | every pod is taken out at once: all share the upstream | not critical, unless the process is of no use without it |
//! | `uptime` is short, `state` is `Closed` | after each restart the circuit is closed, and finds the outage anew | [`export`](crate::Circuit::export) and [`restore`](crate::CircuitBuilder::restore) |
//! | memory grows with keys | a circuit for each key that strangers send | the [cap](crate::keyed::KeyedCircuits::cap) |
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
