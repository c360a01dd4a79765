//! One verdict for a fleet: circuits of
//! [tower-circuit-breaker](https://docs.rs/tower-circuit-breaker) shared through PostgreSQL.
//!
//! When a service runs as many processes, each learns of an outage alone, each probes alone, and
//! each restart forgets. [`PostgresSync`] shares the verdicts of a
//! [`CircuitRegistry`](tower_circuit_breaker::CircuitRegistry) through a PostgreSQL (13 or later) that is
//! there anyway. No call goes to the database: circuits decide by what they know, and one background
//! task for each process keeps that up to date.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tower_circuit_breaker::CircuitRegistry;
//! use tower_circuit_breaker_postgres::PostgresSync;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = CircuitRegistry::new();
//! let payments = registry.get_or_create("payments");
//!
//! let sync = PostgresSync::builder("postgresql://shop:a-secret@127.0.0.1/shop")
//!     .prefix("shop")
//!     .quorum(2)
//!     .connect(&registry)
//!     .await?;
//! // Before the first call: the fleet's circuit may be open. Where the database is away, start without.
//! sync.ready_within(Duration::from_secs(2)).await;
//! # let _ = payments;
//! # Ok(())
//! # }
//! ```
//!
//! With TLS: [`connect_tls`](PostgresSyncBuilder::connect_tls), by a connector of your own.
//!
//! # What is shared
//!
//! - **Trips.** A circuit that trips acts at once in its own process, and is a vote. When
//!   [`quorum`](PostgresSyncBuilder::quorum) processes have voted within the
//!   [vote window](PostgresSyncBuilder::vote_window), the fleet's circuit opens: in every process, for
//!   the open time of the last voter. The processes of one host have one vote together, unless they
//!   have [names](PostgresSyncBuilder::node), and one that joined less than a vote window ago adds none
//!   to theirs.
//! - **Probes.** When the open time is over, processes that have calls waiting ask for a lease. As
//!   many as [`fleet_probes`](PostgresSyncBuilder::fleet_probes) get one and probe; the others go on
//!   rejecting. Success closes the circuit everywhere, failure opens it everywhere with the next step
//!   of the backoff. A lease without a verdict ends, and another process may try. One that asks
//!   late, for want of a processor, rejects until then, and what its probe shows after the end
//!   of its lease counts for nobody; but if its link has asked nothing for a quarter of a second
//!   longer than the response timeout, from the first call after the pause on, it probes by
//!   itself, as does one whose own trip the database has not answered within its open time. A
//!   process that was stopped may hear of an open time late, and then stays open for as long as
//!   was left when that was said.
//! - **Operators.** [`force_open`](PostgresSync::force_open), [`force_closed`](PostgresSync::force_closed),
//!   both also for a time, [`reset`](PostgresSync::reset), [`release`](PostgresSync::release), and
//!   [`order`](PostgresSync::order) with who gives it and why. What is done to the
//!   [`Circuit`](tower_circuit_breaker::Circuit) itself stays in its process, and wins there.
//! - **Sums**, where asked for: [`fleet_failure_rate`](PostgresSyncBuilder::fleet_failure_rate).
//!
//! Circuits of one name are one circuit of the fleet. They should have the same settings.
//!
//! Unlike the crate for Redis this one does not look at the fleet for operators
//! ([`Fleet::look`](tower_circuit_breaker::fleet::Fleet::look) is `None`), and does not notice two processes
//! of one name: both have one vote.
//!
//! # When the database is away
//!
//! No call fails, waits or slows. Circuits go on by themselves, as they would without a fleet: what
//! the fleet had opened lapses at its time, each process probes for itself, and open times, backoff,
//! ramp and probes are those of its own circuit. What the database said earlier ends no open time sooner
//! that a circuit has begun since. Until it is known that the database is away, a circuit waits at the
//! end of its open time for an answer, little longer than the
//! [response timeout](PostgresSyncBuilder::response_timeout).
//!
//! One line of the log says when the database is away, in its own words and with what helps, and one when
//! it is back; [`PostgresSync::health`] says the same, and metrics say so for as long as it lasts
//! ([`Fleet::link`](tower_circuit_breaker::fleet::Fleet::link)). A new connection is tried once in one to
//! two seconds; what only an administrator can cure more and more seldom, every half a minute at last.
//! When it is back all agree again within two polls, and tables that were emptied, or restored from an
//! older state, receive what processes still know. While the network is split each side may probe: shared
//! state is best effort.
//!
//! A lock of somebody else on these tables, such as that of a migration or of a transaction that was
//! forgotten, is the same: what is not answered in time is ended in the database, too, so that no sessions
//! are left waiting there.
//!
//! # Which PostgreSQL
//!
//! The primary. A replica, and a role that may write nothing, are a [`ConnectError`] that says so. Where
//! replicas are promoted, name all servers, as in
//! `postgresql://shop@one,other/shop?target_session_attrs=read-write`: each new connection goes to the
//! one that can be written to.
//!
//! Statements are unnamed, each is a transaction of its own, and no lock outlives one: a pooler in
//! transaction mode, such as PgBouncer, will do. It lets no message through, though. Each new connection
//! notifies itself to find that out; where nothing comes within a second
//! [`hears_changes`](SyncHealth::hears_changes) is false, and what others have changed is found by the
//! next [poll](PostgresSyncBuilder::poll_interval), within one to two seconds.
//!
//! # The tables
//!
//! Three: `breaker_circuits`, a row for each circuit that has ever tripped or was commanded;
//! `breaker_fleets`, a row for each fleet; `breaker_processes`, which nothing is written to yet. They are made in
//! the [schema](PostgresSyncBuilder::schema) when they are missing. A role that may not make them is
//! refused with the statements for an administrator ([`ConnectError::statements`]); it needs `SELECT`,
//! `INSERT`, `UPDATE` and `DELETE` on these tables, and nothing else. Rows that nobody has written for a
//! week are deleted, but for what is forced.
//!
//! Whoever may write to the tables can open and close circuits. Whoever may only connect to the database
//! cannot: anybody may notify any channel there, so messages carry a signature that only readers of
//! `breaker_fleets` can make, and others are counted as [foreign](SyncErrorKind::Foreign) and ignored. A
//! record whose epoch is more than a day ahead of the database's clock is nobody's word: it was forged,
//! or that clock was set back; a command such as [`PostgresSync::reset`] overwrites it.
//!
//! # What it costs
//!
//! A connection for each process, and one more for a moment when it connects. While all is well one
//! statement every one to two seconds for each process, which reads one row; a change of a circuit is one
//! statement, one message of less than 1 kB, and one statement in each process that has the circuit.
//! A change writes two rows, in place: rows are `fillfactor` 50, and nothing that changes is indexed.
//! Commits do not wait for the disk (`synchronous_commit` is off for the statement alone): what a crash
//! of the server loses, at most the last second, processes tell it again. `LISTEN` and `NOTIFY` are a
//! queue of the whole server; a change holds its lock for one commit.
//!
//! While calls fail, and only with [`fleet_failure_rate`](PostgresSyncBuilder::fleet_failure_rate), each
//! process adds one statement in two seconds, which writes a row for each circuit that was called.
//!
//! Counted with 40 processes of 50 circuits on PostgreSQL 15, each process: 0.67 statements, 147 bytes to
//! the server and 130 from it a second, and no dead row. While one call in twenty fails in every circuit,
//! and the fleet's rate is looked at: 1.3 statements, 2.9 kB and 1.4 kB a second, and 88,000 dead rows an
//! hour, in pages that are pruned as they are written. The test `what_forty_processes_cost` prints it.
//!
//! This crate needs Rust 1.85.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod connect;
mod decide;
mod dial;
mod door;
mod error;
mod exchange;
mod fault;
mod health;
mod kind;
mod line;
mod message;
mod names;
mod remedy;
mod statements;
mod store;
mod sync;
#[cfg(test)]
mod tests;
mod words;

pub use crate::builder::PostgresSyncBuilder;
pub use crate::error::{ConnectError, SyncError};
pub use crate::health::{SyncHealth, SyncStatus};
pub use crate::kind::SyncErrorKind;
pub use crate::sync::PostgresSync;

/// The README's example is a test, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
