//! Behaviour, seen from outside: one module for each group of rules.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod architecture;
mod auto_traits;
mod axum;
mod backoff;
mod bodies;
mod builder;
mod clocks;
mod coarse_clock;
mod concurrency;
mod config;
mod config_errors;
mod dropping;
mod epochs;
mod errors;
mod faults;
mod futures;
mod grpc;
mod half_open;
mod kinds;
mod listeners;
mod misbehaving;
mod neutral;
mod operators;
mod permits;
mod read_body;
mod readiness;
mod reconfigure;
mod responses;
mod retry;
mod runtimes;
mod service;
mod snapshots;
mod stack;
mod statuses;
mod strategies;
mod streams;
mod support;
mod told_calls;
mod tower_http;
mod traps;
mod trip_rules;
mod under_load;
mod waiting;
mod windows;
