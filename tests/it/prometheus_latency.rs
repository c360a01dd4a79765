//! How long calls took, as Prometheus sees it.

use std::time::Duration;

use tower_circuit_breaker::{CircuitBuilder, CircuitRegistry, Outcome};
use tower_circuit_breaker_telemetry::PrometheusText;

use crate::prometheus::{assert_values, open_metrics, registry, series};
use crate::support::{SECOND, succeed};

/// The exported bounds.
const BOUNDS: [&str; 13] = [
    "0.00025",
    "0.000712",
    "0.00203",
    "0.005796",
    "0.016551",
    "0.047269",
    "0.135001",
    "0.385574",
    "1.101235",
    "3.145234",
    "8.983101",
    "25.656633",
    "+Inf",
];

#[test]
fn the_latency_is_a_histogram_of_exact_counts() {
    let (registry, clock) = registry(CircuitBuilder::latency);
    let circuit = registry.get_or_create("api");
    let micros = [0, 250, 251, 712, 713, 2_030, 1_101_235, 1_101_236, 25_656_633, 25_656_634];
    let elapsed = micros.map(Duration::from_micros).into_iter().chain([100 * SECOND]);
    for elapsed in elapsed {
        let call = circuit.try_acquire().unwrap();
        clock.advance(elapsed);
        call.record(Outcome::Success);
    }

    // The two write the labels of a bucket in another order.
    let counts = |text: &str| {
        BOUNDS.map(|bound| {
            let (metric, bound) = ("call_duration_seconds_bucket", format!("le=\"{bound}\""));
            let mut series = series(text).into_iter();
            let found = series.find(|(it, _)| it.contains(metric) && it.contains(&bound));
            found.unwrap_or_else(|| panic!("{bound} in\n{text}")).1.parse::<u64>().unwrap()
        })
    };
    let text = PrometheusText::new().encode(&registry);
    assert_eq!(counts(&text), counts(&open_metrics(&registry)));
    assert_eq!(counts(&text), [2, 4, 6, 6, 6, 6, 6, 6, 7, 8, 8, 9, 11]);
    assert_values(
        &text,
        &[
            ("call_duration_seconds_count{name=\"api\"}", "11"),
            ("call_duration_seconds_sum{name=\"api\"}", "153.519694"),
        ],
    );
}

#[test]
fn circuits_that_keep_no_latency_export_none() {
    let registry = CircuitRegistry::new();
    succeed(&registry.get_or_create("api"));

    let text = PrometheusText::new().encode(&registry);

    assert!(!text.contains("call_duration_seconds_"), "{text}");
}
