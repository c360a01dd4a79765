//! What Prometheus scrapes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tower_circuit_breaker::fleet::{FleetLink, LinkStatus};
use tower_circuit_breaker::{
    Circuit, CircuitBuilder, CircuitRegistry, ManualClock, Outcome, SlidingWindow,
};
use tower_circuit_breaker_telemetry::{PrometheusCollector, PrometheusText};

use crate::fleet_link::Linked;
use crate::support::{SECOND, fail, fail_as, ready_to_probe, record, rejection, succeed};

/// Names that must not end a label, a line or a page.
pub(crate) const ODD_NAMES: [&str; 9] = [
    "say \"hello\"",
    "one\ntwo",
    "carriage\r\nreturn",
    "back\\slash\\",
    "<script>alert('hi')</script>",
    "} 1\n# EOF\ncircuit_breaker_state{name=\"forged\"} 2",
    "Größe 漢字 🦀 \u{202e}olleh",
    "\0\u{1b}[31mred",
    "\u{2028}\u{2029}\u{85}\u{9b}31m\u{61c}\u{200f}\u{2066}\u{feff}",
];

/// A registry whose circuits share a clock.
pub(crate) fn registry(
    set: impl Fn(CircuitBuilder) -> CircuitBuilder + Send + Sync + 'static,
) -> (CircuitRegistry, ManualClock) {
    let clock = ManualClock::new();
    let shared = clock.clone();
    (CircuitRegistry::with_template(move |builder| set(builder).clock(shared.clone())), clock)
}

/// A circuit in each state and under each override, with calls of every kind, and a fleet.
pub(crate) fn in_every_state() -> CircuitRegistry {
    let (registry, clock) = registry(|b| {
        b.failure_rate(0.5).minimum_calls(3).slow_call_rate(1.0, SECOND).stalled_calls(9, SECOND)
    });
    let make = |name: &str| registry.get_or_create(name);
    ready_to_probe(&make("half-open"), &clock);
    Box::leak(Box::new(make("half-open").try_acquire()));
    make("open").trip();
    rejection(&make("open"));
    make("forced open").force_open();
    make("forced closed").force_closed();
    make("observing").observe();
    make("observing").trip();
    succeed(&make("observing"));
    let closed = make("closed");
    succeed(&closed);
    succeed(&closed);
    fail_as(&closed, "connect");
    record(&closed, Outcome::Ignored);
    drop(closed.try_acquire());
    make("never called");
    let mut link = FleetLink::new(LinkStatus::Connected, SECOND);
    link.last_agreed = Some(SECOND);
    registry.join(Arc::new(Linked(Some(link))));
    let timed = Circuit::builder("timed").latency().clock(clock).build();
    registry.insert(&timed).expect("a name of its own");
    succeed(&timed);
    registry
}

/// The values by series, as in `circuit_breaker_state{name="api"}`.
pub(crate) fn series(text: &str) -> HashMap<&str, &str> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.rsplit_once(' ').expect("a series and its value")).collect()
}

#[track_caller]
pub(crate) fn assert_values(text: &str, expected: &[(&str, &str)]) {
    let series = series(text);
    for (name, value) in expected {
        let name = format!("circuit_breaker_{name}");
        assert_eq!(series.get(name.as_str()), Some(value), "{name} in\n{text}");
    }
}

pub(crate) fn open_metrics(registry: &CircuitRegistry) -> String {
    let (mut all, mut text) = (Registry::default(), String::new());
    all.register_collector(Box::new(PrometheusCollector::new(registry)));
    text::encode(&mut text, &all).unwrap();
    text
}

#[test]
fn all_series_are_there_from_the_start() {
    let registry = CircuitRegistry::new();
    registry.get_or_create("api");

    let text = PrometheusText::new().encode(&registry);

    let expected = [
        ("state{name=\"api\"}", "0"),
        ("overridden{name=\"api\",override=\"forced_open\"}", "0"),
        ("overridden{name=\"api\",override=\"forced_closed\"}", "0"),
        ("overridden{name=\"api\",override=\"observing\"}", "0"),
        ("retry_after_seconds{name=\"api\"}", "0.0"),
        ("success_rate{name=\"api\"}", "NaN"),
        ("calls_total{name=\"api\",result=\"success\"}", "0"),
        ("calls_total{name=\"api\",result=\"failure\"}", "0"),
        ("calls_total{name=\"api\",result=\"ignored\"}", "0"),
        ("calls_total{name=\"api\",result=\"not_sent\"}", "0"),
        ("calls_total{name=\"api\",result=\"abandoned\"}", "0"),
        ("calls_total{name=\"api\",result=\"rejected\"}", "0"),
        ("failures_total{name=\"api\",kind=\"other\"}", "0"),
        ("slow_calls_total{name=\"api\"}", "0"),
        ("stale_calls_total{name=\"api\"}", "0"),
        ("would_have_rejected_total{name=\"api\"}", "0"),
        ("open_total{name=\"api\"}", "0"),
        ("state_transitions_total{name=\"api\",transition=\"closed_to_open\"}", "0"),
        ("state_transitions_total{name=\"api\",transition=\"open_to_half_open\"}", "0"),
        ("state_transitions_total{name=\"api\",transition=\"open_to_closed\"}", "0"),
        ("state_transitions_total{name=\"api\",transition=\"half_open_to_closed\"}", "0"),
        ("state_transitions_total{name=\"api\",transition=\"half_open_to_open\"}", "0"),
        ("isolated{name=\"api\"}", "0"),
        ("admitted_ratio{name=\"api\"}", "1.0"),
        ("failure_ratio{name=\"api\"}", "NaN"),
        ("slow_call_ratio{name=\"api\"}", "NaN"),
        ("consecutive_failures{name=\"api\"}", "0"),
        ("stalled_calls{name=\"api\"}", "0"),
        ("slow_calls_in_flight{name=\"api\"}", "0"),
        ("threshold{name=\"api\",rule=\"consecutive_failures\"}", "5.0"),
        ("threshold{name=\"api\",rule=\"failure_rate\"}", "0.5"),
        ("threshold{name=\"api\",rule=\"minimum_calls\"}", "20.0"),
        ("rejections_total{name=\"api\",reason=\"open\"}", "0"),
        ("rejections_total{name=\"api\",reason=\"probes_busy\"}", "0"),
        ("rejections_total{name=\"api\",reason=\"forced_open\"}", "0"),
        ("rejections_total{name=\"api\",reason=\"isolated\"}", "0"),
        ("rejections_total{name=\"api\",reason=\"not_ready\"}", "0"),
        ("rejections_total{name=\"api\",reason=\"ramping\"}", "0"),
        ("rejections_total{name=\"api\",reason=\"throttled\"}", "0"),
        ("trips_total{name=\"api\"}", "0"),
        ("trips_prevented_total{name=\"api\"}", "0"),
        ("recovery_seconds_sum{name=\"api\"}", "0.0"),
        ("recovery_seconds_count{name=\"api\"}", "0"),
        ("listener_faults_total{name=\"api\",fault=\"panic\"}", "0"),
        ("listener_faults_total{name=\"api\",fault=\"missed\"}", "0"),
    ];
    assert_values(&text, &expected);
    // And for how long it has been closed, which is more than none, and the one bucket of recoveries.
    assert_eq!(series(&text).len(), expected.len() + 2, "{text}");
}

#[test]
fn states_and_overrides_are_numbers() {
    assert_values(
        &PrometheusText::new().encode(&in_every_state()),
        &[
            ("state{name=\"closed\"}", "0"),
            ("state{name=\"half-open\"}", "1"),
            ("state{name=\"open\"}", "2"),
            ("state{name=\"forced open\"}", "2"),
            ("overridden{name=\"forced open\",override=\"forced_open\"}", "1"),
            ("overridden{name=\"forced closed\",override=\"forced_closed\"}", "1"),
            ("overridden{name=\"observing\",override=\"observing\"}", "1"),
            ("overridden{name=\"observing\",override=\"forced_open\"}", "0"),
            ("would_have_rejected_total{name=\"observing\"}", "1"),
        ],
    );
}

#[test]
fn calls_are_counted_by_result_and_failures_by_kind() {
    let (registry, clock) = registry(|b| b.slow_call_rate(1.0, SECOND));
    let circuit = registry.get_or_create("api");
    let slow = circuit.try_acquire().unwrap();
    clock.advance(SECOND);
    slow.record(Outcome::Success);
    succeed(&circuit);
    fail(&circuit);
    fail_as(&circuit, "connect");
    fail_as(&circuit, "connect");
    record(&circuit, Outcome::Ignored);
    record(&circuit, Outcome::NotSent);
    record(&circuit, Outcome::NotSent);
    drop(circuit.try_acquire());
    let late = circuit.try_acquire().unwrap();
    circuit.trip();
    late.record(Outcome::Success);
    rejection(&circuit);
    rejection(&circuit);

    assert_values(
        &PrometheusText::new().encode(&registry),
        &[
            ("calls_total{name=\"api\",result=\"success\"}", "2"),
            ("calls_total{name=\"api\",result=\"failure\"}", "3"),
            ("calls_total{name=\"api\",result=\"ignored\"}", "1"),
            ("calls_total{name=\"api\",result=\"not_sent\"}", "2"),
            ("calls_total{name=\"api\",result=\"abandoned\"}", "1"),
            ("calls_total{name=\"api\",result=\"rejected\"}", "2"),
            ("failures_total{name=\"api\",kind=\"other\"}", "1"),
            ("failures_total{name=\"api\",kind=\"connect\"}", "2"),
            ("slow_calls_total{name=\"api\"}", "1"),
            ("stale_calls_total{name=\"api\"}", "1"),
        ],
    );
}

#[test]
fn transitions_openings_and_times_follow_the_circuit() {
    let (registry, clock) = registry(|b| b.open_for(8 * SECOND));
    let circuit = registry.get_or_create("api");
    let back_to_open = |circuit: &Circuit| {
        ready_to_probe(circuit, &clock);
        fail(circuit);
    };
    back_to_open(&circuit);
    clock.advance(8 * SECOND);
    succeed(&circuit);
    circuit.trip();
    circuit.reset();
    circuit.trip();
    clock.advance(Duration::from_millis(2_500));

    assert_values(
        &PrometheusText::new().encode(&registry),
        &[
            ("state_transitions_total{name=\"api\",transition=\"closed_to_open\"}", "3"),
            ("state_transitions_total{name=\"api\",transition=\"open_to_half_open\"}", "2"),
            ("state_transitions_total{name=\"api\",transition=\"open_to_closed\"}", "1"),
            ("state_transitions_total{name=\"api\",transition=\"half_open_to_closed\"}", "1"),
            ("state_transitions_total{name=\"api\",transition=\"half_open_to_open\"}", "1"),
            ("open_total{name=\"api\"}", "4"),
            ("in_state_seconds{name=\"api\"}", "2.5"),
            ("retry_after_seconds{name=\"api\"}", "5.5"),
        ],
    );
}

#[test]
fn the_success_rate_is_a_percentage_of_the_window() {
    let (registry, _) = registry(|b| b.failure_rate(1.0).window(SlidingWindow::count(4)));
    let circuit = registry.get_or_create("api");
    let rate = || {
        let text = PrometheusText::new().encode(&registry);
        series(&text)["circuit_breaker_success_rate{name=\"api\"}"].to_owned()
    };
    fail(&circuit);
    assert_eq!(rate(), "0.0");

    for _ in 0..3 {
        succeed(&circuit);
    }
    assert_eq!(rate(), "75.0");

    succeed(&circuit);
    assert_eq!(rate(), "100.0", "the failure is out of the window");

    circuit.trip();
    assert_eq!(rate(), "NaN", "no comparison holds: no alert");
}

#[test]
fn circuits_are_those_that_are_there_when_it_is_scraped() {
    let registry = CircuitRegistry::new();
    assert!(series(&PrometheusText::new().encode(&registry)).is_empty());

    registry.get_or_create("a");
    let text = open_metrics(&registry);
    assert_values(&text, &[("state{name=\"a\"}", "0")]);

    registry.remove("a");
    registry.get_or_create("b").trip();
    let text = open_metrics(&registry);
    assert_values(&text, &[("state{name=\"b\"}", "2")]);
    assert!(!text.contains("\"a\""), "{text}");
}

#[test]
fn both_formats_hold_the_same_series_with_one_total_each() {
    let registry = in_every_state();
    let [text, open_metrics] = [PrometheusText::new().encode(&registry), open_metrics(&registry)];

    assert_eq!(series(&text).len(), series(&open_metrics).len());
    assert!(open_metrics.ends_with("# EOF\n"));
    // The two write the labels of a bucket in another order.
    for (series, value) in series(&text).into_iter().filter(|(it, _)| !it.contains("le=")) {
        assert!(open_metrics.contains(&format!("\n{series} {value}\n")), "{series} {value}");
        let name = series.split('{').next().unwrap();
        let parts = ["_sum", "_count", "_bucket"];
        let (name, kind) = match parts.iter().find_map(|part| name.strip_suffix(part)) {
            Some(name) => (name, "histogram"),
            None if name.ends_with("_total") => (name, "counter"),
            None => (name, "gauge"),
        };
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name} is a {kind}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has help");
        let family = name.trim_end_matches("_total");
        assert!(open_metrics.contains(&format!("# TYPE {family} {kind}\n")), "{family}");
        assert!(!family.ends_with("_total") && !series.contains("_total_total"), "{series}");
    }
}

#[test]
fn every_name_and_kind_comes_back_from_its_label() {
    let registry = CircuitRegistry::new();
    let long = "x".repeat(10_000);
    let names: Vec<_> = ODD_NAMES.into_iter().chain([long.as_str(), ""]).collect();
    for name in &names {
        fail_as(&registry.get_or_create(name), "a \"kind\"\nof\\failure");
    }

    for text in [PrometheusText::new().encode(&registry), open_metrics(&registry)] {
        for name in &names {
            let state = format!("circuit_breaker_state{{name=\"{}\"}} 0", escaped(name));
            assert_eq!(text.split('\n').filter(|line| **line == state).count(), 1, "{name:?}");
        }
        let kind = escaped("a \"kind\"\nof\\failure");
        assert_eq!(text.matches(&format!("kind=\"{kind}\"}} 1\n")).count(), names.len());
        let samples = text.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert!(samples.clone().all(|line| line.starts_with("circuit_breaker_")));
        assert_eq!(samples.count(), names.len() * 48, "no name made a line of its own");
    }
}

/// As the exposition format asks for.
fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[test]
fn beneath_an_isolation_no_override_is_in_force() {
    let registry = CircuitRegistry::new();
    let circuit = registry.get_or_create("plants");
    circuit.observe();
    let isolation = circuit.isolate();
    let observing = r#"circuit_breaker_overridden{name="plants",override="observing"}"#;

    // Alerts are silent for what observes; this rejects every call.
    let isolated = PrometheusText::new().encode(&registry);
    drop(isolation);
    let alone = PrometheusText::new().encode(&registry);

    assert!(isolated.contains(&format!("{observing} 0\n")), "{isolated}");
    assert!(alone.contains(&format!("{observing} 1\n")), "{alone}");
}
