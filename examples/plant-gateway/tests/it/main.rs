//! The gateway as its users run it: the program, over real HTTP.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

mod access;
mod alerts;
mod caching;
mod circuits;
mod fleet;
mod health;
mod logs;
mod prometheus;
mod redis;
mod shared;
mod support;
