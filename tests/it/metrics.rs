//! What is recorded through the facade.

use std::collections::{BTreeMap, BTreeSet};

use metrics::with_local_recorder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower_circuit_breaker::{Circuit, CircuitRegistry, Outcome};
use tower_circuit_breaker_telemetry::{MetricsListener, PrometheusText};

use crate::prometheus::{ODD_NAMES, registry};
use crate::support::{SECOND, fail, fail_as, record, rejection, succeed};

/// Value and description by series, as in `name{key=value}`.
pub(crate) type Recorded = BTreeMap<String, (f64, Option<String>)>;

/// What is recorded while `happens` runs.
pub(crate) fn recorded(happens: impl FnOnce()) -> Recorded {
    let recorder = DebuggingRecorder::new();
    with_local_recorder(&recorder, happens);
    let snapshot = recorder.snapshotter().snapshot().into_vec();
    let series = snapshot.into_iter().map(|(key, _, description, value)| {
        let labels = key.key().labels().map(|label| format!("{}={}", label.key(), label.value()));
        let labels = labels.collect::<Vec<_>>().join(",");
        let value = match value {
            DebugValue::Counter(number) => f64::from(u32::try_from(number).unwrap()),
            DebugValue::Gauge(number) => number.into_inner(),
            DebugValue::Histogram(_) => panic!("no histogram is recorded"),
        };
        let name = format!("{}{{{labels}}}", key.key().name());
        (name, (value, description.map(|description| description.to_string())))
    });
    series.collect()
}

/// What is recorded, and is not 0, is `expected`; and all that is expected is there.
#[track_caller]
pub(crate) fn assert_recorded(happens: impl FnOnce(), expected: &[(&str, f64)]) {
    let recorded = recorded(happens);
    for (series, value) in expected {
        let series = format!("circuit_breaker_{series}");
        let recorded = recorded.get(&series).map(|(value, _)| *value);
        assert_eq!(recorded, Some(*value), "{series}");
    }
    let others = recorded.iter().filter(|(series, _)| {
        !expected.iter().any(|(name, _)| series.strip_prefix("circuit_breaker_") == Some(name))
    });
    for (series, (value, _)) in others {
        assert_eq!(Some(*value), Some(0.0), "{series}");
    }
}

/// The values of all series, without the prefix.
pub(crate) fn values(recorded: &Recorded) -> Vec<(&str, f64)> {
    recorded
        .iter()
        .map(|(name, (value, _))| (name.strip_prefix("circuit_breaker_").unwrap(), *value))
        .collect()
}

#[test]
fn changes_are_recorded_under_the_names_of_the_collector() {
    assert_recorded(
        || {
            let (registry, clock) = registry(|b| b.consecutive_failures(1).open_for(SECOND));
            registry.on_event(MetricsListener::new());
            let circuit = registry.get_or_create("api");
            fail(&circuit);
            rejection(&circuit);
            for _ in 0..2 {
                clock.advance(SECOND);
                fail(&circuit);
            }
            circuit.observe();
            circuit.force_closed();
        },
        &[
            ("state{name=api}", 0.0),
            ("open_total{name=api}", 3.0),
            ("overridden{name=api,override=observing}", 0.0),
            ("overridden{name=api,override=forced_closed}", 1.0),
            ("state_transitions_total{name=api,transition=closed_to_open}", 1.0),
            ("state_transitions_total{name=api,transition=open_to_half_open}", 2.0),
            ("state_transitions_total{name=api,transition=half_open_to_open}", 2.0),
            ("state_transitions_total{name=api,transition=open_to_closed}", 1.0),
        ],
    );
}

#[test]
fn calls_and_rejections_are_recorded_where_asked_for() {
    let happens = |listener: fn() -> MetricsListener| {
        move || {
            let registry = CircuitRegistry::new();
            registry.on_event(listener());
            let circuit = registry.get_or_create("api");
            succeed(&circuit);
            succeed(&circuit);
            fail(&circuit);
            fail_as(&circuit, "connect");
            circuit.trip();
            rejection(&circuit);
        }
    };
    let changes = [
        ("state{name=api}", 2.0),
        ("open_total{name=api}", 1.0),
        ("state_transitions_total{name=api,transition=closed_to_open}", 1.0),
    ];
    let calls = [
        ("calls_total{name=api,result=success}", 2.0),
        ("calls_total{name=api,result=failure}", 2.0),
        ("failures_total{name=api,kind=other}", 1.0),
        ("failures_total{name=api,kind=connect}", 1.0),
    ];
    let rejections = [("calls_total{name=api,result=rejected}", 1.0)];

    assert_recorded(happens(MetricsListener::default), &changes);
    let with_calls = [&changes[..], &calls].concat();
    assert_recorded(happens(|| MetricsListener::new().calls()), &with_calls);
    let with_both = [&with_calls[..], &rejections].concat();
    assert_recorded(happens(|| MetricsListener::new().rejections().calls()), &with_both);
}

#[test]
fn calls_not_sent_are_recorded_with_the_calls() {
    let happens = |listener: fn() -> MetricsListener| {
        move || {
            let registry = CircuitRegistry::new();
            registry.on_event(listener());
            let circuit = registry.get_or_create("api");
            record(&circuit, Outcome::NotSent);
            record(&circuit, Outcome::NotSent);
        }
    };

    assert_recorded(happens(|| MetricsListener::new().rejections()), &[]);
    let not_sent = [("calls_total{name=api,result=not_sent}", 2.0)];
    assert_recorded(happens(|| MetricsListener::new().calls()), &not_sent);
}

#[test]
fn a_command_within_a_state_is_recorded_as_nothing() {
    assert_recorded(
        || {
            let registry = CircuitRegistry::new();
            registry.on_event(MetricsListener::new());
            let circuit = registry.get_or_create("api");
            circuit.reset();
            circuit.trip();
            circuit.trip();
        },
        &[
            ("state{name=api}", 2.0),
            ("open_total{name=api}", 1.0),
            ("state_transitions_total{name=api,transition=closed_to_open}", 1.0),
        ],
    );
}

#[test]
fn names_and_help_are_those_of_the_collector() {
    let registry = CircuitRegistry::new();
    let recorded = recorded(|| {
        registry.on_event(MetricsListener::new().calls().rejections());
        let circuit = registry.get_or_create("api");
        fail(&circuit);
        circuit.force_open();
        rejection(&circuit);
    });
    let text = PrometheusText::new().encode(&registry);

    assert_eq!(recorded.len(), 15, "{recorded:?}");
    for (series, (value, help)) in recorded {
        let (name, labels) = series.split_once('{').unwrap();
        let help = help.unwrap_or_else(|| panic!("{name} is not described"));
        assert!(text.contains(&format!("# HELP {name} {help}\n")), "{name}: {help}");
        let labels = labels.replace('=', "=\"").replace(',', "\",").replace('}', "\"}");
        assert!(text.contains(&format!("{name}{{{labels} {value}\n")), "{series} is {value}");
    }
}

#[test]
fn names_are_passed_on_as_they_are() {
    let recorded = recorded(|| {
        let registry = CircuitRegistry::new();
        registry.on_event(MetricsListener::new());
        for name in ODD_NAMES {
            registry.get_or_create(name).trip();
        }
    });

    for name in ODD_NAMES {
        assert!(recorded.contains_key(&format!("circuit_breaker_state{{name={name}}}")), "{name}");
    }
}

/// What every circuit has.
const FROM_THE_START: [&str; 10] = [
    "open_total{name=api}",
    "overridden{name=api,override=forced_closed}",
    "overridden{name=api,override=forced_open}",
    "overridden{name=api,override=observing}",
    "state_transitions_total{name=api,transition=closed_to_open}",
    "state_transitions_total{name=api,transition=half_open_to_closed}",
    "state_transitions_total{name=api,transition=half_open_to_open}",
    "state_transitions_total{name=api,transition=open_to_closed}",
    "state_transitions_total{name=api,transition=open_to_half_open}",
    "state{name=api}",
];

#[test]
fn every_series_that_is_counted_is_there_from_the_start() {
    let start = |listener: fn() -> MetricsListener| {
        let recorded = recorded(|| {
            let registry = CircuitRegistry::new();
            registry.on_event(listener());
            registry.get_or_create("api");
        });
        let values = values(&recorded);
        assert!(values.iter().all(|(_, value)| *value == 0.0), "{values:?}");
        values.iter().map(|(series, _)| (*series).to_owned()).collect::<BTreeSet<_>>()
    };
    let with = |more: &[&str]| -> BTreeSet<_> {
        FROM_THE_START.iter().chain(more).map(|series| (*series).to_owned()).collect()
    };

    assert_eq!(start(MetricsListener::new), with(&[]));
    assert_eq!(
        start(|| MetricsListener::new().rejections()),
        with(&["calls_total{name=api,result=rejected}"])
    );
    let calls = [
        "calls_total{name=api,result=failure}",
        "calls_total{name=api,result=not_sent}",
        "calls_total{name=api,result=success}",
        "failures_total{name=api,kind=other}",
    ];
    assert_eq!(start(|| MetricsListener::new().calls()), with(&calls));
}

#[test]
fn circuits_that_are_there_before_the_listener_have_their_series_too() {
    assert_recorded(
        || {
            let registry = CircuitRegistry::new();
            registry.get_or_create("open").trip();
            registry.get_or_create("forced").force_closed();
            registry.on_event(MetricsListener::new());
        },
        &[
            ("state{name=open}", 2.0),
            ("open_total{name=open}", 0.0),
            ("state{name=forced}", 0.0),
            ("overridden{name=forced,override=forced_closed}", 1.0),
        ],
    );
}

#[test]
fn a_circuit_outside_a_registry_has_its_series_from_the_start() {
    let recorded = recorded(|| {
        let _circuit = Circuit::builder("api").listener(MetricsListener::new()).build();
    });

    let series: BTreeSet<_> = values(&recorded).into_iter().map(|(series, _)| series).collect();
    assert_eq!(series, FROM_THE_START.into_iter().collect());
}
