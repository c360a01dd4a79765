//! Circuits shared through a real Redis, and what becomes of them when it, or the way to it, fails.
//!
//! Each test that needs a redis-server has one of its own; `tests/run.sh` runs those tests.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod attacks;
mod beside;
mod child;
mod clocks;
mod cluster;
mod cost;
mod desk;
mod earlier;
mod elsewhere;
mod failover;
mod load;
mod login;
mod lost;
mod names;
mod network;
mod nodes;
mod operators;
mod outages;
mod proxy;
mod refusals;
mod rounds;
mod sentinels;
mod server;
mod shards;
mod sockets;
mod spoilt;
mod stopped;
mod tls;
mod verdicts;
mod voters;
mod watched;
mod wire;
mod wrong;
