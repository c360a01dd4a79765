//! Coming from another circuit breaker: setting by setting, and what behaves otherwise.
//!
//! What is said of the others was read in their sources: [resilience4j
//! 2](https://github.com/resilience4j/resilience4j), [tower-resilience-circuitbreaker
//! 0.14](https://docs.rs/tower-resilience-circuitbreaker/0.14.0), [failsafe
//! 1.3](https://docs.rs/failsafe/1.3.0), [Polly 8](https://github.com/App-vNext/Polly), [gobreaker
//! 2](https://github.com/sony/gobreaker).
//!
//! # What is new to all of them
//!
//! - **Only a failure or a slow call trips.** A success never does, even where it is the call that
//!   makes the minimum.
//! - **A result counts for the epoch that admitted it.** What comes later is `stale` and changes
//!   nothing; gobreaker does so, too.
//! - **A call may say nothing**: [not sent, ignored](crate::Outcome) or abandoned, besides success
//!   and failure. A dropped future is abandoned, and gives its probe's slot back.
//! - **A rejection of a nested circuit is no failure.**
//! - **Rules add up.** Each rule that is set may trip; the first that is set replaces the default
//!   ones.
//! - **`state()` stays open** until the first call after the open time: there is no timer.
//! - **An operator's word lasts** until [`release`](crate::Circuit::release). For "open now, and
//!   recover as usual" there is [`trip`](crate::Circuit::trip).
//!
//! # From resilience4j
//!
//! | resilience4j, default | here | what differs |
//! |---|---|---|
//! | `failureRateThreshold`, 50 | `failure_rate(0.5)` | a share, not percent |
//! | `slowCallRateThreshold`, 100; `slowCallDurationThreshold`, 60 s | `slow_call_rate(1.0, 60 s)` | calls in flight count as slow as soon as they are; exactly 60 s is slow |
//! | `slidingWindowType`, `slidingWindowSize`: `COUNT_BASED`, 100 | `window(SlidingWindow::count(100))` | default: 10 s |
//! | `TIME_BASED`, `n` seconds | `window(SlidingWindow::time(n).buckets(n))` | any number of buckets |
//! | `minimumNumberOfCalls`, 100 | `minimum_calls(100)` | default 20; above a count window's size it means that size, as there |
//! | `waitDurationInOpenState`, 60 s | `open_for(60 s)` | default 30 s |
//! | `waitIntervalFunctionInOpenState` | `open_by(..)`; `open_backoff(Backoff::exponential(..))`, with `.factor(..)` | the backoff is jittered, a function is not; starts over only after the circuit has stayed closed as long as it was open |
//! | `permittedNumberOfCallsInHalfOpenState`, 10 | `probes(6)`, `concurrent_probes(10)`, `failed_probes_allowed(4)` | [see below](#half-open) |
//! | `maxWaitDurationInHalfOpenState`, none | `probe_timeout` | of each probe, not of the whole state: its slot is free again then |
//! | `automaticTransitionFromOpenToHalfOpenEnabled` | – | the first call does it; [`health_probe`][Circuit::health_probe] asks without calls |
//! | `recordExceptions`, `recordException`, `recordResult` | `failure_if`, `classify_by` | one closure over the `Result` |
//! | `ignoreExceptions`, `ignoreException` | `ignoring::<X>()`, `Outcome::Ignored` | sixteen ignored probes in a row close the circuit: something answers |
//! | `transitionOnResult` | `Outcome::TripFor(time)` | at most `max_trip_for` |
//! | `currentTimestampFunction` | `clock(..)` | |
//! | `CircuitBreakerRegistry` | [`CircuitRegistry`](crate::CircuitRegistry) | |
//! | `CallNotPermittedException` | [`Rejected`](crate::Rejected) | says for how long |
//! | states `DISABLED`, `FORCED_OPEN`, `METRICS_ONLY` | `force_closed`, `force_open`, `observe` | `METRICS_ONLY` measures; `observe` counts what it would have rejected, too |
//! | event consumers | [`on_event`](crate::Circuit::on_event), [`subscribe`](crate::Circuit::subscribe) | outside every lock; a [handle](crate::ListenerHandle) removes one |
//! | `initialState` | `initial_override(..)` | an override, until it is released |
//! | `Decorators`, `Bulkhead`, `TimeLimiter`, `Retry` | tower's layers | [the order](crate::guide::stack) |
//!
//! ## Half-open
//!
//! resilience4j admits ten calls and, when all have ended, compares their failure rate with the
//! threshold: with 50 %, five failures of ten open it again. Here the verdict falls as soon as it
//! is certain, at the fifth failure or at the sixth success:
//!
//! ```
//! use std::time::Duration;
//! use tower_circuit_breaker::{Circuit, CircuitState, SlidingWindow};
//!
//! // The defaults of resilience4j.
//! let circuit = Circuit::builder("backend")
//!     .failure_rate(0.5)
//!     .slow_call_rate(1.0, Duration::from_secs(60))
//!     .window(SlidingWindow::count(100))
//!     .minimum_calls(100)
//!     .open_for(Duration::from_secs(60))
//!     .probes(6)
//!     .concurrent_probes(10)
//!     .failed_probes_allowed(4)
//!     .build();
//!
//! // Fifty failures, then fifty successes: half of a hundred calls. resilience4j opens at the last
//! // of these successes; here a failure has to come.
//! for number in 0..100 {
//!     let _ = circuit.run(|| if number < 50 { Err("failed") } else { Ok(()) });
//! }
//! assert_eq!(circuit.snapshot().failure_rate(), Some(0.5));
//! assert_eq!(circuit.state(), CircuitState::Closed);
//! let _ = circuit.run(|| Err::<(), _>("failed"));
//! assert_eq!(circuit.state(), CircuitState::Open);
//! ```
//!
//! # From tower-resilience 0.14
//!
//! | tower-resilience, default | here | what differs |
//! |---|---|---|
//! | `CircuitBreakerLayer::builder()` .. `.build()?` | `CircuitBreakerLayer::new(circuit)` | **there each `layer()` makes a circuit of its own**, unless by `build_with_handle`; here all share the one that was given |
//! | `build_with_handle()?` | the [`Circuit`](crate::Circuit), which you have anyway | its methods are not async |
//! | `name`, `<unnamed>` | `Circuit::builder(name)` | |
//! | `failure_rate_threshold`, 0.5 | `failure_rate(0.5)` | |
//! | `sliding_window_type(CountBased)`, `sliding_window_size`, 100 | `window(SlidingWindow::count(100))` | **that window does not slide**: it counts all calls since the last change of state, so after a million successes it takes a million failures |
//! | `TimeBased`, `sliding_window_duration` | `window(SlidingWindow::time(d))` | there a record for each call, all of which each result goes through |
//! | `minimum_number_of_calls`, the window's size | `minimum_calls`, 20 | there a count window must be full besides |
//! | `consecutive_failures(k)` | `consecutive_failures(k)` | there it replaces the rate; here set both if you want both |
//! | `slow_call_duration_threshold`, `slow_call_rate_threshold`, –, 1.0 | `slow_call_rate(share, time)` | calls in flight count, too; a slow probe has failed |
//! | `wait_duration_in_open`, 30 s | `open_for`, or `open_backoff` | |
//! | `permitted_calls_in_half_open(n)`, 1 | `probes(n)`, `concurrent_probes(n)` | `n` successes close and one failure opens, in both |
//! | `failure_classifier(\|result\| bool)` | `failure_if(\|result\| bool)` | |
//! | `failure_classifier_type(c)` | `classify_with(c)` | [`Classify`](crate::Classify) returns an [`Outcome`](crate::Outcome) |
//! | `classify_response(\|response\| bool)` | `failure_if`; for HTTP [`http::layer`][http::layer] | |
//! | `backpressure()` | `on_open(OnOpen::Wait)` | woken by changes; there it asks each millisecond while half-open is full |
//! | `service.with_fallback(f)` | `layer.fallback(f)`, or `fallback_on_failure(f)` | no `BoxFuture`; gets the rejection, too |
//! | `manual_mode()` | `observe()`; `force_open()` to cut off, and `observe()` again | what it would have rejected is counted |
//! | `handle.force_open().await` | `trip()` | there it recovers after the open time; our [`force_open`](crate::Circuit::force_open) lasts, or for a time with [`force_open_for`](crate::Circuit::force_open_for) |
//! | `handle.force_closed().await`, `reset().await` | `reset()` | there nothing is cleared where it is closed already |
//! | `metrics().await` | [`snapshot()`](crate::Circuit::snapshot) | |
//! | `health_status()`, `http_status()` | [`health()`](crate::Circuit::health), `service_unavailable` | |
//! | `HealthTriggerable` | [`health_probe`][Circuit::health_probe] | |
//! | `on_state_transition`, `on_call_rejected`, … | [`on_event`](crate::Circuit::on_event) | there they run under the circuit's lock |
//! | `CircuitBreakerError::{OpenCircuit, Inner}` | `Error::{Rejected, Inner}` | ours has a [source](crate::guide::traps#errors-that-hide-their-source), and the rejection its time |
//! | features `metrics`, `tracing` | [tower-circuit-breaker-telemetry](https://docs.rs/tower-circuit-breaker-telemetry), [`TracingListener`][TracingListener] | other names of metrics |
//!
//! Behaviour besides: there the service must be `Clone + Send + 'static` and its future is boxed;
//! admission is decided when the future is first polled, here in `call`; an error of `poll_ready`
//! counts for nothing, here it is classified; results of an earlier state count in the present one;
//! a success can trip, since it is looked at as a failure is; a panic is not recorded, here it is a
//! failure.
//!
//! A program, before:
//!
#![doc = concat!("```text\n", include_str!("programs/tower_resilience_before.rs"), "```")]
//!
//! and after. Both print the same words: three answers, three failures, two rejections, two answers.
//! `benches/versus/tests/migration` runs them side by side, and the settings of the table one by one:
//!
#![doc = concat!("```\n", include_str!("programs/tower_resilience_after.rs"), "```")]
//!
//! The presets, as they are meant:
//!
//! ```
//! use std::time::Duration;
//! use tower_circuit_breaker::{CircuitBuilder, SlidingWindow};
//!
//! fn standard(builder: CircuitBuilder) -> CircuitBuilder {
//!     preset(builder, 0.5, 100, 30).probes(3).concurrent_probes(3)
//! }
//! fn fast_fail(builder: CircuitBuilder) -> CircuitBuilder {
//!     preset(builder, 0.25, 20, 10)
//! }
//! fn tolerant(builder: CircuitBuilder) -> CircuitBuilder {
//!     preset(builder, 0.75, 200, 60).probes(5).concurrent_probes(5)
//! }
//!
//! fn preset(builder: CircuitBuilder, rate: f64, calls: u32, open: u64) -> CircuitBuilder {
//!     builder
//!         .failure_rate(rate)
//!         .window(SlidingWindow::count(calls))
//!         .minimum_calls(calls)
//!         .open_for(Duration::from_secs(open))
//! }
//! # use tower_circuit_breaker::Circuit;
//! # for preset in [standard, fast_fail, tolerant] {
//! #     let circuit = preset(Circuit::builder("a")).build();
//! #     assert!(circuit.try_acquire().is_ok());
//! # }
//! ```
//!
//! # From failsafe 1.3
//!
//! | failsafe, default | here | what differs |
//! |---|---|---|
//! | `Config::new().build()` | `Circuit::builder(name)` .. `.build()` | a name; no type parameters |
//! | `success_rate_over_time_window(0.8, 5, 30 s, backoff)` | `failure_rate(0.2)`, `minimum_calls(5)`, `window(SlidingWindow::time(30 s))` | there a moving average, which forgets by and by, trips *below* the rate, and only once a whole window has passed since it closed; here a window, at the rate or above it |
//! | `consecutive_failures(5, backoff)` | `consecutive_failures(5)` | |
//! | `a.or_else(b)` | both setters | there the longer of both open times, here one backoff, or [of the rule](crate::TripRule::open_for) |
//! | a [`FailurePolicy`](https://docs.rs/failsafe/1.3.0/failsafe/failure_policy/trait.FailurePolicy.html) of your own | rules, or [`trip_for`](crate::Circuit::trip_for) from your own code | |
//! | `backoff::constant(d)` | `open_for(d)` | |
//! | `backoff::exponential(a, b)` | `Backoff::exponential(a, b).without_jitter()` | here also below 1 s |
//! | `equal_jittered(10 s, 300 s)`, `full_jittered` | `Backoff::exponential(10 s, 300 s)` | starts over when it has stayed closed as long as it was open, there at once |
//! | `call(f)` of a closure | [`run`](crate::Circuit::run) | |
//! | `call(future)` of `failsafe::futures` | [`call`](crate::Circuit::call) | |
//! | `call_with(predicate, f)` | [`call_with`](crate::Circuit::call_with) | there an error for which the predicate is `false` is a success; here the classifier says success, ignored or not sent, and sees answers as well |
//! | `is_call_permitted()`, then `on_success()`, `on_error()` | [`try_acquire`](crate::Circuit::try_acquire), then [`Permit::record`](crate::Permit::record) | a permit that is dropped is abandoned |
//! | `Error::{Rejected, Inner}` | `Error::{Rejected, Inner}` | `Rejected` says which circuit, why, and for how long |
//! | `Instrument` | [`Listener`](crate::Listener) | a closure is one |
//! | `reset()` | `reset()` | clears a closed circuit, too |
//!
//! Behaviour besides: **half-open there admits every call**, here `concurrent_probes` at once, one
//! by default. There the first result of any call decides, also of one that began before the trip.
//! A panic is nothing there and a failure here.
//!
//! A program, before:
//!
#![doc = concat!("```text\n", include_str!("programs/failsafe_before.rs"), "```")]
//!
//! and after, with the same words:
//!
#![doc = concat!("```\n", include_str!("programs/failsafe_after.rs"), "```")]
//!
//! The defaults of failsafe, as they are meant:
//!
//! ```
//! use std::time::Duration;
//! use tower_circuit_breaker::{Backoff, Circuit, CircuitState, SlidingWindow};
//!
//! // The defaults of failsafe.
//! let circuit = Circuit::builder("backend")
//!     .failure_rate(0.2)
//!     .minimum_calls(5)
//!     .window(SlidingWindow::time(Duration::from_secs(30)))
//!     .consecutive_failures(5)
//!     .open_backoff(Backoff::exponential(Duration::from_secs(10), Duration::from_secs(300)))
//!     .build();
//!
//! for result in [Ok(()), Ok(()), Ok(()), Ok(()), Err("failed")] {
//!     assert_eq!(circuit.state(), CircuitState::Closed);
//!     let _ = circuit.run(|| result);
//! }
//! // A fifth of five calls failed. failsafe would wait until 30 s have passed.
//! assert_eq!(circuit.state(), CircuitState::Open);
//! ```
//!
//! # From Polly 8
//!
//! | Polly, default | here | what differs |
//! |---|---|---|
//! | `FailureRatio`, 0.1 | `failure_rate(0.1)` | at the ratio or above it, in both; default 0.5 |
//! | `MinimumThroughput`, 100 | `minimum_calls(100)` | default 20 |
//! | `SamplingDuration`, 30 s | `window(SlidingWindow::time(30 s))` | default 10 s |
//! | `BreakDuration`, 5 s | `open_for(5 s)` | default 30 s |
//! | `BreakDurationGenerator` | `open_by(..)`, `open_backoff(..)`, `TripRule::open_for`, `Outcome::TripFor` | |
//! | `ShouldHandle` | `failure_if`, `classify_by` | |
//! | `OnOpened`, `OnClosed`, `OnHalfOpened` | [`on_event`](crate::Circuit::on_event) | |
//! | `ManualControl.IsolateAsync`, `CloseAsync` | [`CircuitGroup::isolate`](crate::CircuitGroup::isolate), or `force_open` and `release` of one | there closing closes all; here an isolation lies over what the circuits have learnt |
//! | `StateProvider` | [`state`](crate::Circuit::state), [`snapshot`](crate::Circuit::snapshot) | |
//! | `BrokenCircuitException`, `IsolatedCircuitException` | [`Rejected`](crate::Rejected) with the reason `Open` or `ForcedOpen` | |
//! | half-open: one call | `probes(1)`, `concurrent_probes(1)`, the defaults | there the next probe comes a `BreakDuration` later, if one is lost; here a dropped one gives its slot back at once |
//! | `AddTimeout`, `AddRetry` around it | tower's `timeout`, `retry` | [the order](crate::guide::stack) |
//!
//! # From gobreaker 2
//!
//! | gobreaker, default | here | what differs |
//! |---|---|---|
//! | `Name` | `Circuit::builder(name)` | |
//! | `MaxRequests`, 1 | `probes(n)`, `concurrent_probes(n)` | |
//! | `Interval`, 0: counts are never cleared | `window(..)` | a fixed window there, which forgets all at once |
//! | `BucketPeriod` | `SlidingWindow::time(d).buckets(n)` | |
//! | `Timeout`, 60 s | `open_for(60 s)` | default 30 s |
//! | `ReadyToTrip`, more than 5 in a row | `consecutive_failures(6)`; `failure_rate`, `failure_count` for `Counts` | rules, not a function |
//! | `IsSuccessful` | `classify_by`, `failure_if` | |
//! | `OnStateChange` | [`on_event`](crate::Circuit::on_event) | there under the breaker's mutex; here it may call the circuit |
//! | `ErrOpenState`, `ErrTooManyRequests` | [`RejectReason`](crate::RejectReason)`::Open`, `::ProbesBusy` | |
//! | `Execute` | [`run`](crate::Circuit::run), [`call`](crate::Circuit::call) | a panic is a failure in both |
//! | `TwoStepCircuitBreaker.Allow` | [`try_acquire`](crate::Circuit::try_acquire) | there a probe whose callback never comes keeps its place for ever; here a permit gives it back when it is dropped |
//! | `State()` | [`state`](crate::Circuit::state) | there half-open as soon as the time is over |
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
