//! The application as its users run it: the program, over real HTTP.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

mod operators;
mod prometheus;
mod services;
mod streams;
mod support;
