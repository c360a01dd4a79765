//! The pool as its users run it: the program, over HTTP, in front of real servers.
//!
//! Where redis-server or `PostgreSQL` is missing the tests of it say so and pass, unless
//! `REDIS_REQUIRED` or `POSTGRES_REQUIRED` is set, as `tests/run.sh` does.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

mod http;
mod operators;
mod postgres;
mod process;
mod redis;
mod support;
