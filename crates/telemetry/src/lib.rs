//! Metrics of [tower-circuit-breaker](https://docs.rs/tower-circuit-breaker): what dashboards and alerts
//! see of circuits.
//!
//! | feature | brings | how |
//! |---|---|---|
//! | `prometheus-client-026` | [`PrometheusCollector`], [`PrometheusText`] | read the circuits when they are scraped |
//! | `metrics-024` | [`MetricsListener`] | hears of changes, and of calls and rejections where asked for |
//!
//! For changes as log events, the core has a `TracingListener` (feature `tracing`).
//!
//! # Metrics
//!
//! Each has the label `name`, the circuit's, and is there from the start, but for
//! `call_duration_seconds`, which is there where the circuit keeps its
//! [`latency`](tower_circuit_breaker::CircuitBuilder::latency). A collector exports all of them, a
//! listener those that it names.
//!
//! | metric | what it is |
//! |---|---|
//! | `circuit_breaker_state` | 0 closed, 1 half-open, 2 open |
//! | `circuit_breaker_overridden{override}` | 1 while an operator has `forced_open`, `forced_closed` or `observing` in force |
//! | `circuit_breaker_isolated` | how many groups and handles isolate it, whatever operators say |
//! | `circuit_breaker_in_state_seconds` | how long the state has lasted |
//! | `circuit_breaker_retry_after_seconds` | how long calls will go on being rejected; 0 unless open, and while forced |
//! | `circuit_breaker_success_rate` | percent of [recent calls](#rates) that succeeded; `NaN` without any |
//! | `circuit_breaker_calls_total{result}` | `success`, `failure`, `ignored`, `not_sent`, `abandoned` or `rejected` |
//! | `circuit_breaker_failures_total{kind}` | the failures by kind; `other` and those that have been seen |
//! | `circuit_breaker_slow_calls_total` | successes and failures that were slow |
//! | `circuit_breaker_stale_calls_total` | calls that ended after their epoch had gone: in no result |
//! | `circuit_breaker_would_have_rejected_total` | calls let through under observation alone |
//! | `circuit_breaker_open_total` | how often the circuit opened, from closed or half-open |
//! | `circuit_breaker_trips_total` | how often it opened from closed; a trip of an earlier process that was restored is none |
//! | `circuit_breaker_trips_prevented_total` | trips for which the cap of a group had no place |
//! | `circuit_breaker_recovery_seconds` | a sum and a count: from the trip until the upstream was well again |
//! | `circuit_breaker_call_duration_seconds` | a histogram: how long admitted calls took that ended with an outcome; see [below](#durations-of-calls) |
//! | `circuit_breaker_rejections_total{reason}` | `open`, `probes_busy`, `forced_open`, `isolated`, `not_ready`, `ramping`, `throttled` |
//! | `circuit_breaker_admitted_ratio` | the share of calls that a closed circuit admits: below 1 while it ramps or throttles |
//! | `circuit_breaker_failure_ratio`, `circuit_breaker_slow_call_ratio` | of [recent calls](#rates), from 0 to 1; `NaN` without any |
//! | `circuit_breaker_consecutive_failures` | the run, where a rule counts it |
//! | `circuit_breaker_stalled_calls`, `circuit_breaker_slow_calls_in_flight` | calls in flight that the rules count |
//! | `circuit_breaker_threshold{rule}` | the limit of each rule that is set: rates as ratios, times in seconds |
//! | `circuit_breaker_listener_faults_total{fault}` | `panic`: panics of listeners; `missed`: events that they missed |
//! | `circuit_breaker_state_transitions_total{transition}` | `closed_to_open`, `open_to_half_open`, `open_to_closed`, `half_open_to_closed`, `half_open_to_open` |
//!
//! Without that label, and only where the registry has joined a fleet
//! ([tower-circuit-breaker-redis](https://docs.rs/tower-circuit-breaker-redis)), a collector exports:
//!
//! | metric | what it is |
//! |---|---|
//! | `circuit_breaker_fleet_connected` | 1 while the fleet's store answers, else 0: circuits go on by themselves |
//! | `circuit_breaker_fleet_last_agreed_seconds` | how long ago all that the fleet has agreed on was known; infinite before the first time |
//! | `circuit_breaker_fleet_errors_total` | what went wrong between the process and the store |
//!
//! # Rates
//!
//! Success rate and ratios are of the calls in the circuit's window, which is empty while the circuit
//! is not closed. Where it keeps none, for no rule needs one, they are of the successes and failures
//! since the scrape that was a minute ago or longer; until there is such a one, since the first, or
//! since the circuit was made where it was scraped within a minute of that. For this a collector
//! keeps a dozen totals for each such circuit, 40 bytes each.
//!
//! `NaN` is what Prometheus advises where 0 would mislead: no comparison with it holds, so no alert
//! fires. For a success rate over minutes take the rate of `circuit_breaker_calls_total`, as the
//! alerts in `examples/monitoring` do.
//!
//! # Durations of calls
//!
//! Of the 48 buckets that a circuit has, twelve bounds are exported, in seconds, and `+Inf`:
//!
//! | `le` | | | | | |
//! |---|---|---|---|---|---|
//! | 0.00025 | 0.000712 | 0.00203 | 0.005796 | 0.016551 | 0.047269 |
//! | 0.135001 | 0.385574 | 1.101235 | 3.145234 | 8.983101 | 25.656633 |
//!
//! What is at or below each of them is counted exactly; between two of them, each nearly three times the
//! last, `histogram_quantile` interpolates. `LatencyHistogram::quantile` in the process is right to
//! 30 %. Which calls are in it says
//! [`CircuitBuilder::latency`](tower_circuit_breaker::CircuitBuilder::latency).
//!
//! # Labels
//!
//! Names and kinds come from configuration, except where circuits are made by key
//! ([`keyed`](tower_circuit_breaker::keyed)): there the cap on keys is the cap on names, and one more
//! for a listener, which counts keys that take the place of others as `other`. They may tell which
//! upstreams there are: serve metrics where only people that may know can read them.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "prometheus-client-026")]
mod fleet;
#[cfg(any(feature = "metrics-024", feature = "prometheus-client-026"))]
mod level;
#[cfg(feature = "metrics-024")]
mod metrics;
#[cfg(feature = "prometheus-client-026")]
mod prometheus;
#[cfg(feature = "prometheus-client-026")]
mod recent;
#[cfg(feature = "prometheus-client-026")]
mod series;

#[cfg(feature = "metrics-024")]
pub use crate::metrics::MetricsListener;
#[cfg(feature = "prometheus-client-026")]
pub use crate::prometheus::{PrometheusCollector, PrometheusText};

/// The README's example is a test, too.
#[cfg(all(doctest, feature = "prometheus-client-026"))]
#[doc = include_str!("../README.md")]
struct Readme;
