//! Behaviour, seen from outside: one module for each group of rules.

#![allow(clippy::unwrap_used, reason = "helpers outside of tests unwrap, too")]

mod architecture;
mod auto_traits;
mod axum;
mod backoff;
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
mod half_open;
mod kinds;
mod listeners;
mod misbehaving;
mod neutral;
mod operators;
mod permits;
mod readiness;
mod reconfigure;
mod retry;
mod runtimes;
mod service;
mod snapshots;
mod stack;
mod strategies;
mod support;
mod told_calls;
mod trip_rules;
mod under_load;
mod waiting;
mod windows;
