//! A live page, JSON, events and control over HTTP, for
//! [tower-circuit-breaker](https://docs.rs/tower-circuit-breaker).
//!
//! [`service`] makes a tower service of a [`CircuitRegistry`], for hyper or any path of an axum
//! router. It shows; whether it steers as well is up to [`Admin::builder`]. It runs on tokio.
//!
//! | path | |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /circuits` | all circuits by name, and their health together; `?state=open`, `?q=` (part of the name), `?limit=` and `?after=` (the `next` of the answer before) select |
//! | `GET /circuits/{name}` | one, with its settings; `?name=` instead of `/{name}` reaches names that a path cannot hold, here and below |
//! | `GET /circuits/{name}/events` | its last changes |
//! | `GET /events` | server-sent events: `snapshot` first, then `change`, `audit` and, each second, `counts`; `gap` and a new `snapshot` where the reader was too slow |
//! | `GET /health` | 200, or 503 when failing |
//! | `GET /metrics` | what [`AdminBuilder::metrics`] writes |
//! | `GET /audit` | the last 256 commands, and the last 100 that were refused |
//! | `GET /openapi.json` | all of this in detail |
//! | `POST /circuits/{name}/reset` | or `trip`, `force-open`, `force-closed`, `observe`, `release` |
//! | `POST /circuits/reset-all` | |
//!
//! The body of a command is JSON: `{"reason": "deploy", "actor": "ann", "for": "10m"}`, each member
//! optional. `for` is how long a tripped circuit is open, or how long an override lasts; its end is
//! the circuit's own ([`force_open_for`](tower_circuit_breaker::Circuit::force_open_for)), so neither a
//! restart of this service nor another command before it takes it away or is taken away by it. Errors
//! are `application/problem+json` whose `detail` says what to do.
//!
//! Where circuits are shared with a fleet
//! ([tower-circuit-breaker-redis](https://docs.rs/tower-circuit-breaker-redis)), `?scope=fleet` gives
//! `reset`, `force-open`, `force-closed` and `release` to all its processes; the answer is 503 when
//! the fleet cannot be reached.
//!
//! # Which callers may do what
//!
//! - A [`token`](AdminBuilder::token) may do everything, a [`read_token`](AdminBuilder::read_token)
//!   sees the circuits. With any token set, everything that shows circuits needs one, `/metrics` too;
//!   `/health` without it tells the overall health alone.
//! - Without a token, every caller that reaches the service sees the circuits, and none gives commands,
//!   unless callers on this machine may:
//!   [`control_from_loopback`](AdminBuilder::control_from_loopback), which is for development.
//! - Who gave a command, from which address and why, why a circuit is isolated, and the texts of
//!   errors are shown to those who may give commands or, where there is no token, to callers on this
//!   machine.
//! - A command has a JSON body or none. One without a body and without a `Content-Type` is taken from
//!   what is no browser: it has no `Origin`, `Referer`, `Cookie` or `Sec-Fetch-…`. From a browser, it
//!   has to come from the page's own origin: a proxy must pass `Host` on.
//! - Host names must be allowed ([`AdminBuilder::allow_host`]), but for `localhost` and addresses.
//! - Bodies end at 64 KiB and 10 s, and 1,024 readers of events at most are served, each at its own
//!   pace. Slow headers and the number of connections are the server's to limit.
//!
//! # Examples
//!
//! Below a path of an axum router:
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use axum::Router;
//! use axum::extract::ConnectInfo;
//! use tower_circuit_breaker::CircuitRegistry;
//! use tower_circuit_breaker_admin::Admin;
//!
//! let registry = CircuitRegistry::new();
//! let admin = Admin::builder(registry)
//!     .token("an-operators-secret")
//!     .read_token("a-secret-for-prometheus")
//!     .peer(|extensions| extensions.get().map(|ConnectInfo(address)| *address))
//!     .build();
//! let app: Router = Router::new().nest_service("/circuits", admin.clone());
//! let server = app.into_make_service_with_connect_info::<SocketAddr>();
//! # let _ = server;
//! // With `with_graceful_shutdown`: admin.end_streams() when it is asked to end.
//! ```
//!
//! With hyper, on a port of its own:
//!
//! ```no_run
//! use hyper::server::conn::http1;
//! use hyper_util::rt::TokioIo;
//! use hyper_util::service::TowerToHyperService;
//! use tower_circuit_breaker::CircuitRegistry;
//! use tower_circuit_breaker_admin as admin;
//!
//! # async fn serve() -> std::io::Result<()> {
//! let admin = admin::service(CircuitRegistry::new());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9091").await?;
//! loop {
//!     let (stream, _) = listener.accept().await?;
//!     let admin = TowerToHyperService::new(admin.clone());
//!     tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), admin));
//! }
//! # }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod actor;
mod answer;
mod attempts;
mod audit;
mod body;
mod builder;
mod command;
mod command_request;
mod dispatch;
mod encode;
mod frame;
mod future;
mod guard;
mod host;
mod hub;
mod metrics;
mod override_ends;
mod page;
mod percent;
mod problem;
mod query;
mod read_body;
mod refused;
mod respond;
mod route;
mod scope;
mod selection;
mod service;
mod state;
mod stream;
mod sync;
mod token;
mod view;
mod watch;

pub use crate::audit::AuditEntry;
pub use crate::body::AdminBody;
pub use crate::builder::{AdminBuilder, Peer};
pub use crate::future::AdminFuture;
pub use crate::service::Admin;
use tower_circuit_breaker::CircuitRegistry;

/// A service that shows the circuits of `registry`, and changes nothing.
///
/// See the [module docs](self); [`Admin::builder`] has options.
#[must_use]
pub fn service(registry: CircuitRegistry) -> Admin {
    Admin::builder(registry).build()
}

/// The README's example is a test, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
