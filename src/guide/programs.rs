//! Whole programs to copy, each with its `cargo add` lines.
//!
//! The README has two more: the shortest one, and one call with reqwest; [migration] has pairs, and
//! the cookbook [a library](crate::guide::cookbook#in-a-public-api-of-your-own). Each is built in an empty
//! package by `tests/deep.sh blocks`, with what its lines bring. In what you write, `use
//! tower_circuit_breaker::http` would hide the crate `http`, and so would `hyper`, `reqwest` and
//! `tonic`: name the module otherwise, as here, or by its whole path.
//!
//! # hyper-util
//!
//! A 5xx, an error that is the upstream's fault, and a body that breaks off are failures. The
//! verdict falls when the body has been read, or dropped.
//!
//! ```no_run
//! // cargo add tower-circuit-breaker -F hyper-util-01
//! // cargo add hyper-util -F client-legacy,http1,tokio
//! // cargo add bytes http http-body-util tokio -F tokio/full
//! // cargo add tower -F limit,timeout,util
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::{BodyExt, Empty};
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_circuit_breaker::{Circuit, Rejected, hyper as breaker};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     let plants = Circuit::builder("plants").open_for(Duration::from_secs(10)).build();
//!     let client = ServiceBuilder::new()
//!         .timeout(Duration::from_secs(30)) // the deadline of the whole call
//!         .layer(breaker::layer(plants).boxed())
//!         .concurrency_limit(100) // inside, so that rejected calls take no place
//!         .timeout(Duration::from_secs(5)) // inside, so that a slow call fails and counts
//!         .service(Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>());
//!
//!     let call = Request::get("http://127.0.0.1:8080/oak").body(Empty::new())?;
//!     match client.oneshot(call).await {
//!         Ok(answer) => {
//!             let status = answer.status();
//!             let body = answer.into_body().collect().await?.to_bytes();
//!             println!("{status}: {} bytes", body.len());
//!         }
//!         Err(error) => match Rejected::find(&*error) {
//!             Some(rejected) => println!("not asked, try again in {:?}", rejected.retry_after()),
//!             None => println!("failed: {error}"),
//!         },
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The layers outside and inside box their errors, so the breaker's are boxed, too (`.boxed()`),
//! and [`Rejected::find`](crate::Rejected::find) tells rejections from failures. More: the example
//! `hyper-client`. What the errors of hyper count as stands at [`hyper::layer`][hyper::layer].
//!
//! # A service that calls with reqwest
//!
//! The upstream is asked through a circuit, and users see what becomes of it: what it answers, 502
//! when it fails, and 503 with `Retry-After` while it is not asked. It fails by a 5xx, an error, a
//! body that breaks off, or three seconds without an end.
//!
#![doc = concat!("```no_run\n", include_str!("programs/service.rs"), "```")]
//!
//! `curl -i http://127.0.0.1:3000/plants/oak` shows 502 as long as nobody listens on port 8080; after
//! five or more of them, of which the last came at least a second after the first, it shows 503. A
//! test plays such an outage (`tests/it/personas`).
//!
//! # axum
//!
//! While the circuit is open, the route answers 503 with `Retry-After` and its handler does not
//! run.
//!
//! ```no_run
//! // cargo add tower-circuit-breaker -F http
//! // cargo add axum tokio -F tokio/full
//! use axum::{Router, http::StatusCode, routing::get};
//! use tower_circuit_breaker::{Circuit, http as breaker};
//!
//! /// Stands for a handler whose database is down.
//! async fn report() -> Result<&'static str, StatusCode> {
//!     Err(StatusCode::BAD_GATEWAY)
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let reports = Circuit::builder("reports").consecutive_failures(3).build();
//!     let layer = breaker::layer(reports).respond_with(breaker::service_unavailable);
//!     let app = Router::new()
//!         .route("/report", get(report).route_layer(layer))
//!         .route("/alive", get(|| async { "yes" }));
//!
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, app).await
//! }
//! ```
//!
//! `curl -i http://127.0.0.1:3000/report` shows three times 502, then 503 with `retry-after: 30`.
//! It is `route_layer` of the route: around the router, the layer would count [the router's own
//! answers](crate::guide::traps#the-routers-own-answers), a 404 or 405 that says nothing of the
//! database. Routes that share a dependency share the circuit: give each a clone of the layer.
//!
//! # tonic
//!
//! The gRPC status decides, which comes last, in the trailers. Codes that blame the server count,
//! such as `UNAVAILABLE`; those that blame the caller, such as `NOT_FOUND`, do not.
//!
//! ```no_run
//! // cargo add tower-circuit-breaker -F tonic-014
//! // cargo add tonic tonic-health tokio tower -F tokio/full,tower/util
//! use tonic::transport::Endpoint;
//! use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
//! use tower::{BoxError, Layer};
//! use tower_circuit_breaker::{Circuit, Rejected, tonic as breaker};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     let channel = Endpoint::from_static("http://127.0.0.1:50051").connect_lazy();
//!     let garden = Circuit::builder("garden").build();
//!     let mut client = HealthClient::new(breaker::layer(garden).layer(channel));
//!
//!     let request = HealthCheckRequest { service: "roses".into() };
//!     match client.check(request).await {
//!         Ok(answer) => println!("{:?}", answer.into_inner().status()),
//!         Err(status) => match Rejected::find(&status) {
//!             Some(rejected) => println!("not asked, try again in {:?}", rejected.retry_after()),
//!             None => println!("failed: {status}"),
//!         },
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A client of your own service is made in the same way: `YourClient::new(layer.layer(channel))`.
//! To callers a rejection is [a `Status` with the code
//! `UNAVAILABLE`](crate::guide::stack#in-a-client-of-grpc) and the pushback. More: the example `grpc`.
//!
//! # tonic over replicas, with a page on a second port
//!
//! A circuit for each replica inside a balancer. One that is open is not ready
//! ([`OnOpen::Wait`][OnOpen::Wait]), so the balancer goes on with the others, and takes the replica
//! back when a probe is answered. A group keeps half of them closed, whatever happens.
//!
#![doc = concat!("```no_run\n", include_str!("programs/replicas.rs"), "```")]
//!
//! `http://127.0.0.1:3000/garden` asks; operators open `http://127.0.0.1:9091` for the page and
//! `http://127.0.0.1:9091/metrics` for Prometheus. A call that fails is not repeated on another
//! replica: a retry around the balancer does that, for calls that may be made twice. Tests play it with
//! three servers, of which one goes away and comes back (`tests/it/personas`).
//!
//! # Seen in logs, as metrics and on a page
//!
//! With the feature `tracing` each circuit logs its changes. A registry knows all circuits, and the
//! service of the admin crate shows them on a page, with the metrics for Prometheus. Start it, open `http://127.0.0.1:3000/circuits/`
//! and watch an upstream that fails every other half minute:
//!
//! ```no_run
//! // cargo add tower-circuit-breaker -F tracing
//! // cargo add tower-circuit-breaker-admin
//! // cargo add tower-circuit-breaker-telemetry -F prometheus-client-026
//! // cargo add axum tokio tracing-subscriber -F tokio/full
//! use std::time::{Duration, Instant};
//!
//! use axum::Router;
//! use tokio::{net::TcpListener, time::sleep};
//! use tower_circuit_breaker::CircuitRegistry;
//! use tower_circuit_breaker_admin::Admin;
//! use tower_circuit_breaker_telemetry::PrometheusText;
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     tracing_subscriber::fmt().init();
//!     let registry = CircuitRegistry::with_template(|circuit| {
//!         circuit.open_for(Duration::from_secs(5)) // of all circuits that the registry makes
//!     });
//!
//!     let plants = registry.get_or_create("plants");
//!     tokio::spawn(async move {
//!         let begun = Instant::now();
//!         loop {
//!             let is_down = begun.elapsed().as_secs() / 30 % 2 == 1;
//!             let answer = async { if is_down { Err("503") } else { Ok("an oak") } };
//!             let _ = plants.call(answer).await;
//!             sleep(Duration::from_millis(100)).await;
//!         }
//!     });
//!
//!     let text = PrometheusText::new();
//!     let admin = Admin::builder(registry).metrics(move |circuits| text.encode(circuits)).build();
//!     let app = Router::new().nest_service("/circuits/", admin);
//!     axum::serve(TcpListener::bind("127.0.0.1:3000").await?, app).await
//! }
//! ```
//!
//! ```
//! # use axum::{Router, body::Body, http::{Request, StatusCode}};
//! # use http_body_util::BodyExt;
//! # use tower::ServiceExt;
//! # use tower_circuit_breaker::CircuitRegistry;
//! # use tower_circuit_breaker_admin::Admin;
//! # use tower_circuit_breaker_telemetry::PrometheusText;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let registry = CircuitRegistry::new();
//! # registry.get_or_create("plants");
//! # let text = PrometheusText::new();
//! # let admin = Admin::builder(registry).metrics(move |circuits| text.encode(circuits)).build();
//! # let app: Router = Router::new().nest_service("/circuits/", admin);
//! # let get = async |path: &str| {
//! #     let request = Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
//! #     let response = app.clone().oneshot(request).await.unwrap();
//! #     assert_eq!(response.status(), StatusCode::OK, "{path}");
//! #     let body = response.into_body().collect().await.unwrap().to_bytes();
//! #     String::from_utf8(body.to_vec()).unwrap()
//! # };
//! // What it serves:
//! assert!(get("/circuits/").await.starts_with("<!"), "the page");
//! assert!(get("/circuits/metrics").await.contains("circuit_breaker_state{name=\"plants\"} 0"));
//! assert!(get("/circuits/health").await.contains("healthy"));
//! # }
//! ```
//!
//! The page shows; to let it trip and reset circuits, see [its own
//! documentation](https://docs.rs/tower-circuit-breaker-admin). On a port of its own: the
//! [cookbook](crate::guide::cookbook#the-admin-page-on-a-port-of-its-own).
//!
//! # Without tower
//!
//! ```
//! // cargo add tower-circuit-breaker
//! use tower_circuit_breaker::{Circuit, Error};
//!
//! fn main() {
//!     let settings = Circuit::builder("settings").consecutive_failures(2).build();
//!
//!     let read = || settings.run(|| std::fs::read_to_string("/no/such/file"));
//!     for _ in 0..2 {
//!         assert!(matches!(read(), Err(Error::Inner(_))), "asked, and failed");
//!     }
//!     assert!(matches!(read(), Err(Error::Rejected(_))), "not asked");
//! }
//! ```
//!
//! [`Circuit::run`](crate::Circuit::run) is for blocking code,
//! [`Circuit::call`](crate::Circuit::call) for a future, and
//! [`Circuit::try_acquire`](crate::Circuit::try_acquire) gives a [`Permit`](crate::Permit) for what
//! is neither. More: the example `permits`.
//!
//! [migration]: crate::guide::migration#from-tower-resilience-014
//!
#![cfg_attr(feature = "full", doc = include_str!("links/here.md"))]
#![cfg_attr(not(feature = "full"), doc = include_str!("links/online.md"))]
