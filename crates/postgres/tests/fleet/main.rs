//! Circuits shared through a real PostgreSQL, and what becomes of them when it, or the way to it, fails.
//!
//! Each test that needs a PostgreSQL has one of its own; `tests/run.sh` runs those tests.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod cost;
mod counter;
mod lost;
mod nodes;
mod outages;
mod pooler;
mod refusals;
mod server;
mod tls;
mod verdicts;
