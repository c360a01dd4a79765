//! The program as its users run it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail them that way")]

mod clients;
mod logs;
mod outage;
mod scenarios;
mod support;
