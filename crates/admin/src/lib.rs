//! A live page, JSON, events and control over HTTP, for
//! [tower-circuit-breaker](https://docs.rs/tower-circuit-breaker).
//!
//! [`service`] makes a tower service of a [`CircuitRegistry`], for hyper or any path of an axum
//! router. It shows; whether it steers as well is up to [`Admin::builder`]. It runs on tokio.
//!
//! | path | |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /circuits` | all circuits by name, and their health together; `?state=open`, `?q=` (part of the name), `?ids=`, `?limit=` and `?after=` (the `next` of the answer before) select |
//! | `GET /circuits?form=rows` | the same as rows, 60 to 130 bytes a circuit and a tenth of that in gzip |
//! | `GET /circuits/counts?ids=1,2` | the counts and rates of up to 200 circuits, by their numbers in the rows |
//! | `GET /circuits/history?ids=1,2` | their last five minutes or, with `last=1h`, hour; see [`AdminBuilder::history`] |
//! | `GET /summary` | how many are in which state, the calls a second, and what the caller may do |
//! | `GET /groups` | the groups of [`AdminBuilder::group`] |
//! | `GET /fleet` | the processes that share these circuits, and what they have agreed on, as last read |
//! | `GET /circuits/{name}` | one, with its settings; `?name=` instead of `/{name}` reaches names that a path cannot hold, here and below |
//! | `GET /circuits/{name}/events` | its last changes |
//! | `GET /circuits/{name}/history` | its last five minutes or, with `?last=1h`, hour |
//! | `GET /circuits/{name}/settings` | its settings, with an `ETag` |
//! | `GET /events` | server-sent events, [the same for all readers](#events) |
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
//! `reset`, `force-open`, `force-closed` and `release` to all its processes, with `actor` and `reason`; the
//! answer is 503 when the fleet cannot be reached, and the audit then has [another
//! entry](AuditEntry::failed) that says so.
//!
//! `GET /fleet` has these processes, each with its link and what is other than closed there, and of each
//! circuit what the fleet has agreed on, with the serial of an override, the names of its votes, and who may
//! probe for how long. It waits for nothing: it is
//! as it was last read, with its age as `read_ago`. The store is read only while somebody asks, and at most
//! once in two seconds.
//!
//! # Events
//!
//! `GET /circuits` says where it stands in the events as `seq`; `GET /events?after=<seq>` goes on from
//! there. All readers are sent the same bytes:
//!
//! - `change`, within a quarter of a second: the rows of circuits whose state, override, isolations,
//!   weight, cap, admitted share (in twentieths) or hung calls (in quarters of their limit) have
//!   changed, and the numbers of those that were removed. `columns` and `profiles` are those of the frame.
//! - `changes`, in the place of these where more than 200 change within a second: the same of each in
//!   fewer bytes, with the `name` of those that are new.
//! - `counts`, each second: the rates, percentiles and nearness of a tenth of the circuits, where they
//!   have changed; `/circuits/counts?ids=` has them of those that are looked at.
//! - `tick`, each second, whatever happens: what `GET /summary` says of the circuits. Where none comes,
//!   nothing is known.
//! - `gone`: what has happened since `after` is not known, because it is over ten seconds ago, or this
//!   is another process. Fetch the circuits anew, and read on.
//!
//! Numbers of circuits and places are those of one process: what comes before the hyphen of `seq` and of
//! ids of events tells which. Behind a balancer, mount the service of each process at a path or a
//! port of its own; the page says so where it is answered by two.
//!
//! A browser that comes back says in `Last-Event-ID` where it was, which goes before `?after`.
//!
//! While nobody reads, and no history is kept, nobody looks at the circuits either.
//!
//! # The page
//!
//! `GET /` is one file of 110 kB, 33 kB where Brotli is accepted, which asks nobody but this service for
//! anything. From top to bottom it says where it is and how old what it shows is, how bad it is in words, what needs attention in a
//! line each, and then every circuit in a table, the worst first. A circuit's name opens all that is known
//! of it. Groups, the fleet and the commands have a view each, where there are any.
//!
//! - What was not heard is *unknown*: while the line is away nothing counts on, nothing has the colour
//!   of a state, and no command is offered. Three seconds without a `tick` are late, five are lost. A
//!   proxy must pass events on as they come: `x-accel-buffering: no` asks nginx for that.
//! - A command says before it is sent what it will do, in the numbers of that moment, and where; an
//!   override ends after 30 minutes unless another time is chosen, and one that is in force is changed in
//!   one step. What was sent cannot be taken back: after ten seconds without an answer it is not known
//!   whether it arrived.
//! - Filter, view and circuit stand in the fragment of the address, so a link shows the same to others
//!   and no log has it: `#state=open`, `#circuit=payments`.
//! - Of several tabs three hold a stream of events; the others ask every two seconds, since a browser has
//!   six connections to a host. A hidden tab asks for `/summary` every ten seconds, for its title.
//! - `?` lists the keys. Times are UTC unless another zone is chosen.
//!
//! [`AdminBuilder::about`] says which service it is, [`AdminBuilder::history`] keeps what it draws of the
//! time before it was opened, [`AdminBuilder::group`] names the groups, and `CircuitBuilder::latency`
//! measures what it shows of latency.
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

mod about;
mod access;
mod actor;
mod answer;
mod attempts;
mod audit;
mod body;
mod builder;
mod caught;
mod cell;
mod coding;
mod command;
mod command_request;
mod dispatch;
mod encode;
mod etag;
mod future;
mod guard;
mod gzip;
mod history;
mod host;
mod ids;
mod kept;
mod kinds;
mod latency;
mod live;
mod metrics;
mod override_ends;
mod page;
mod percent;
mod problem;
mod query;
mod rates;
mod read_body;
mod refused;
mod respond;
mod route;
mod scope;
mod selection;
mod service;
mod shown;
mod state;
mod stream;
mod sync;
mod token;
mod view;
mod wall_clock;

pub use crate::about::About;
pub use crate::audit::AuditEntry;
pub use crate::body::AdminBody;
pub use crate::builder::{AdminBuilder, Peer};
pub use crate::future::AdminFuture;
pub use crate::history::places::History;
pub use crate::service::Admin;
use tower_circuit_breaker::CircuitRegistry;

/// Returns a service that shows the circuits of `registry`, and changes nothing.
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
