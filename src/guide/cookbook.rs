//! The cookbook: pieces that many programs need.
//!
//! # A stale answer instead of an error
//!
//! What the upstream said last is often better than nothing. Keep it, and give it out when a call
//! fails or is rejected; while the circuit is open that costs no time at all:
//!
//! ```
//! use std::sync::Mutex;
//! use tower_circuit_breaker::{Circuit, Error};
//!
//! struct Prices {
//!     circuit: Circuit,
//!     last: Mutex<Option<String>>,
//! }
//!
//! impl Prices {
//!     async fn get(
//!         &self,
//!         ask: impl Future<Output = Result<String, std::io::Error>>,
//!     ) -> Result<String, Error<std::io::Error>> {
//!         match self.circuit.call(ask).await {
//!             Ok(fresh) => {
//!                 *self.last.lock().unwrap() = Some(fresh.clone());
//!                 Ok(fresh)
//!             }
//!             Err(error) => self.last.lock().unwrap().clone().ok_or(error),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let circuit = Circuit::builder("prices").consecutive_failures(1).build();
//! let prices = Prices { circuit: circuit.clone(), last: Mutex::default() };
//! let fails = || async { Err(std::io::Error::other("refused")) };
//!
//! assert!(prices.get(fails()).await.is_err(), "there is no last answer yet");
//! circuit.reset();
//! assert_eq!(prices.get(async { Ok("42 EUR".into()) }).await.unwrap(), "42 EUR");
//! assert_eq!(prices.get(fails()).await.unwrap(), "42 EUR", "failed");
//! assert_eq!(prices.get(fails()).await.unwrap(), "42 EUR", "rejected");
//! # }
//! ```
//!
//! In a stack of tower, [`fallback`](crate::CircuitBreakerLayer::fallback) does so for rejected
//! calls, and gets the request;
//! [`fallback_on_failure`](crate::CircuitBreakerLayer::fallback_on_failure) does so for failed ones,
//! too. Put the cache **outside** the circuit: inside, its answers would be
//! successes.
//!
//! # Kinds of failures, by client
//!
//! [`hyper::layer`][hyper::layer] and [`reqwest::layer`][reqwest::layer] name what failed. A rule
//! may be about one kind, with an open time of its own, and the snapshot and the metrics tell them
//! apart:
//!
//! ```
//! use std::time::Duration;
//! use tower_circuit_breaker::http::{CONNECT, STATUS, TIMEOUT};
//! use tower_circuit_breaker::{Circuit, CircuitState, Outcome, TripRule};
//!
//! let circuit = Circuit::builder("plants")
//!     .failure_rate(0.5) // of all kinds together
//!     // Nobody listens: it is being restarted, and soon back.
//!     .rule(TripRule::consecutive_failures(2).of(CONNECT).open_for(Duration::from_secs(2)))
//!     .rule(TripRule::consecutive_failures(5).of(TIMEOUT))
//!     .build();
//!
//! for kind in [STATUS, CONNECT, CONNECT] {
//!     circuit.try_acquire().unwrap().record(Outcome::Failure(kind));
//! }
//! assert_eq!(circuit.state(), CircuitState::Open);
//! let seen = circuit.snapshot();
//! assert_eq!(seen.last_trip.unwrap().open_for, Duration::from_secs(2));
//! assert!(seen.failures_by_kind.contains(&(STATUS, 1)));
//! assert!(seen.failures_by_kind.contains(&(CONNECT, 2)));
//! ```
//!
//! # Replicas of a gRPC service
//!
//! A circuit for each replica inside a balancer, which passes over those that are not ready
//! ([`OnOpen::Wait`][OnOpen::Wait]), and a group, so that at most half of them are ever cut off: a [whole
//! program](crate::guide::programs#tonic-over-replicas-with-a-page-on-a-second-port). The balancer is
//! not `Clone`: `tower::buffer` around it lets tasks share it.
//!
//! # A circuit for each tenant
//!
//! By a header, up to a cap; what is over it, and calls without the header, share the circuit that
//! the layer was made with. The registry shows them while they live:
//!
//! ```
//! use std::convert::Infallible;
//!
//! use axum::body::Body;
//! use axum::http::{Request, Response};
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_circuit_breaker::keyed::KeyedCircuits;
//! use tower_circuit_breaker::{Circuit, CircuitRegistry, http as breaker};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let registry = CircuitRegistry::new();
//! let tenant = |request: &Request<Body>| -> String {
//!     let header = request.headers().get("x-tenant");
//!     header.and_then(|name| name.to_str().ok()).unwrap_or("nobody").to_owned()
//! };
//! let circuits = KeyedCircuits::new(|builder| builder.consecutive_failures(1))
//!     .cap(10_000)
//!     .registry(&registry);
//! let layer = breaker::layer(Circuit::builder("tenants").build())
//!     .respond_with(breaker::service_unavailable)
//!     .keyed_by(tenant, circuits); // last: its layer has no other setters
//! let service = layer.layer(service_fn(|request: Request<Body>| async move {
//!     let is_bad = request.headers()["x-tenant"] == "bad";
//!     let status = if is_bad { 500 } else { 200 };
//!     Ok::<_, Infallible>(Response::builder().status(status).body(Body::empty()).unwrap())
//! }));
//!
//! let ask = async |tenant: &str| {
//!     let call = Request::get("/").header("x-tenant", tenant).body(Body::empty()).unwrap();
//!     service.clone().oneshot(call).await.unwrap().status().as_u16()
//! };
//! assert_eq!((ask("bad").await, ask("bad").await), (500, 503), "failed, then rejected");
//! assert_eq!(ask("good").await, 200, "another circuit");
//! assert!(registry.get("tenants/bad").is_some());
//! # }
//! ```
//!
//! Take the key from what was authenticated, not from what anybody may send: a stranger who invents
//! keys fills the cap.
//!
//! # The admin page on a port of its own
//!
//! So that the page and its commands are where only operators get. With the crate
//! [tower-circuit-breaker-admin](https://docs.rs/tower-circuit-breaker-admin):
//!
//! ```no_run
//! // cargo add tower-circuit-breaker tower-circuit-breaker-admin
//! // cargo add axum tokio -F tokio/full
//! use std::net::SocketAddr;
//!
//! use axum::{Router, extract::ConnectInfo, routing::get};
//! use tokio::net::TcpListener;
//! use tower_circuit_breaker::CircuitRegistry;
//! use tower_circuit_breaker_admin::Admin;
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let registry = CircuitRegistry::new();
//!     registry.get_or_create("plants");
//!
//!     let token = std::env::var("ADMIN_TOKEN").expect("a secret of 16 or more characters");
//!     let admin = Admin::builder(registry)
//!         .token(token) // whoever shows it sees and steers
//!         .peer(|extensions| extensions.get().map(|ConnectInfo(address)| *address))
//!         .build();
//!     let operators = TcpListener::bind("127.0.0.1:9091").await?;
//!     let page = Router::new().fallback_service(admin.clone());
//!     tokio::spawn(
//!         axum::serve(operators, page.into_make_service_with_connect_info::<SocketAddr>())
//!             .into_future(),
//!     );
//!
//!     let users = TcpListener::bind("127.0.0.1:3000").await?;
//!     let app = Router::new().route("/", get(|| async { "hello" }));
//!     let ended = async move {
//!         let _ = tokio::signal::ctrl_c().await;
//!         admin.end_streams(); // an open page would keep its server up
//!     };
//!     axum::serve(users, app).with_graceful_shutdown(ended).await
//! }
//! ```
//!
//! # A graceful shutdown
//!
//! Three things, when the process is asked to end: the admin page's streams (`Admin::end_streams`,
//! above); calls in flight, which the server waits for; and what the circuits know, for the next
//! process. Rejections need nothing: they are answered at once.
//!
//! ```
//! use tower_circuit_breaker::{CircuitRegistry, CircuitState, SavedCircuit};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = CircuitRegistry::new();
//! registry.get_or_create("plants").trip();
//!
//! // After the server has ended; needs the feature `serde`.
//! let saved = serde_json::to_string(&registry.export())?;
//!
//! // In the next process, before its first call.
//! let registry = CircuitRegistry::new();
//! registry.restore(serde_json::from_str::<Vec<SavedCircuit>>(&saved)?);
//! assert_eq!(registry.get_or_create("plants").state(), CircuitState::Open);
//! # Ok(())
//! # }
//! ```
//!
//! # A switch for operators
//!
//! Where flags come from a service of feature flags or a file, each value is an override.
//! `observing` is how a new circuit begins: it decides and counts, and rejects nothing.
//!
//! ```
//! use tower_circuit_breaker::{Circuit, CircuitState, Override};
//!
//! fn apply(circuit: &Circuit, flag: &str) {
//!     let wanted = match flag {
//!         "off" => Some(Override::ForcedClosed),
//!         "observe" => Some(Override::Observing),
//!         "maintenance" => Some(Override::ForcedOpen),
//!         _ => None,
//!     };
//!     // An override begins a new epoch, with empty counts: only when the flag has changed.
//!     if circuit.snapshot().overridden == wanted {
//!         return;
//!     }
//!     match wanted {
//!         Some(Override::ForcedClosed) => circuit.force_closed(),
//!         Some(Override::Observing) => circuit.observe(),
//!         Some(_) => circuit.force_open(),
//!         None => circuit.release(),
//!     }
//! }
//!
//! let circuit = Circuit::builder("plants").consecutive_failures(1).build();
//! apply(&circuit, "observe");
//! for _ in 0..3 {
//!     let _ = circuit.run(|| Err::<(), _>("refused"));
//! }
//! let totals = circuit.snapshot().totals;
//! assert_eq!((totals.rejected, totals.would_have_rejected), (0, 2));
//!
//! apply(&circuit, "on");
//! assert_eq!(circuit.state(), CircuitState::Closed);
//! ```
//!
//! The other way round, a feature that needs the upstream is hidden while the circuit is open:
//! `circuit.state() != CircuitState::Open` costs one atomic load, and takes no probe's slot.
//!
//! # In a public API of your own
//!
//! A client library should not show which breaker it has: the types are long, and a major version
//! of this crate would be one of yours. Return `impl Layer`, and let an error of your own hold the
//! rejection ([`same_error`](crate::CircuitBreakerLayer::same_error)). The module is the library, and
//! `main` is a program that uses it:
//!
#![doc = concat!("```\n", include_str!("programs/library.rs"), "```")]
//!
//! The guard is `Clone` where the transport is, its future `Send` where the transport's is. Callers of
//! an `impl Layer` know only what its bounds say: without `Clone` there, `client.clone()` would not
//! compile, and without `Future: Send`, `tokio::spawn` would not.
//!
//! The circuit is an argument, so that two clients of one shop share it and the caller can look at
//! it: say in your documentation that it is part of your API then. A layer that makes its own,
//! inside of `client_layer`, hides even that; each call of the function makes another circuit, so
//! keep the layer and clone it.
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
