//! Circuits in OpenTelemetry: changes as events of the span whose call made them, states as a gauge.
//!
//! ```sh
//! cargo run -p otel
//! ```
//!
//! The exporters keep everything in memory and print it; with `opentelemetry-otlp` in their place it
//! goes to a collector. Whoever has `tracing-opentelemetry` already needs no listener of its own:
//! `TracingListener` makes the same events. A collector that scrapes Prometheus takes
//! `telemetry::PrometheusText` as it is.

#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue, StringValue};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tower_circuit_breaker::{BoxError, CircuitEvent, CircuitRegistry, CircuitState, Listener};

/// Adds each change to the span in which it happened: changes are told on the call's own thread.
struct SpanEvents;

impl Listener for SpanEvents {
    fn on_event(&self, event: &CircuitEvent) {
        let CircuitEvent::StateChanged { circuit, from, to, reason, down_for, .. } = event else {
            return;
        };
        let mut attributes = vec![
            KeyValue::new("circuit", StringValue::from(circuit.clone())),
            KeyValue::new("from", from.as_str()),
            KeyValue::new("to", to.as_str()),
            KeyValue::new("reason", reason.as_str()),
        ];
        attributes.extend(down_for.map(|down| KeyValue::new("down_for_s", down.as_secs_f64())));
        // A change that an operator makes may have no span; then this does nothing.
        Context::map_current(|context| {
            context.span().add_event("circuit_breaker.state_changed", attributes);
        });
    }
}

/// Exports the states of all circuits, those that are there when it is asked.
fn observe_states(meter: &Meter, circuits: CircuitRegistry) {
    let gauge = meter
        .u64_observable_gauge("circuit_breaker.state")
        .with_description("0 closed, 1 half-open, 2 open")
        .with_callback(move |observer| {
            for circuit in circuits.circuits() {
                let name = KeyValue::new("circuit", circuit.name().to_owned());
                observer.observe(level(circuit.state()), &[name]);
            }
        });
    // The meter keeps the callback; the instrument itself is of no further use.
    let _ = gauge.build();
}

const fn level(state: CircuitState) -> u64 {
    match state {
        CircuitState::Closed => 0,
        CircuitState::HalfOpen => 1,
        CircuitState::Open => 2,
    }
}

fn main() -> Result<(), BoxError> {
    let (spans, states) = run()?;
    for span in spans {
        println!("{}", span.name);
        for event in &span.events.events {
            let attributes = event.attributes.iter();
            let attributes = attributes.map(|kv| format!("{}={}", kv.key, kv.value));
            println!("  {} {}", event.name, attributes.collect::<Vec<_>>().join(" "));
        }
    }
    for (circuit, state) in states {
        println!("circuit_breaker.state {circuit} {state}");
    }
    Ok(())
}

/// Returns what was exported: the spans of four calls, and the state of each circuit.
fn run() -> Result<(Vec<SpanData>, Vec<(String, u64)>), BoxError> {
    let (spans, metrics) = (InMemorySpanExporter::default(), InMemoryMetricExporter::default());
    let traces = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    let reader = PeriodicReader::builder(metrics.clone()).build();
    let meters = SdkMeterProvider::builder().with_reader(reader).build();

    let circuits = CircuitRegistry::with_template(|builder| builder.consecutive_failures(3));
    circuits.on_event(SpanEvents);
    observe_states(&meters.meter("shop"), circuits.clone());
    let plants = circuits.get_or_create("plants");
    circuits.get_or_create("prices");
    let tracer = traces.tracer("shop");
    for call in 1..=4 {
        let _ = tracer.in_span(format!("call {call}"), |_| plants.run(|| Err::<(), _>("refused")));
    }

    meters.force_flush()?;
    let states = metrics.get_finished_metrics()?.iter().flat_map(gauges).collect();
    Ok((spans.get_finished_spans()?, states))
}

/// The values of the gauges, with the circuit of each.
fn gauges(exported: &ResourceMetrics) -> Vec<(String, u64)> {
    let metrics = exported.scope_metrics().flat_map(|scope| scope.metrics());
    let mut values = Vec::new();
    for metric in metrics {
        if let AggregatedMetrics::U64(MetricData::Gauge(gauge)) = metric.data() {
            values.extend(gauge.data_points().map(|point| {
                let circuit = point.attributes().map(|kv| kv.value.to_string()).collect();
                (circuit, point.value())
            }));
        }
    }
    values.sort();
    values
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_call_that_trips_has_the_change_in_its_span() {
        let (spans, states) = super::run().unwrap();

        let events: Vec<_> = spans.iter().map(|span| span.events.events.len()).collect();
        assert_eq!(events, [0, 0, 1, 0], "the third trips, the fourth is rejected");
        let change = &spans[2].events.events[0];
        let told: Vec<_> = change.attributes.iter().map(|kv| kv.value.to_string()).collect();
        assert_eq!(told, ["plants", "closed", "open", "consecutive_failures"]);
        assert_eq!(states, [("plants".to_owned(), 2), ("prices".to_owned(), 0)]);
    }
}
