//! What telemetry costs: `cargo bench --bench listeners --all-features`.
//!
//! A change is told as a trip is, to one listener. Calls pay nothing for any of it, unless a listener
//! asks for calls; a scrape is paid by whoever scrapes.

use std::hint::black_box;
use std::io;
use std::sync::mpsc::channel;

use criterion::{Criterion, criterion_group, criterion_main};
use metrics::with_local_recorder;
use metrics_util::debugging::DebuggingRecorder;
use tower_circuit_breaker::TracingListener;
use tower_circuit_breaker::{Circuit, CircuitEvent, CircuitRegistry, Listener};
use tower_circuit_breaker_telemetry::{MetricsListener, PrometheusText};
use tracing::subscriber::with_default;

fn trip() -> CircuitEvent {
    let (keep, told) = channel();
    let circuit = Circuit::builder("plants").build();
    circuit.on_event(move |event: &CircuitEvent| {
        let _ = keep.send(event.clone());
    });
    circuit.trip();
    told.recv().expect("a change")
}

fn tell(criterion: &mut Criterion, name: &str, listener: &impl Listener) {
    let event = trip();
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| listener.on_event(black_box(&event)));
    });
}

fn changes(criterion: &mut Criterion) {
    tell(criterion, "change/a closure", &|event: &CircuitEvent| {
        black_box(event);
    });
    let tracing = TracingListener::new();
    tell(criterion, "change/tracing, no subscriber", &tracing);
    let subscriber = tracing_subscriber::fmt().with_writer(io::sink).finish();
    with_default(subscriber, || tell(criterion, "change/tracing, fmt to nowhere", &tracing));
    let metrics = MetricsListener::new();
    tell(criterion, "change/metrics, no recorder", &metrics);
    with_local_recorder(&DebuggingRecorder::new(), || {
        tell(criterion, "change/metrics, debugging recorder", &metrics);
    });
}

fn scrapes(criterion: &mut Criterion) {
    let registry = CircuitRegistry::new();
    for number in 0..1_000 {
        registry.get_or_create(&format!("host-{number}"));
    }
    let text = PrometheusText::new();
    criterion.bench_function("scrape/1,000 circuits", |bencher| {
        bencher.iter(|| black_box(text.encode(&registry).len()));
    });
}

criterion_group!(benches, changes, scrapes);
criterion_main!(benches);
