//! The guide: where a circuit breaker stands in a stack, and what goes wrong elsewhere.
//!
//! - [`stack`]: the layers from outside to inside, and what each of tower's does on either side
//! - [`traps`]: the mistakes that compile
//! - [`upstreams`]: which circuit for what, and how it is set
//! - [`compiler`]: troubleshooting, what the compiler says of the mistakes that do not compile
//!
//! Every trap is a test of this crate (`tests/it/traps.rs`, `tests/it/traps`), every stack shown is
//! compiled, and what the compiler says is what it printed (`tests/messages`).

pub mod compiler;

pub mod stack {
    //! The stack, from outside to inside.
    //!
    //! A request passes the layers from the top to the bottom, an answer from the bottom to the top:
    //!
    //! ```text
    //!   caller
    //!     │  deadline of the whole call          tower::timeout
    //!     │  retry, with a budget                tower::retry + RetryUnlessRejected
    //!     │  CIRCUIT BREAKER                     one circuit for each upstream
    //!     │  hedge                               tower::hedge
    //!     │  limits: concurrency, rate           tower::limit, tower::load_shed
    //!     │  timeout of one attempt              tower::timeout
    //!     ▼  client                              hyper, reqwest, tonic
    //!   upstream
    //! ```
    //!
    //! ```
    //! use std::time::Duration;
    //!
    //! use bytes::Bytes;
    //! use http_body_util::Full;
    //! use hyper_util::client::legacy::Client;
    //! use hyper_util::rt::TokioExecutor;
    //! use tower::load_shed::error::Overloaded;
    //! use tower::{BoxError, ServiceBuilder};
    //! use tower_circuit_breaker::{Circuit, RetryUnlessRejected, hyper};
    //!
    //! # #[derive(Clone)]
    //! # struct Once;
    //! # impl<Req: Clone, T> tower::retry::Policy<Req, T, BoxError> for Once {
    //! #     type Future = std::future::Ready<()>;
    //! #     fn retry(&mut self, _: &mut Req, _: &mut Result<T, BoxError>) -> Option<Self::Future> {
    //! #         None
    //! #     }
    //! #     fn clone_request(&mut self, request: &Req) -> Option<Req> {
    //! #         Some(request.clone())
    //! #     }
    //! # }
    //! # let retries = Once;
    //! let plants = Circuit::builder("plants").failure_rate(0.5).build();
    //! let client = ServiceBuilder::new()
    //!     .timeout(Duration::from_secs(30))
    //!     .retry(RetryUnlessRejected::new(retries))
    //!     .layer(hyper::layer(plants).not_sent::<Overloaded>().boxed())
    //!     .load_shed()
    //!     .concurrency_limit(100)
    //!     .timeout(Duration::from_secs(5))
    //!     .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
    //! # async fn check<S: tower::Service<::http::Request<Full<Bytes>>>>(_: S) {}
    //! # let _ = check(client);
    //! ```
    //!
    //! # Each layer, outside and inside
    //!
    //! | layer | outside the breaker | inside the breaker |
    //! |---|---|---|
    //! | `timeout` | limits the call with all its tries; the call it drops **says nothing** to a closed circuit, unless [`abandoned_after`] is set; probes that it drops reopen the circuit only [in the long run](crate::ChangeReason::ProbesUnanswered) | **a slow attempt is an error that counts**: put one here |
    //! | `retry` | each try asks the circuit, and stops when it opens: **the place for it**, with [`RetryUnlessRejected`] | all tries are one call to the circuit, which counts once what failed three times, and cannot stop them |
    //! | `hedge` | its second try is a call of its own; the loser is dropped, which says nothing; as a probe's second try it is rejected at once and **wins** | both tries are one call: **the place for it** |
    //! | `concurrency_limit` | rejected calls take a place, if briefly | rejected calls take none; a task that waits for a place is rejected at once when the circuit trips |
    //! | `rate_limit` | rejected calls use it up | rejected calls leave it alone |
    //! | `load_shed` | sheds nothing: a rejecting breaker is always ready | turns a full limit into an error of ours, not of the upstream, which says nothing of it: name it with [`not_sent::<Overloaded>()`](crate::CircuitBreakerLayer::not_sent) |
    //! | `buffer` | many callers share one breaker, which needs no `Clone` then; a rejection is found in the boxed error all the same | a full or closed buffer is an error of `poll_ready`, which counts |
    //! | `balance` | one breaker for each endpoint, with [`OnOpen::Wait`](crate::OnOpen::Wait): see [`traps`](crate::guide::traps#rejecting-inside-a-balancer) | one circuit for the whole cluster: it opens when most of the cluster fails |
    //! | `reconnect`, `make` | connects again for each new stack; share the circuit, not the service | a connection that is refused is an error of `poll_ready`, which counts |
    //! | `filter`, `map_request` | requests that are refused here never reach the circuit: **the place for validation** | an error of ours would count: name its type with [`not_sent`](crate::CircuitBreakerLayer::not_sent) |
    //! | `map_response`, `map_err` | sees rejections, too | the circuit judges what they make of the answer |
    //! | tower-http's `trace`, metrics | sees rejections as answers of a few microseconds | sees only what was really called |
    //! | tower-http's `cors` | answers preflights itself, and lets pages read rejections: **the place for it** | preflights are calls of the circuit: see [`traps`](crate::guide::traps#the-routers-own-answers) |
    //! | tower-http's `timeout` | as `timeout` | answers with the status that it was given: a 504 counts, a 408 [does not](crate::guide::traps#a-timeout-that-answers) |
    //! | tower-http's `follow_redirect` | each hop is a call of the circuit, whatever host it goes to | all hops are one call |
    //! | tower-http's `decompression` | works on [`ResponseBody`](crate::http::ResponseBody) as on any body | a body that does not decompress is a broken one, which counts |
    //!
    //! `timeout` limits the call and **not** `poll_ready`: a stack that waits to be ready, behind a
    //! limit, a `buffer` or a breaker that waits, waits without one. Put `load_shed` around what
    //! must not wait, or a timeout around `ready().await` together with the call.
    //!
    //! # In a server
    //!
    //! Around the handlers of a route, the layer answers for them:
    //!
    //! ```
    //! use axum::{Router, routing::get};
    //! use tower_circuit_breaker::{Circuit, http};
    //!
    //! # async fn report() {}
    //! let breaker = http::layer(Circuit::builder("reports").build())
    //!     .respond_with(http::service_unavailable);
    //! let app: Router = Router::new().route("/report", get(report).route_layer(breaker));
    //! # let _ = app;
    //! ```
    //!
    //! The layer's error type stays that of the router, so no `HandleErrorLayer` is needed. It is
    //! `route_layer` of the route, not `layer` or `route_layer` of the router, since those go around
    //! [answers of the router itself](crate::guide::traps#the-routers-own-answers), too. The circuit
    //! then guards *what the handler depends on*: one circuit for each group of routes with one
    //! dependency, a clone of its layer around each. Around the call to the dependency itself it is
    //! worth more, since it then knows the difference between an upstream's failure and a bad request.
    //!
    //! # In a client of gRPC
    //!
    //! `HealthClient::new(http::grpc_layer(circuit).layer(channel))`: tonic makes a `Status` of the
    //! breaker's error, in which [`Rejected::find`](crate::Rejected::find) finds the rejection. Its
    //! code is `UNKNOWN`. For `UNAVAILABLE` instead, answer with
    //! [`grpc_unavailable`](crate::http::grpc_unavailable), where tonic keeps no source; for both, map
    //! the breaker's error to a `Status::unavailable` whose source is the rejection.
    //!
    //! [`abandoned_after`]: crate::CircuitBuilder::abandoned_after
    //! [`RetryUnlessRejected`]: crate::RetryUnlessRejected
}

pub mod traps {
    //! The mistakes that compile.
    //!
    //! # Timeout outside
    //!
    //! `timeout(breaker(client))` alone: when the upstream hangs, the timeout drops each call before
    //! the circuit has seen an end. A dropped call says nothing to a closed circuit, since it may as
    //! well be a user who closed the page. The circuit never opens, but by a rule for slow or stalled
    //! calls, and every caller waits the whole timeout, for ever.
    //! *Instead*: a timeout inside, so that the attempt ends with an error; or
    //! [`abandoned_after`](crate::CircuitBuilder::abandoned_after), a little shorter than the timeout
    //! outside.
    //!
    //! # Hedge outside
    //!
    //! `hedge(breaker(client))`: in half-open the first try is the probe, and the second one finds
    //! its slot taken. It is rejected at once, and being first it is the answer: the caller gets an
    //! error, and the probe, which was about to succeed, is dropped. While closed, the loser of each
    //! race is dropped and counts nothing, so an upstream that hangs on every second call looks well.
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
    //! spent on rejections, which cost nothing and change nothing. *Instead*: wrap the policy in
    //! [`RetryUnlessRejected`](crate::RetryUnlessRejected); in a policy of your own, ask
    //! [`Rejected::find`](crate::Rejected::find) first.
    //!
    //! # Rejecting inside a balancer
    //!
    //! `balance([breaker(a), breaker(b)])` with the default
    //! [`OnOpen::Reject`](crate::OnOpen::Reject): the endpoint that is down answers fastest of all, by
    //! rejecting, has the least load, and so draws the most calls. *Instead*:
    //! [`OnOpen::Wait`](crate::OnOpen::Wait): a breaker that waits is not ready, and a balancer
    //! passes over what is not ready.
    //!
    //! # Shared limits with a breaker that waits
    //!
    //! `limit(breaker)` with `OnOpen::Wait`, where the limit is shared with other upstreams
    //! (`GlobalConcurrencyLimitLayer`, `buffer`): tower's limits take their place first and ask
    //! their inner service second, so a breaker that waits keeps the place for the whole open time,
    //! and the others starve. *Instead*: the limit inside, `breaker(limit)`; or `OnOpen::Reject`,
    //! which is ready at once.
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
    //! [`ignoring::<Overloaded>()`](crate::CircuitBreakerLayer::ignoring): an ignored call says that the
    //! upstream answers, so sixteen shed probes close a circuit whose upstream still hangs. *Instead*:
    //! [`not_sent::<Overloaded>()`](crate::CircuitBreakerLayer::not_sent); `ignoring` is for answers,
    //! such as a row that is not there.
    //!
    //! # The callers' own faults
    //!
    //! `http::layer` around a client: the caller who breaks off an upload, or asks for a URL without a
    //! host, gets an error of the client, and every error is a failure. A few phones in a tunnel open
    //! the circuit for everybody. *Instead*: [`hyper::layer`](crate::hyper::layer),
    //! [`reqwest::layer`](crate::reqwest::layer) or the classifiers of these modules, which know whose
    //! fault an error is, and say [what cannot be told apart](crate::hyper#what-cannot-be-told-apart).
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
    //! [`judge_body`](crate::CircuitBreakerLayer::judge_body) and by the classifiers by status. A plain
    //! `CircuitBreakerLayer::new(circuit)`, with [`failure_if`](crate::CircuitBreakerLayer::failure_if)
    //! too, knows nothing of HTTP and takes it for an answer: a success, or what the predicate makes
    //! of a 503. *Instead*: [`http::layer`](crate::http::layer) or `judge_body`, or a closure for
    //! [`classify_by`](crate::CircuitBreakerLayer::classify_by) that looks for a
    //! [`Rejected`](crate::Rejected) in the response's extensions.
    //!
    //! # The verdict at the head
    //!
    //! A response is there when its head is. An upstream that answers 200 and then breaks the stream,
    //! or a gRPC call, whose status comes last, looks well to a circuit that judges heads. *Instead*:
    //! [`http::layer`](crate::http::layer), [`http::grpc_layer`](crate::http::grpc_layer) or
    //! [`judge_body`](crate::CircuitBreakerLayer::judge_body).
    //!
    //! # HTTP's layer around gRPC
    //!
    //! A call of gRPC that has failed is a 200, with its `grpc-status` in the trailers. To
    //! [`http::layer`](crate::http::layer) it is a success, and the circuit never opens. *Instead*:
    //! [`http::grpc_layer`](crate::http::grpc_layer).
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
    //! # Statuses that are no word of the upstream
    //!
    //! By default 5xx are failures, and every other status is a success, whoever says it and why.
    //!
    //! - A gateway's 401 or 403, before the upstream is asked: a success between failures, which ends
    //!   each run of them, so that the circuit does not open. *Instead*:
    //!   [`http::layer(circuit).ignoring_status(401..=403)`](crate::CircuitBreakerLayer::ignoring_status).
    //! - The 404s of a REST API, or one caller's expired token, where all of 400 to 599 are failures:
    //!   they open the circuit for all callers. *Instead*: 5xx alone, or those statuses ignored.
    //! - A 429 is a success, though the upstream asks to be left alone. *Instead*:
    //!   [`heed_retry_after`](crate::http::ServerErrorsAsFailures::heed_retry_after), with which a 429
    //!   that asks for a time opens the circuit for as long, and any other is a failure. Where each
    //!   caller has a limit of its own, it says nothing of the upstream: ignore it.
    //! - Around a handler, what it answers without asking its dependency: a body that is not JSON, a
    //!   page out of a cache. *Instead*: the circuit around the call to the dependency, or
    //!   `ignoring_status(400..=499)`.
    //!
    //! Sixteen ignored answers in a row close a half-open circuit: something answers.
    //!
    //! # A timeout that answers
    //!
    //! `breaker(timeout(service))` with the `TimeoutLayer` of tower-http: a call that takes too long is
    //! no error but a response, with the status that the layer was given. A 408 blames the caller, is a
    //! success, and a circuit around an upstream that hangs never opens. *Instead*: `504 Gateway
    //! Timeout`, or `tower::timeout`.
    //!
    //! # One circuit for several upstreams
    //!
    //! One failing upstream of many keeps the rate below its threshold, or takes the healthy ones
    //! down with it. *Instead*: a circuit for each thing that fails by itself: host, shard, provider.
}

pub mod upstreams {
    //! Which circuit for what, and how it is set.
    //!
    //! | upstream | what is a failure | rules to begin with |
    //! |---|---|---|
    //! | an internal HTTP service with much traffic | 5xx, errors, broken bodies: [`hyper::layer`](crate::hyper::layer), [`reqwest::layer`](crate::reqwest::layer), or [`http::layer`](crate::http::layer) over any other client | the [defaults](#the-defaults): 50 % of at least 20 calls in 10 s, or 5 in a row over at least 1 s |
    //! | a paid third-party API with little traffic | the same, and 429: [`heed_retry_after`](crate::http::ServerErrorsAsFailures::heed_retry_after) | 3 to 5 in a row; a rate needs more calls than come |
    //! | gRPC | the codes that blame the server, errors, broken streams: [`grpc_layer`](crate::http::grpc_layer) | as for HTTP |
    //! | an upstream that says "error" with a 200 | [`ReadBody`](crate::http::ReadBody) | as for HTTP |
    //! | a server-sent event stream | as for HTTP: a stream that its reader leaves counts as its head said, and as a probe it is judged after 1 s | as for HTTP; where streams last for hours, and so end too seldom to interrupt a run, a [`body_deadline`](crate::CircuitBreakerLayer::body_deadline) with `Success` counts them sooner |
    //! | a database or cache, by [`Circuit::call`](crate::Circuit::call) | a lost connection, not a bad query: [`call_with`](crate::Circuit::call_with) | 3 in a row, short open times |
    //! | replicas of one service behind a balancer | as for HTTP | as for HTTP, a circuit each, in a [`CircuitGroup`](crate::CircuitGroup) that leaves half of them closed |
    //! | a slow upstream | calls over the time that callers can bear: [`slow_call_rate`](crate::CircuitBuilder::slow_call_rate) | 50 % over that time |
    //!
    //! Start with [`observe`](crate::Circuit::observe): the circuit decides and counts what it would
    //! have rejected, and rejects nothing.
    //!
    //! # The defaults
    //!
    //! Five failures in a row, of which the last came at least 1 s after the first, say that an upstream
    //! is down, at any traffic. When one goes down that was well,
    //!
    //! - at one call a second the fifth failed call opens the circuit, 4 s after the first. Where one call
    //!   in five fails by itself, such a run comes by chance, too: 1 % of the calls are rejected;
    //! - at 10,000 calls a second it opens after 1 s and some 10,000 failed calls. Of one call in five that
    //!   fails by itself, nothing opens it: some call of a second always succeeds.
    //!
    //! Blips of less than a second among steady traffic open nothing, nor do five calls that are lost
    //! together with one connection; where they are half of the window's calls, and the window holds 20,
    //! the rate opens it. [`consecutive_failures(5)`](crate::CircuitBuilder::consecutive_failures) opens at
    //! the fifth failure at once, which is for little traffic: at 10,000 calls a second, one failure in ten
    //! by chance has it reject 77 % of the calls.
}
