//! The mistakes that compile.
//!
//! # A circuit for each request
//!
//! A circuit that is made in the handler, or with a client that is made for each call, has seen no
//! call but its own and never opens:
//!
//! ```
//! use tower_circuit_breaker::{Circuit, CircuitState};
//!
//! # fn load() -> Result<(), &'static str> { Err("connection refused") }
//! for _ in 0..100 {
//!     let circuit = Circuit::builder("plants").consecutive_failures(3).build();
//!     let _ = circuit.run(load); // fails each time
//!     assert_eq!(circuit.state(), CircuitState::Closed);
//! }
//! ```
//!
//! *Instead*: make it once, where the program starts, and hand out clones, which share it; or ask a
//! [`CircuitRegistry`](crate::CircuitRegistry) for it by its name, or [`keyed`](crate::keyed) for
//! one that depends on the request. A layer may be applied as often as you like: all services that
//! it makes share its circuit.
//!
//! # Timeout outside
//!
//! `timeout(breaker(client))` alone: when the upstream hangs, the timeout drops each call before
//! the circuit has seen an end. A dropped call says nothing to a closed circuit, since it may as
//! well be a user who closed the page. The circuit never opens, but by a rule for slow or stalled
//! calls, and every caller waits the whole timeout, for ever. *Instead*: a timeout inside, so that
//! the attempt ends with an error; or [`abandoned_after`](crate::CircuitBuilder::abandoned_after),
//! a little shorter than the timeout outside.
//!
//! # Hedge outside
//!
//! `hedge(breaker(client))`: in half-open the first try is the probe, and the second one finds its
//! slot taken. It is rejected at once, and being first it is the answer: the caller gets an error,
//! and the probe, which was about to succeed, is dropped. While closed, the loser of each race is
//! dropped and counts nothing, so an upstream that hangs on every second call looks well.
//! *Instead*: `breaker(hedge(client))`.
//!
//! # Retries inside
//!
//! `breaker(retry(client))`: the circuit sees a call where the upstream sees three. A circuit of
//! three failures opens after nine, and does not stop the tries in flight. *Instead*:
//! `retry(breaker(client))`.
//!
//! # Retries that do not know rejections
//!
//! `retry(breaker(client))` with a policy that retries every error: tries, budget and backoff are
//! spent on rejections, which cost nothing and change nothing. *Instead*:
//! [`RetryPolicy`][RetryPolicy], which knows them; around a policy of your own
//! [`RetryUnlessRejected`][RetryUnlessRejected], or ask [`Rejected::find`](crate::Rejected::find)
//! first in it.
//!
//! # Rejecting inside a balancer
//!
//! `balance([breaker(a), breaker(b)])` with the default [`OnOpen::Reject`](crate::OnOpen::Reject):
//! the endpoint that is down answers fastest of all, by rejecting, has the least load, and so draws
//! the most calls. *Instead*: [`OnOpen::Wait`][OnOpen::Wait]: a breaker that waits is not ready,
//! and a balancer passes over what is not ready.
//!
//! # Shared limits with a breaker that waits
//!
//! `limit(breaker)` with `OnOpen::Wait`, where the limit is shared with other upstreams
//! (`GlobalConcurrencyLimitLayer`, `buffer`): tower's limits take their place first and ask their
//! inner service second, so a breaker that waits keeps the place for the whole open time, and the
//! others starve. *Instead*: the limit inside, `breaker(limit)`; or `OnOpen::Reject`, which is
//! ready at once.
//!
//! # A timeout around a breaker that waits
//!
//! `timeout(breaker)` with `OnOpen::Wait`: `tower::timeout` starts its clock in `call`, and the
//! waiting is in `poll_ready`, which it does not limit. *Instead*: `OnOpen::Reject` where nobody
//! chooses between endpoints, or a timeout around `ready().await` and the call together.
//!
//! # Limits outside
//!
//! `rate_limit(breaker(client))`: while the circuit is open, rejected calls use up the rate, and
//! the first calls after recovery wait. *Instead*: limits inside.
//!
//! # Shed load that is ignored
//!
//! `breaker(load_shed(limit(client)))` with
//! [`ignoring::<Overloaded>()`](crate::CircuitBreakerLayer::ignoring): an ignored call says that
//! the upstream answers, so sixteen shed probes close a circuit whose upstream still hangs.
//! *Instead*: [`not_sent::<Overloaded>()`](crate::CircuitBreakerLayer::not_sent); `ignoring` is for
//! answers, such as a row that is not there.
//!
//! # The callers' own faults
//!
//! `http::layer` around a client: the caller who breaks off an upload, or asks for a URL without a
//! host, gets an error of the client, and every error is a failure. A few phones in a tunnel open
//! the circuit for everybody. *Instead*: [`hyper::layer`][hyper::layer],
//! [`reqwest::layer`][reqwest::layer] or the classifiers of these modules, which know whose fault
//! an error is, and say [what cannot be told apart][hyper#what-cannot-be-told-apart].
//!
//! # Request bodies that clients break
//!
//! A phone that loses its network breaks its upload off, and in the server the body of the request
//! ends with an error. A circuit around the handler counts what the handler makes of that. A 500,
//! as a careless `?` makes of any error, is a failure: a few phones open the circuit for
//! everybody. A 400, as axum's extractors answer, is a success of an upstream that was not asked:
//! it ends a run of failures and closes a half-open circuit. *Instead*: the circuit around the
//! call to the dependency, which is made once the body is there; around the handler, a 400 and
//! [`ignoring_status(400..=499)`][CircuitBreakerLayer::ignoring_status].
//!
//! Where a proxy passes the body on as it comes, the error of its client has the broken upload in
//! it: [`hyper::layer`][hyper::layer] and [`reqwest::layer`][reqwest::layer] leave such a call out
//! as not sent, `http::layer` counts a failure.
//!
//! # A breaker within a breaker
//!
//! A rejection by a circuit further in is no failure, where it can be found. In an error of a type
//! that the outer circuit cannot look through it cannot: your own `ShopError`, or the
//! `Error<ShopError>` of an inner breaker with typed errors. Then the outer circuit opens because
//! the inner one is open. *Instead*: implement [`ErrorChain`](crate::ErrorChain) for it, in a line,
//! and take [`ErrorsAsFailures::in_chain`](crate::ErrorsAsFailures::in_chain) as the classifier, or
//! add [`not_sent::<Rejected>()`](crate::CircuitBreakerLayer::not_sent) to any other; or box the
//! errors.
//!
//! A rejection that the inner circuit answers with a response
//! ([`respond_with`](crate::CircuitBreakerLayer::respond_with)) is found by all that is made with
//! [`judge_body`][CircuitBreakerLayer::judge_body] and by the classifiers by status. A plain
//! `CircuitBreakerLayer::new(circuit)`, with [`failure_if`](crate::CircuitBreakerLayer::failure_if)
//! too, knows nothing of HTTP and takes it for an answer: a success, or what the predicate makes of
//! a 503. *Instead*: [`http::layer`][http::layer] or `judge_body`, or a closure for
//! [`classify_by`](crate::CircuitBreakerLayer::classify_by) that looks for a
//! [`Rejected`](crate::Rejected) in the response's extensions.
//!
//! # The order of setters
//!
//! Some setters replace what was set before, and say nothing:
//!
//! - of a circuit: [`config`](crate::CircuitBuilder::config) replaces all settings made before it;
//!   a rule that is set twice holds with its last value; and any rule at all replaces both default
//!   ones, so a circuit with `consecutive_failures(5)` alone has no rule about a rate;
//! - of a layer: `classify_by` and `classify_with` replace the classifier, and with it what
//!   `http::layer` says of a 5xx, what `ignoring_status` added, and each `failure_if` before.
//!
//! Others cannot undo one another. [`failure_if`](crate::CircuitBreakerLayer::failure_if) adds to
//! the classifier of `http::layer` and to another `failure_if`; a layer takes one of `boxed`,
//! `same_error`, `respond_with` and `fallback`, and a second one does not compile; `ignoring`,
//! `not_sent` and what `hyper::layer` and `reqwest::layer` know of errors hold in any order; and
//! `keyed` and `keyed_by` come last, without `on_open`: what they return has no setters.
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::{Request, Response};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use tower_circuit_breaker::http::StatusInRangeAsFailures;
//! use tower_circuit_breaker::{Circuit, http as breaker};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = Circuit::builder("plants").build();
//! let layer = breaker::layer(circuit.clone())
//!     .ignoring_status(501..=501)
//!     .classify_with(StatusInRangeAsFailures::new(500..=599));
//! # let answers = service_fn(|_: Request<()>| async {
//! #     let mut response = Response::new(String::new());
//! #     *response.status_mut() = http::StatusCode::NOT_IMPLEMENTED;
//! #     Ok::<_, Infallible>(response)
//! # });
//! # layer.layer(answers).oneshot(Request::new(())).await.unwrap();
//! // Of a service that answers 501, once:
//! let totals = circuit.snapshot().totals;
//! assert_eq!((totals.ignored, totals.failures), (0, 1), "`ignoring_status` was replaced");
//! # }
//! ```
//!
//! *Instead*: one classifier that says all of it.
//!
//! # Errors that say little
//!
//! By default a breaker's error is [`Error<E>`](crate::Error), whose text is "the call failed" or
//! "the call was rejected": what failed is its source. A log of the text alone says nothing of the
//! cause, and a metric by text has one series. *Instead*: match on the two variants; log the chain
//! of sources; or [`same_error`](crate::CircuitBreakerLayer::same_error), with which callers get
//! your own type.
//!
//! ```
//! use std::error::Error as _;
//! use tower_circuit_breaker::Circuit;
//!
//! let circuit = Circuit::builder("plants").build();
//! let error = circuit.run(|| Err::<(), _>(std::io::Error::other("disk full"))).unwrap_err();
//! assert_eq!(error.to_string(), "the call failed");
//! assert_eq!(error.source().unwrap().to_string(), "disk full");
//! ```
//!
//! # Errors that hide their source
//!
//! [`Rejected::find`](crate::Rejected::find), the retry policies of this crate and a circuit
//! further out look for a rejection among the sources of an error. A layer in between whose
//! error keeps its cause to itself ends the search: the retry tries again, and the outer circuit
//! counts a failure. So do
//! [`CircuitBreakerError`](https://docs.rs/tower-resilience-circuitbreaker/0.14.0/tower_resilience_circuitbreaker/enum.CircuitBreakerError.html)
//! and
//! [`ResilienceError`](https://docs.rs/tower-resilience-core/0.14.0/tower_resilience_core/error/enum.ResilienceError.html)
//! of tower-resilience 0.14, and many an own enum that is written by hand:
//!
//! ```
//! # use std::fmt;
//! use tower_circuit_breaker::{Circuit, Rejected};
//!
//! #[derive(Debug)]
//! struct Hides(Rejected);
//!
//! impl std::error::Error for Hides {} // without `source`
//! # impl fmt::Display for Hides {
//! #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
//! #         write!(f, "failed: {}", self.0)
//! #     }
//! # }
//!
//! let circuit = Circuit::builder("plants").build();
//! circuit.trip();
//! let rejected = circuit.try_acquire().unwrap_err();
//! assert!(Rejected::find(&rejected).is_some());
//! assert!(Rejected::find(&Hides(rejected)).is_none());
//! ```
//!
//! *Instead*: return the cause from `source`; for a type of another crate, say where the rejection
//! is (`find_with` of a retry policy, `classify_by`), or let `map_err` take the error out of its
//! wrapping right behind that layer.
//!
//! # Limits that idle instances hold
//!
//! `breaker(limit(client))`, with one instance of the stack kept for each worker or connection:
//! tower's `concurrency_limit` gives an instance its place when it is polled ready, not when it is
//! called. If the circuit opens between the two, the call is rejected, and the instance keeps its
//! place for its next call. A few such idle instances, and after the outage all others wait:
//!
//! ```
//! # use futures_util::FutureExt;
//! use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = Circuit::builder("plants").build();
//! let stack = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(circuit.clone()))
//!     .concurrency_limit(1)
//!     .service(service_fn(|()| async { Ok::<(), &'static str>(()) }));
//! let (mut idle, mut other) = (stack.clone(), stack);
//!
//! idle.ready().await.unwrap();
//! circuit.trip();
//! assert!(idle.call(()).await.is_err(), "rejected");
//! circuit.reset();
//! assert!(other.ready().now_or_never().is_none(), "waits for the place");
//!
//! drop(idle);
//! assert!(other.ready().now_or_never().is_some());
//! # }
//! ```
//!
//! *Instead*: a clone for each call, as `clone().oneshot(request)` makes one and as servers of axum
//! and hyper-util do; or drop an instance whose call was rejected.
//!
//! # Bodies that nobody reads
//!
//! With [`http::layer`][http::layer] a call lasts until its body has ended or is dropped. A
//! response that is put aside unread, in a cache, a queue or a variable of a long task, counts
//! nothing for as long:
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! # use tower::{Layer, ServiceExt, service_fn};
//! use tower_circuit_breaker::{Circuit, http as breaker};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = Circuit::builder("plants").build();
//! let client = breaker::layer(circuit.clone()).layer(service_fn(|_: Request<()>| async {
//!     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"rose"))))
//! }));
//!
//! let response = client.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(circuit.snapshot().totals.successes, 0, "not yet");
//! drop(response);
//! assert_eq!(circuit.snapshot().totals.successes, 1, "by its head: nobody read the body");
//! # }
//! ```
//!
//! And where all callers look at the status alone, a body that always breaks off is never seen.
//! *Instead*: read the body to its end, or drop the response as soon as the status is all you want.
//!
//! # The verdict at the head
//!
//! A response is there when its head is. An upstream that answers 200 and then breaks the stream,
//! or a gRPC call, whose status comes last, looks well to a circuit that judges heads. *Instead*:
//! [`http::layer`][http::layer], [`http::grpc_layer`][http::grpc_layer] or
//! [`judge_body`][CircuitBreakerLayer::judge_body].
//!
//! # HTTP's layer around gRPC
//!
//! A call of gRPC that has failed is a 200, with its `grpc-status` in the trailers. To
//! [`http::layer`][http::layer] it is a success, and the circuit never opens. *Instead*:
//! [`http::grpc_layer`][http::grpc_layer].
//!
//! # The router's own answers
//!
//! `Router::layer(breaker)` of axum goes around everything that the router answers, also the 404 of
//! a path and the 405 of a method that no handler takes. `Router::route_layer` leaves out the 404,
//! but not the 405 and, around a `CorsLayer`, not the preflights of browsers. Each of them is a
//! success of an upstream that was not asked: a scanner's 404 closes a half-open circuit. And while
//! the circuit is open, a page of another origin can neither call nor read why. *Instead*:
//! `route_layer` of the route, `get(handler).route_layer(breaker)`; for `any` and fallbacks
//! `handler.layer(breaker)`; and CORS outside, `router.layer(cors)`.
//!
//! The same goes for whatever answers without asking the upstream: authentication, a cache, a limit
//! for each caller, a maintenance page. Inside the circuit its 200 or 401 is a success of an
//! upstream that was not asked, ends a run of failures and closes a half-open circuit. *Instead*:
//! outside.
//!
//! # Statuses that are no word of the upstream
//!
//! By default 5xx are failures, and every other status is a success, whoever says it and why.
//!
//! - A gateway's 401 or 403, before the upstream is asked: a success between failures, which ends
//!   each run of them, so that the circuit does not open. *Instead*:
//!   [`http::layer(circuit).ignoring_status(401..=403)`][CircuitBreakerLayer::ignoring_status].
//! - The 404s of a REST API, or one caller's expired token, where all of 400 to 599 are failures:
//!   they open the circuit for all callers. *Instead*: 5xx alone, or those statuses ignored.
//! - A 429 is a success, though the upstream asks to be left alone. *Instead*:
//!   [`heed_retry_after`][http::ServerErrorsAsFailures::heed_retry_after], with which a 429 that
//!   asks for a time opens the circuit for as long, and any other is a failure. Where each caller
//!   has a limit of its own, it says nothing of the upstream: ignore it.
//! - Around a handler, what it answers without asking its dependency: a body that is not JSON, a
//!   page out of a cache. *Instead*: the circuit around the call to the dependency, or
//!   `ignoring_status(400..=499)`.
//!
//! Sixteen ignored answers in a row close a half-open circuit: something answers.
//!
//! # A timeout that answers
//!
//! `breaker(timeout(service))` with the `TimeoutLayer` of tower-http: a call that takes too long is
//! no error but a response, with the status that the layer was given; the deprecated
//! `TimeoutLayer::new` gives 408. A 408 blames the caller, is a success, and a circuit around an
//! upstream that hangs never opens. *Instead*: `504 Gateway Timeout`, or `tower::timeout`; where
//! callers must see the 408, a circuit that counts it:
//!
//! ```
//! # use std::time::Duration;
//! # use http::{Request, Response, StatusCode};
//! # use tower::{BoxError, Layer, ServiceExt, service_fn};
//! use tower_circuit_breaker::{Circuit, CircuitState, http as breaker};
//! use tower_http::timeout::TimeoutLayer;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! # let hangs = service_fn(|_: Request<()>| {
//! #     std::future::pending::<Result<Response<String>, BoxError>>()
//! # });
//! let circuit = Circuit::builder("plants").consecutive_failures(3).build();
//! let late = StatusCode::REQUEST_TIMEOUT;
//! let service = breaker::layer(circuit.clone())
//!     .failure_if(move |result: &Result<Response<String>, BoxError>| match result {
//!         Ok(answer) => answer.status() == late || answer.status().is_server_error(),
//!         Err(_) => true,
//!     })
//!     .layer(TimeoutLayer::with_status_code(late, Duration::from_secs(5)).layer(hangs));
//!
//! for _ in 0..3 {
//!     assert_eq!(service.clone().oneshot(Request::new(())).await.unwrap().status(), 408);
//! }
//! assert_eq!(circuit.state(), CircuitState::Open);
//! # }
//! ```
//!
//! Outside, `timeout(breaker(service))`, it answers the caller and drops the call, which is
//! [abandoned](#timeout-outside) whatever the status: it counts where
//! [`abandoned_after`](crate::CircuitBuilder::abandoned_after) is set, and nowhere else.
//!
//! # One circuit for several upstreams
//!
//! One failing upstream of many keeps the rate below its threshold, or takes the healthy ones down
//! with it. *Instead*: a circuit for each thing that fails by itself: host, shard, provider.
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
