//! Circuits as Prometheus sees them.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use tower_circuit_breaker::CircuitRegistry;

use crate::fleet;
use crate::recent::Totals;
use crate::series::{Buckets, Kind, METRICS, Metric, Sample, Seen, Value};

/// Exports the circuits of a registry through prometheus-client.
///
/// It reads them when it is scraped, those that are there then; calls pay nothing for it. The
/// metrics are listed in the [module docs](crate#metrics). Register one collector: two
/// would export each metric twice.
///
/// For the [rates](crate#rates) of circuits without a window it keeps totals that it has seen. Clones
/// share them.
///
/// [`Collector`] is the one trait this feature exists to implement, so a new minor release of
/// prometheus-client is a breaking one for it.
///
/// # Examples
///
/// ```
/// use prometheus_client::encoding::text;
/// use prometheus_client::registry::Registry;
/// use tower_circuit_breaker::CircuitRegistry;
/// use tower_circuit_breaker_telemetry::PrometheusCollector;
///
/// let circuits = CircuitRegistry::new();
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(PrometheusCollector::new(&circuits)));
///
/// circuits.get_or_create("plants").trip();
/// let mut scraped = String::new();
/// text::encode(&mut scraped, &registry)?;
///
/// assert!(scraped.contains("circuit_breaker_state{name=\"plants\"} 2\n"));
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PrometheusCollector {
    circuits: CircuitRegistry,
    totals: Totals,
}

/// The text format that Prometheus scrapes, for programs that export nothing else.
///
/// Beside other metrics, use a [`PrometheusCollector`] and what prometheus-client writes.
///
/// For the [rates](crate#rates) of circuits without a window it keeps totals that it has seen: make
/// one for a registry, and keep it. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct PrometheusText {
    totals: Totals,
}

impl PrometheusCollector {
    /// Makes a collector of the circuits in `registry`.
    #[must_use]
    pub fn new(registry: &CircuitRegistry) -> Self {
        Self { circuits: registry.clone(), totals: Totals::default() }
    }
}

impl Collector for PrometheusCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let circuits = Seen::all(&self.circuits.circuits(), &self.totals);
        METRICS.iter().try_for_each(|metric| metric.encode(&circuits, &mut encoder))?;
        fleet::encode(&self.circuits, &mut encoder)
    }
}

impl Metric {
    fn encode(&self, circuits: &[Seen], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut encoder =
            encoder.encode_descriptor(self.name, self.help, None, self.kind.into())?;
        for circuit in circuits {
            for sample in (self.read)(circuit) {
                let labels = [Some(("name", &*circuit.snapshot.name)), sample.label];
                let labels: Vec<_> = labels.into_iter().flatten().collect();
                sample.encode(self.kind, encoder.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl Sample {
    pub(crate) fn encode(&self, kind: Kind, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match (kind, &self.value) {
            (Kind::Gauge, Value::Count(number)) => encoder.encode_gauge(number),
            (Kind::Gauge, Value::Real(number)) => encoder.encode_gauge(number),
            (_, Value::Histogram(Buckets { sum, count, counts })) => {
                encoder.encode_histogram::<NoLabelSet>(*sum, *count, counts, None)
            }
            (Kind::Histogram, _) => Err(fmt::Error),
            (Kind::Counter, Value::Count(number)) => {
                encoder.encode_counter::<NoLabelSet, _, u64>(number, None)
            }
            (Kind::Counter, Value::Real(number)) => {
                encoder.encode_counter::<NoLabelSet, _, u64>(number, None)
            }
        }
    }
}

impl From<Kind> for MetricType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::Gauge => Self::Gauge,
            Kind::Histogram => Self::Histogram,
        }
    }
}

impl PrometheusText {
    /// What to send as `Content-Type` with it.
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// Makes an encoder that has seen no circuit yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the metrics of all circuits in `registry`, as they are now.
    ///
    /// Several scrapers may share it. It forgets circuits that are not in `registry`: each registry
    /// has one of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_circuit_breaker::CircuitRegistry;
    /// use tower_circuit_breaker_telemetry::PrometheusText;
    ///
    /// let circuits = CircuitRegistry::new();
    /// circuits.get_or_create("plants").trip();
    ///
    /// let text = PrometheusText::new();
    /// let scraped = text.encode(&circuits);
    /// assert!(scraped.contains("circuit_breaker_open_total{name=\"plants\"} 1\n"));
    /// ```
    #[must_use]
    pub fn encode(&self, registry: &CircuitRegistry) -> String {
        let mut all = Registry::default();
        let (circuits, totals) = (registry.clone(), self.totals.clone());
        all.register_collector(Box::new(PrometheusCollector { circuits, totals }));
        let mut text = String::new();
        let written = prometheus_text::encode(&mut text, &all);
        debug_assert!(written.is_ok(), "a string takes any text");
        text
    }
}
