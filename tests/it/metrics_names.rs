//! What the facade is left with of circuits that come and go.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread;

use metrics::{
    Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower_circuit_breaker::CircuitRegistry;
use tower_circuit_breaker_telemetry::MetricsListener;

use crate::keyed::{call, layer_with};
use crate::metrics::{Recorded, assert_recorded, recorded, values};
use crate::support::SECOND;

#[test]
fn no_gauge_of_a_circuit_that_is_gone_says_open_or_overridden() {
    assert_recorded(
        || {
            let registry = CircuitRegistry::new();
            registry.on_event(MetricsListener::new());
            registry.get_or_create("open").trip();
            registry.get_or_create("forced").force_open();
            registry.remove("forced");

            let open = registry.remove("open").unwrap();
            open.reset();
            open.trip();
            open.observe();
        },
        &[
            ("state{name=open}", 0.0),
            ("overridden{name=open,override=observing}", 0.0),
            ("open_total{name=open}", 2.0),
            ("state_transitions_total{name=open,transition=closed_to_open}", 2.0),
            ("state_transitions_total{name=open,transition=open_to_closed}", 1.0),
            ("state{name=forced}", 0.0),
            ("overridden{name=forced,override=forced_open}", 0.0),
            ("open_total{name=forced}", 1.0),
            ("state_transitions_total{name=forced,transition=closed_to_open}", 1.0),
        ],
    );
}

#[test]
fn a_name_shows_the_circuit_that_has_it_now() {
    assert_recorded(
        || {
            let registry = CircuitRegistry::new();
            registry.on_event(MetricsListener::new());
            let old = registry.get_or_create("api");
            registry.remove("api");
            registry.get_or_create("api").trip();
            old.trip();
            old.reset();
        },
        &[
            ("state{name=api}", 2.0),
            ("open_total{name=api}", 2.0),
            ("state_transitions_total{name=api,transition=closed_to_open}", 2.0),
            ("state_transitions_total{name=api,transition=open_to_closed}", 1.0),
        ],
    );
}

/// The names in what was recorded.
fn names(recorded: &Recorded) -> BTreeSet<String> {
    let name = |series: &String| {
        let (_, labels) = series.split_once("{name=").unwrap();
        labels.split([',', '}']).next().unwrap().to_owned()
    };
    recorded.keys().map(name).collect()
}

#[test]
fn keys_that_take_the_place_of_others_are_counted_together() {
    let recorded = recorded(|| {
        let registry = CircuitRegistry::new();
        registry.on_event(MetricsListener::new().calls().rejections());
        let (layer, clock) = layer_with(4, Some(&registry));
        for key in 0..100 {
            call(&layer, key.to_string(), Ok(()));
            clock.advance(SECOND);
        }
        call(&layer, "77".to_owned(), Err(()));
        // It had a name before, and has it again.
        call(&layer, "3".to_owned(), Err(()));
    });

    let expected = ["api/0", "api/1", "api/2", "api/3", "other"].map(str::to_owned);
    assert_eq!(names(&recorded), expected.into());
    let value = |series: &str| Some(recorded.get(&format!("circuit_breaker_{series}"))?.0);
    assert_eq!(value("calls_total{name=other,result=success}"), Some(96.0));
    assert_eq!(value("calls_total{name=other,result=failure}"), Some(1.0));
    assert_eq!(value("failures_total{name=other,kind=other}"), Some(1.0));
    assert_eq!(value("open_total{name=other}"), Some(1.0));
    assert_eq!(value("state{name=other}"), None, "whose would it be?");
    let states: Vec<_> = (0..4).map(|key| value(&format!("state{{name=api/{key}}}"))).collect();
    assert_eq!(states, [0.0, 0.0, 0.0, 2.0].map(Some));
}

#[test]
fn keys_that_come_and_go_without_end_leave_as_many_series_as_the_cap_allows() {
    let recorded = recorded(|| {
        let registry = CircuitRegistry::new();
        registry.on_event(MetricsListener::new().calls().rejections());
        let (layer, clock) = layer_with(100, Some(&registry));
        for key in 0..20_000 {
            let result = if key % 10 == 0 { Err(()) } else { Ok(()) };
            call(&layer, format!("host-{key}"), result);
            clock.advance(SECOND);
        }
    });

    assert_eq!(names(&recorded).len(), 101);
    let is_gauge = |series: &str| ["state{", "overridden{"].iter().any(|of| series.contains(of));
    let gauges: Vec<_> = recorded.iter().filter(|(series, _)| is_gauge(series)).collect();
    assert_eq!(gauges.len(), 100 * 4);
    let open = gauges.iter().filter(|(_, (value, _))| *value != 0.0).count();
    assert_eq!(open, 0, "those that were open have gone");
}

#[test]
fn an_evicted_circuit_leaves_no_gauge_open() {
    assert_recorded(
        || {
            let registry = CircuitRegistry::new();
            registry.on_event(MetricsListener::new());
            let (layer, clock) = layer_with(1, Some(&registry));
            call(&layer, "a", Err(()));
            clock.advance(100 * SECOND);
            call(&layer, "b", Ok(()));
            assert_eq!(layer.evicted(), 1);
        },
        &[
            ("state{name=api/a}", 0.0),
            ("open_total{name=api/a}", 1.0),
            ("state_transitions_total{name=api/a,transition=closed_to_open}", 1.0),
        ],
    );
}

#[test]
fn circuits_beyond_the_names_are_counted_together() {
    let recorded = recorded(|| {
        let registry = CircuitRegistry::new();
        registry.on_event(MetricsListener::new().max_names(2));
        for name in ["a", "b", "c", "d", "b"] {
            registry.get_or_create(name).trip();
            registry.remove(name);
        }
    });

    assert_eq!(names(&recorded), ["a", "b", "other"].map(str::to_owned).into());
    let openings = |name| recorded.get(&format!("circuit_breaker_open_total{{name={name}}}"));
    assert_eq!(openings("b").map(|(value, _)| *value), Some(2.0));
    assert_eq!(openings("other").map(|(value, _)| *value), Some(2.0));
    assert!(values(&recorded).iter().all(|(series, value)| {
        !series.starts_with("state{") && !series.starts_with("overridden{") || *value == 0.0
    }));
}

#[test]
fn gauges_are_right_after_many_threads_have_made_and_removed_circuits_of_one_name() {
    let recorder = DebuggingRecorder::new();
    let registry = CircuitRegistry::new();
    registry.on_event(MetricsListener::new());
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                with_local_recorder(&recorder, || {
                    for _ in 0..500 {
                        let circuit = registry.get_or_create("api");
                        circuit.trip();
                        circuit.force_closed();
                        registry.remove("api");
                        circuit.release();
                        circuit.trip();
                    }
                });
            });
        }
    });

    let snapshot = recorder.snapshotter().snapshot().into_vec();
    let gauges = snapshot.into_iter().filter_map(|(key, _, _, value)| match value {
        DebugValue::Gauge(value) => Some((key, value.into_inner())),
        _ => None,
    });
    let gauges: Vec<_> = gauges.collect();
    assert_eq!(gauges.len(), 4);
    assert!(gauges.iter().all(|(_, value)| *value == 0.0), "{gauges:?}");
}

/// A recorder of the state alone, in which something happens as it is set next.
#[derive(Clone, Default)]
struct Interrupted(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    value: f64,
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
}

impl GaugeFn for Interrupted {
    fn set(&self, value: f64) {
        let meanwhile = self.0.lock().unwrap().meanwhile.take();
        if let Some(happens) = meanwhile {
            happens();
        }
        self.0.lock().unwrap().value = value;
    }

    fn increment(&self, _: f64) {}

    fn decrement(&self, _: f64) {}
}

impl Recorder for Interrupted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        if key.name() == "circuit_breaker_state" {
            return Gauge::from_arc(Arc::new(self.clone()));
        }
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_gauge_that_was_overtaken_as_it_was_set_is_set_again() {
    let recorder = Interrupted::default();
    let registry = CircuitRegistry::new();
    with_local_recorder(&recorder, || {
        registry.on_event(MetricsListener::new());
        registry.get_or_create("api").trip();
        let within = registry.clone();
        recorder.0.lock().unwrap().meanwhile =
            Some(Box::new(move || within.get_or_create("api").trip()));

        registry.remove("api");
    });

    let shown = Some(recorder.0.lock().unwrap().value);
    assert_eq!(shown, Some(2.0), "the new circuit is open");
}

#[test]
fn the_facade_forgets_circuits_of_one_name_that_are_dropped() {
    let listener = MetricsListener::new();
    let mut names = Vec::new();
    for _ in 0..50 {
        let circuit = tower_circuit_breaker::Circuit::builder("plants").build();
        circuit.on_event(listener.clone());
        circuit.trip();
        names.push(circuit.snapshot().name);
    }
    let kept = || names.iter().filter(|name| Arc::strong_count(name) > 1).count();
    let before = kept();
    drop(listener);
    assert_eq!(kept(), 0, "the listener alone has kept them");
    assert!(before <= 1, "{before} of 50");
}
