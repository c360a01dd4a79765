//! What dashboards and alerts see of circuits.
//!
//! | feature | brings | how |
//! |---|---|---|
//! | `prometheus` | [`PrometheusCollector`] | reads the circuits when they are scraped |
//! | `metrics` | [`MetricsListener`] | hears of changes, and of calls and rejections where asked for |
//! | `tracing` | [`TracingListener`] | hears of changes, and rejections where asked for |
//!
//! # Metrics
//!
//! Each with the label `name`, the circuit's; all are there from the start.
//!
//! | metric | what it is |
//! |---|---|
//! | `circuit_breaker_state` | 0 closed, 1 half-open, 2 open |
//! | `circuit_breaker_overridden{override}` | 1 while an operator has `forced_open`, `forced_closed` or `observing` in force |
//! | `circuit_breaker_in_state_seconds` | how long the state has lasted |
//! | `circuit_breaker_retry_after_seconds` | how long calls will go on being rejected; 0 unless open, and while forced |
//! | `circuit_breaker_success_rate` | percent of the window's calls; `NaN` while the window is empty |
//! | `circuit_breaker_calls_total{result}` | `success`, `failure`, `ignored`, `abandoned` or `rejected` |
//! | `circuit_breaker_failures_total{kind}` | the failures by kind; `other` and those that have been seen |
//! | `circuit_breaker_slow_calls_total` | successes and failures that were slow |
//! | `circuit_breaker_stale_calls_total` | calls that ended after the circuit had moved on: in no result |
//! | `circuit_breaker_would_have_rejected_total` | calls let through under observation alone |
//! | `circuit_breaker_open_total` | how often it opened, from closed or half-open |
//! | `circuit_breaker_state_transitions_total{transition}` | `closed_to_open`, `open_to_half_open`, `open_to_closed`, `half_open_to_closed`, `half_open_to_open` |
//!
//! The window is empty while the circuit is not closed, and always when no rule needs one. `NaN` is
//! what Prometheus advises where 0 would mislead: no comparison with it holds, so no alert fires. For
//! a success rate over minutes take the rate of `circuit_breaker_calls_total`, as the alerts in
//! `examples/monitoring` do.
//!
//! # Labels
//!
//! Names and kinds come from configuration, except where circuits are made by key
//! ([`keyed`](crate::keyed)): there the cap on keys is the cap on series. They may tell which
//! upstreams there are: serve metrics where only those who may know can read them.

#[cfg(any(feature = "metrics", feature = "prometheus"))]
mod level;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "prometheus")]
mod series;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsListener;
#[cfg(feature = "prometheus")]
pub use self::prometheus::{PrometheusCollector, PrometheusText};
#[cfg(feature = "tracing")]
pub use crate::tracing::TracingListener;
