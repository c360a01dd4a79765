//! One verdict for a fleet: circuits of
//! [tower-circuit-breaker](https://docs.rs/tower-circuit-breaker) shared through Redis.
//!
//! When a service runs as many processes, each learns of an outage alone, each probes alone, and
//! each restart forgets. [`RedisSync`] shares the verdicts of a
//! [`CircuitRegistry`](tower_circuit_breaker::CircuitRegistry) through a Redis (6.2 or later) that is
//! there anyway. No call goes to Redis: circuits decide by
//! what they know, and one background task for each process keeps that up to date.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tower_circuit_breaker::CircuitRegistry;
//! use tower_circuit_breaker_redis::RedisSync;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = CircuitRegistry::new();
//! let payments = registry.get_or_create("payments");
//!
//! let sync = RedisSync::builder("redis://127.0.0.1:6379")
//!     .prefix("shop")
//!     .quorum(2)
//!     .connect(&registry)
//!     .await?;
//! // Before the first call: the fleet's circuit may be open. Where Redis is away, start without it.
//! sync.ready_within(Duration::from_secs(2)).await;
//! # let _ = payments;
//! # Ok(())
//! # }
//! ```
//!
//! # What is shared
//!
//! - **Trips.** A circuit that trips acts at once in its own process, and is a vote. When
//!   [`quorum`](RedisSyncBuilder::quorum) processes have voted within the
//!   [vote window](RedisSyncBuilder::vote_window), the fleet's circuit opens: in every process, for
//!   the open time of the last voter. The processes of one host have one vote together, unless they
//!   have [names](RedisSyncBuilder::node), and one that joined less than a vote window ago adds none to
//!   theirs: a process that crashes and comes back is no quorum of its own. [`RedisSync::health`] says
//!   whose vote it is, and whether another process has the same name.
//! - **Probes.** When the open time is over, processes that have calls waiting ask for a lease. As
//!   many as [`fleet_probes`](RedisSyncBuilder::fleet_probes) get one and probe; the others go on
//!   rejecting. Success closes the circuit everywhere, failure opens it everywhere with the next step
//!   of the backoff. A lease without a verdict ends, and another process may try. In a process
//!   without calls nothing probes; its first call after the open time is rejected, and a tenth of a
//!   second later it asks for a lease. One that asks late, for want of a processor, rejects until then,
//!   and what its probe shows after the end of its lease counts for nobody; but if its link has asked
//!   nothing for a quarter of a second longer than the response timeout, from the first call after the
//!   pause on, it probes by itself, as does one whose own trip Redis has not answered within its open time.
//!   Once it is known that the upstream is back, all processes close within some milliseconds, and
//!   full load would return at once: give their circuits a
//!   [`ramp`](tower_circuit_breaker::CircuitBuilder::ramp), which each of them follows.
//! - **Operators.** [`force_open`](RedisSync::force_open), [`force_closed`](RedisSync::force_closed),
//!   both also for a time ([`force_open_for`](RedisSync::force_open_for)), which each process ends by
//!   itself, [`reset`](RedisSync::reset), [`release`](RedisSync::release). What is done to the
//!   [`Circuit`](tower_circuit_breaker::Circuit) itself stays in its process, and wins there.
//! - **Sums**, where asked for: [`fleet_failure_rate`](RedisSyncBuilder::fleet_failure_rate).
//! - **Who is there.** Each process says every five seconds who it is, and how its circuits stand. Whoever
//!   looks at the fleet ([`Fleet::look`](tower_circuit_breaker::fleet::Fleet::look), `GET /fleet` of the
//!   admin service) sees all of them, the votes, the leases, and who has forced what and why
//!   ([`order`](RedisSync::order)); Redis is read for it while somebody looks, once in two seconds.
//!
//! Circuits of one name are one circuit of the fleet. They should have the same settings.
//!
//! # When Redis is away
//!
//! No call fails, waits or slows. Circuits go on by themselves, as they would without a fleet: what
//! the fleet had opened lapses at its time, each process probes for itself, and open times, backoff,
//! ramp and probes are those of its own circuit. What Redis said earlier ends no open time sooner
//! that a circuit has begun since: a Redis that is away, slow or refuses lets no call through that
//! the circuit alone would reject. Until that is known, the circuit waits at the end of its open time
//! for an answer, little longer than the [response timeout](RedisSyncBuilder::response_timeout).
//!
//! One line of the log says when Redis is away, in its own words and with what helps, and one when it
//! is back; [`RedisSync::health`] says the same ([`last_error_text`](SyncHealth::last_error_text)), and
//! metrics say so for as long as it lasts
//! ([`Fleet::link`](tower_circuit_breaker::fleet::Fleet::link)).
//! When it is back all agree again within two polls: what a process tells the others late is told of
//! what is left of its own open time. A Redis that has lost its data receives what processes still
//! know. While the network is split each side may probe: shared state is best effort.
//!
//! Everything that Redis says is checked for size and version, and what is no record is left alone and
//! counted; only the number of changes and what a process says of itself are written over. A record whose epoch is more than a day ahead of Redis' clock is nobody's word: it
//! was forged, or that clock was set back. Circuits decide alone then, [`RedisSync::health`] counts it
//! as foreign, and a command such as [`RedisSync::reset`] overwrites it. No record keeps a circuit open for
//! longer than its own settings could, but for an operator's override
//! ([`max_trip_for`](tower_circuit_breaker::CircuitBuilder::max_trip_for), 1 h by default). Every key
//! begins with the prefix, carries its partition as hash tag (one in a single Redis, 16 in a cluster),
//! and expires. Fleets of one prefix in two databases of one Redis are two.
//!
//! # What it costs
//!
//! On a machine of two cores (AMD EPYC) that had other work to do, with Redis 7.0.15 on it, on 2026-11-30
//! (`cargo bench --bench fleet --all-features`):
//!
//! | | median | p99 |
//! |---|---:|---:|
//! | from a trip in one process until four others are open, too | 0.24 ms | 0.44 ms |
//! | a call, without a fleet | 120 ns | 0.6 µs |
//! | a call, while the fleet trips and recovers ten times a second | 170 ns | 0.7 µs |
//! | a call, while Redis hangs | 121 ns | 0.6 µs |
//! | a call, while Redis is away | 130 ns | 0.5 µs |
//!
//! Each process asks Redis 0.9 commands a second, also of 200 with 50 circuits each, and 6.9 with
//! [`fleet_failure_rate`](RedisSyncBuilder::fleet_failure_rate) while 5 % of all calls fail
//! (`tests/deep.sh cost`).
//!
//! # Which Redis
//!
//! A link needs a primary. What `HELLO` says of a server is read at each new connection: a replica, or
//! a Sentinel under the URL of a Redis, is a [`ConnectError`] that says so. A primary that becomes a
//! replica is left for a new connection, within a second or two, and so is a server that answers
//! `MOVED` or `NOAUTH`, or that loads its data for more than five seconds. What cures nothing is tried
//! again more and more seldom, every 30 s at last. With Sentinels
//! (`redis+sentinel://host:26379,host:26379/<name of the master>`) the link follows a fail-over as soon
//! as they name the new primary, one by command within five seconds of the promotion: one of them is
//! asked every one to two seconds. A Redis Cluster needs nothing but the URL of a node, and better of
//! [several](RedisSyncBuilder::nodes): each circuit is kept by the primary that has its partition, and those
//! whose primary is away go on by themselves until it is there or has a successor.
//!
//! # The user of the link
//!
//! Every client that may write to Redis can open and close circuits: give the link a user of its own,
//! with what it needs and no more. For the prefix `shop` that is:
//!
//! ```text
//! ACL SETUSER shop-breaker on >a-long-secret resetkeys ~{shop:* resetchannels &shop:changes
//!     -@all +evalsha +script|load +subscribe +publish +getrange +time
//!     +get +set +del +type +strlen +incr +incrby +pexpire +pttl
//!     +zadd +zrem +zrange +zrangebyscore +zremrangebyscore +zremrangebyrank +hset +hmget
//! ```
//!
//! Mind the brace before the prefix: keys begin with `{shop:`. A link to another database than 0, here
//! to 3, needs that and its channel, too:
//!
//! ```text
//! ACL SETUSER shop-breaker +select &shop:changes:3
//! ```
//!
//! And one to a Redis Cluster, on each of its nodes:
//!
//! ```text
//! ACL SETUSER shop-breaker +cluster|slots +ping
//! ```
//!
//! What it may not do is refused by Redis, and [`RedisSync::health`] counts and names it.
//!
//! This crate needs Rust 1.88, as the redis crate does.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod builder;
mod cluster;
mod connect;
mod diagnosis;
mod error;
mod fault;
mod health;
mod hello;
mod host;
mod inbox;
mod keys;
mod kind;
mod lane;
mod link;
mod look;
mod presence;
mod remedy;
mod replies;
mod scripts;
mod sentinel;
mod sentinel_url;
mod session;
mod sync;
mod target;
mod task;
#[cfg(test)]
mod tests;
mod watch;
mod wrong;

pub use crate::builder::RedisSyncBuilder;
pub use crate::error::{ConnectError, SyncError};
pub use crate::health::{SyncHealth, SyncStatus};
pub use crate::kind::SyncErrorKind;
pub use crate::sync::RedisSync;
#[doc(inline)]
pub use tower_circuit_breaker_fleet::record::{BadRecord, FleetRecord};

/// The README's example is a test, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
