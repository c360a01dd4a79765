//! The stack, from outside to inside.
//!
//! A request passes the layers from the top to the bottom, an answer from the bottom to the top:
//!
//! ```text
//!   caller
//!     │  deadline of the whole call          tower::timeout
//!     │  retry, with a budget                tower::retry + RetryPolicy
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
//! use tower::ServiceBuilder;
//! use tower_circuit_breaker::{Circuit, hyper as breaker};
//!
//! let plants = Circuit::builder("plants").failure_rate(0.5).build();
//! let client = ServiceBuilder::new()
//!     .timeout(Duration::from_secs(30))
//!     .retry(breaker::retry(3))
//!     .layer(breaker::layer(plants).not_sent::<Overloaded>().boxed())
//!     .load_shed()
//!     .concurrency_limit(100)
//!     .timeout(Duration::from_secs(5))
//!     .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
//! # async fn check<S: tower::Service<http::Request<Full<Bytes>>>>(_: S) {}
//! # let _ = check(client);
//! ```
//!
//! # Each layer, outside and inside
//!
//! | layer | outside the breaker | inside the breaker |
//! |---|---|---|
//! | `timeout` | limits the call with all its tries; the call it drops **says nothing** to a closed circuit, unless [`abandoned_after`] is set; probes that it drops reopen the circuit only [in the long run](crate::ChangeReason::ProbesUnanswered) | **a slow attempt is an error that counts**: put one here |
//! | `retry` | each try asks the circuit, and stops when it opens: **the place for it**, with [`RetryPolicy`][RetryPolicy] or, around a policy of your own, [`RetryUnlessRejected`][RetryUnlessRejected] | all tries are one call to the circuit, which counts once what failed three times, and cannot stop them |
//! | `hedge` | its second try is a call of its own; the loser is dropped, which says nothing; as a probe's second try it is rejected at once and **wins** | both tries are one call: **the place for it** |
//! | `concurrency_limit` | rejected calls take a place, if briefly | rejected calls take none, but [an instance that was ready keeps its place](crate::guide::traps#limits-that-idle-instances-hold); a task that waits for a place is rejected at once when the circuit trips |
//! | `rate_limit` | rejected calls use it up | rejected calls leave it alone |
//! | `load_shed` | sheds calls while the inner service is busy, before the circuit is asked: they count nothing. A breaker that rejects is always ready, so its rejections come through | turns a full limit into an error of ours, not of the upstream, which says nothing of it: name it with [`not_sent::<Overloaded>()`](crate::CircuitBreakerLayer::not_sent) |
//! | `buffer` | many callers share one breaker, which needs no `Clone` then; a rejection is found in the boxed error all the same | a full buffer is not ready, which is no error and counts nothing; one whose worker has ended is an error of `poll_ready`, which counts |
//! | `balance` | one breaker for each endpoint, with [`OnOpen::Wait`][OnOpen::Wait]: see [`traps`](crate::guide::traps#rejecting-inside-a-balancer) | one circuit for the whole cluster: it opens when most of the cluster fails |
//! | `reconnect`, `make` | connects again for each new stack; share the circuit, not the service | a connection that is refused is an error, which counts: `Reconnect` is ready all the same and gives it to the call |
//! | `filter`, `map_request` | requests that are refused here never reach the circuit: **the place for validation** | an error of ours would count: name its type with [`not_sent`](crate::CircuitBreakerLayer::not_sent) |
//! | `map_response`, `map_err` | sees rejections, too | the circuit judges what they make of the answer |
//! | tower-http's `trace`, metrics | sees rejections as answers of a few microseconds; `TraceLayer` logs each at `ERROR`, unless it is [told apart](#rejections-in-the-trace) | sees only what was really called |
//! | tower-http's `cors` | answers preflights itself, and lets pages read rejections: **the place for it** | preflights are calls of the circuit: see [`traps`](crate::guide::traps#the-routers-own-answers) |
//! | tower-http's `timeout` | as `timeout` | answers with the status that it was given: a 504 counts, a 408 [does not](crate::guide::traps#a-timeout-that-answers) |
//! | tower-http's `follow_redirect` | each hop is a call of the circuit, whatever host it goes to | all hops are one call |
//! | tower-http's `decompression` | works on [`ResponseBody`][http::ResponseBody] as on any body | a body that does not decompress is a broken one, which counts |
//!
//! `timeout` limits the call and **not** `poll_ready`: a stack that waits to be ready, behind a
//! limit, a `buffer` or a breaker that waits, waits without one. Put `load_shed` around what
//! must not wait, or a timeout around `ready().await` together with the call.
//!
//! # Busy, broken and shed
//!
//! What the table says of services that are not ready, as a test. A full `buffer` is not ready,
//! which is neither an error nor a call; a closed one is an error, which counts. `load_shed`
//! outside answers for a busy upstream, and the circuit hears nothing of it; while the circuit is
//! open, its rejections come first:
//!
//! ```
//! use futures_util::FutureExt;
//! use tower::buffer::Buffer;
//! use tower::load_shed::{LoadShed, error::Overloaded};
//! use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState, Rejected};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = Circuit::builder("plants").consecutive_failures(1).build();
//! let breaker = CircuitBreakerLayer::new(circuit.clone()).boxed();
//! let hangs = service_fn(|()| std::future::pending::<Result<(), BoxError>>());
//!
//! let (buffer, worker) = Buffer::pair(hangs, 1);
//! let mut full = breaker.layer(buffer);
//! let _first = full.ready().await.unwrap().call(());
//! assert!(full.ready().now_or_never().is_none(), "waits");
//! assert_eq!(circuit.state(), CircuitState::Closed);
//!
//! drop(worker);
//! assert!(full.ready().await.is_err(), "closed");
//! assert_eq!(circuit.state(), CircuitState::Open);
//!
//! circuit.reset();
//! let busy = ServiceBuilder::new().layer(breaker).concurrency_limit(1).service(hangs);
//! let mut shed = LoadShed::new(busy);
//! let mut first = shed.ready().await.unwrap().call(()).boxed();
//! assert!((&mut first).now_or_never().is_none(), "in flight");
//! let error = shed.ready().await.unwrap().call(()).await.unwrap_err();
//! assert!(error.is::<Overloaded>());
//! let totals = circuit.snapshot().totals;
//! assert_eq!((totals.not_sent, totals.rejected), (0, 0), "it was not asked");
//!
//! circuit.trip();
//! let error = shed.ready().await.unwrap().call(()).await.unwrap_err();
//! assert!(Rejected::find(&*error).is_some());
//! # }
//! ```
//!
//! `Reconnect` is ready although it could not connect, and gives the error to the call:
//!
//! ```
//! use std::io;
//! use tower::reconnect::Reconnect;
//! use tower::util::BoxService;
//! use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
//! use tower_circuit_breaker::{Circuit, CircuitBreakerLayer, CircuitState};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! type Connection = BoxService<(), (), BoxError>;
//! let connect = service_fn(|_: &'static str| {
//!     std::future::ready(Err::<Connection, _>(io::Error::from(io::ErrorKind::ConnectionRefused)))
//! });
//! let client = Reconnect::new(connect, "10.0.0.1");
//! let circuit = Circuit::builder("plants").consecutive_failures(1).build();
//! let mut breaker = CircuitBreakerLayer::new(circuit.clone()).boxed().layer(client);
//!
//! breaker.ready().await.unwrap();
//! assert!(breaker.call(()).await.is_err());
//! assert_eq!(circuit.state(), CircuitState::Open);
//! # }
//! ```
//!
//! # Retries, and reqwest's own responses
//!
//! [`reqwest::retry`][reqwest::retry] makes up to so many attempts with growing pauses, as long as
//! its budget lasts; a rejection ends them, or is waited for as long as `max_wait` says, and so is
//! the `Retry-After` of a 429 or 503. The rest of the stack is reqwest's client as a service, and
//! its response as reqwest knows it:
//!
//! ```
//! use std::time::Duration;
//! use http::Request;
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_circuit_breaker::{Circuit, Rejected, reqwest as breaker};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let plants = Circuit::builder("plants").consecutive_failures(2).build();
//! let reqwest = reqwest::Client::new();
//! let client = ServiceBuilder::new()
//!     .timeout(Duration::from_secs(10)) // the deadline of the whole call
//!     .map_response(breaker::into_response)
//!     .retry(breaker::retry(4).max_wait(Duration::from_secs(2)))
//!     .layer(breaker::layer(plants.clone()).boxed())
//!     .timeout(Duration::from_secs(3)) // of one attempt
//!     .service(breaker::client(reqwest.clone()));
//!
//! // Nobody listens there: two attempts trip the circuit, which is open for longer than 2 s.
//! let call = Request::try_from(reqwest.get("http://127.0.0.1:9/oak").build()?)?;
//! let error = client.oneshot(call).await.unwrap_err();
//! assert!(Rejected::find(&*error).is_some());
//! assert_eq!(plants.snapshot().totals.failures, 2);
//! # Ok(())
//! # }
//! ```
//!
//! For other clients there are [`http::retry`][http::retry], which knows methods and statuses, and
//! [`RetryPolicy`][RetryPolicy], which retries every error.
//!
//! # Rejections in the trace
//!
//! The `TraceLayer` of tower-http, outside the breaker, takes each rejection for a failure and logs
//! it at `ERROR`: thousands a minute, beside the one `WARN` of the circuit that says it all. A
//! classifier tells it apart. In a server the rejection is an extension of the response
//! ([`respond_with`](crate::CircuitBreakerLayer::respond_with)), in a client it is
//! [found](crate::Rejected::find) in the error; a failure that is `None` is not logged:
//!
//! ```
//! use std::any::Any;
//! use std::{fmt::Display, time::Duration};
//!
//! # use http::{Request, Response};
//! use tower::BoxError;
//! # use tower::{Layer, ServiceExt, service_fn};
//! use tower_circuit_breaker::Rejected;
//! use tower_http::classify::{ClassifiedResponse, ClassifyResponse, NeverClassifyEos};
//! use tower_http::classify::{ServerErrorsFailureClass as Class, SharedClassifier};
//! use tower_http::trace::TraceLayer;
//!
//! #[derive(Clone)]
//! struct UnlessRejected;
//!
//! impl ClassifyResponse for UnlessRejected {
//!     type FailureClass = Option<Class>; // none is a rejection
//!     type ClassifyEos = NeverClassifyEos<Option<Class>>;
//!
//!     fn classify_response<B>(
//!         self,
//!         response: &http::Response<B>,
//!     ) -> ClassifiedResponse<Self::FailureClass, Self::ClassifyEos> {
//!         let is_rejected = response.extensions().get::<Rejected>().is_some();
//!         let status = response.status();
//!         let is_failure = status.is_server_error() && !is_rejected;
//!         ClassifiedResponse::Ready(
//!             if is_failure { Err(Some(Class::StatusCode(status))) } else { Ok(()) },
//!         )
//!     }
//!
//!     fn classify_error<E: Display + 'static>(self, error: &E) -> Option<Class> {
//!         // The error that this stack has: with `same_error` your own, without either `Error<E>`.
//!         let boxed = (error as &dyn Any).downcast_ref::<BoxError>();
//!         let rejected = boxed.and_then(|error| Rejected::find(&**error));
//!         rejected.is_none().then(|| Class::Error(error.to_string()))
//!     }
//! }
//!
//! let log = |failure: Option<Class>, latency: Duration, _: &tracing::Span| {
//!     let Some(failure) = failure else { return };
//!     tracing::error!(classification = %failure, ?latency, "response failed");
//! };
//! let trace = TraceLayer::new(SharedClassifier::new(UnlessRejected)).on_failure(log);
//! # let service = trace.layer(service_fn(|_: Request<String>| async {
//! #     Ok::<_, BoxError>(Response::new(String::new()))
//! # }));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn call<S: tower::Service<Request<String>>>(service: S) -> bool {
//! #     service.oneshot(Request::new(String::new())).await.is_ok()
//! # }
//! # assert!(call(service));
//! ```
//!
//! Inside the breaker `TraceLayer` sees no rejection, and needs no such thing. What the circuit
//! does is in its own log (the feature `tracing`).
//!
//! # In a server
//!
//! Around the handlers of a route, the layer answers for them:
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_circuit_breaker::{Circuit, http as breaker};
//!
//! # async fn report() {}
//! let layer = breaker::layer(Circuit::builder("reports").build())
//!     .respond_with(breaker::service_unavailable);
//! let app: Router = Router::new().route("/report", get(report).route_layer(layer));
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
//! `HealthClient::new(tonic::layer(circuit).layer(channel))`: a rejection is a `Status` with the
//! code `UNAVAILABLE`, the rejection's words, its time as `grpc-retry-pushback-ms`, and the
//! rejection as its source, where [`Rejected::find`](crate::Rejected::find) finds it. See
//! [`tonic::layer`][tonic::layer]; by [`http::grpc_layer`][http::grpc_layer], which is for any
//! client, tonic would make one of `UNKNOWN`.
//!
//! [`abandoned_after`]: crate::CircuitBuilder::abandoned_after
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
