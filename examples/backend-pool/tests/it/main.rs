//! The pool as its users run it: the program, over HTTP, in front of real servers.
//!
//! Tests that need redis-server or `PostgreSQL` are run by `tests/run.sh`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

mod behind_haproxy;
mod http;
mod logs;
mod operators;
mod postgres;
mod process;
mod prometheus;
mod redis;
mod shared;
mod support;
