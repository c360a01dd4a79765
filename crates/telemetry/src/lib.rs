//! Metrics of [tower-circuit-breaker](https://docs.rs/tower-circuit-breaker): what dashboards and alerts
//! see of circuits.
//!
//! | feature | brings | how |
//! |---|---|---|
//! | `prometheus-client-025` | [`PrometheusCollector`], [`PrometheusText`] | reads the circuits when they are scraped |
//! | `metrics-024` | [`MetricsListener`] | hears of changes, and of calls and rejections where asked for |
//! upstreams there are: serve metrics where only those who may know can read them.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "metrics-024", feature = "prometheus-client-025"))]
mod level;
#[cfg(feature = "metrics-024")]
mod metrics;
#[cfg(feature = "prometheus-client-025")]
mod prometheus;
#[cfg(feature = "prometheus-client-025")]
mod series;

#[cfg(feature = "metrics-024")]
pub use crate::metrics::MetricsListener;
#[cfg(feature = "prometheus-client-025")]
pub use crate::prometheus::{PrometheusCollector, PrometheusText};
