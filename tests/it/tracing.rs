//! What is logged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tower_circuit_breaker::TracingListener;
use tower_circuit_breaker::{Circuit, CircuitRegistry, Listener, Outcome};
use tracing::Level;
use tracing::subscriber::with_default;

use crate::listeners::everything;
use crate::prometheus::ODD_NAMES;
use crate::support::{SECOND, circuit, fail, ready_to_probe, record, rejection, succeed};

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What is logged as JSON while `happens` runs: one object for each line.
pub(crate) fn logged(happens: impl FnOnce()) -> Vec<Value> {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .without_time()
        .finish();
    with_default(subscriber, happens);
    buffer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A line: level and fields, if it has the right target.
fn line(level: &str, fields: Value) -> Value {
    json!({ "level": level, "fields": fields, "target": "tower_circuit_breaker" })
}

#[test]
fn a_trip_warns_and_a_recovery_informs() {
    let (circuit, clock) = circuit(|b| b.failure_rate(0.5).minimum_calls(4).open_for(8 * SECOND));
    circuit.on_event(TracingListener::new());

    let lines = logged(|| {
        succeed(&circuit);
        succeed(&circuit);
        fail(&circuit);
        fail(&circuit);
        clock.advance(8 * SECOND);
        fail(&circuit);
        clock.advance(9 * SECOND);
        succeed(&circuit);
    });

    let (trip, change) = ("circuit tripped", "circuit changed state");
    let probe = json!({ "message": change, "circuit": "api", "from": "open", "to": "half_open",
        "reason": "open_time_over" });
    let expected = [
        line(
            "WARN",
            json!({ "message": trip, "circuit": "api", "from": "closed", "to": "open",
                "reason": "failure_rate", "failure_rate": 0.5, "calls": 4, "open_for_ms": 8_000 }),
        ),
        line("INFO", probe.clone()),
        line(
            "INFO",
            json!({ "message": change, "circuit": "api", "from": "half_open", "to": "open",
                "reason": "probes_failed", "open_for_ms": 8_000 }),
        ),
        line("INFO", probe),
        line(
            "INFO",
            json!({ "message": change, "circuit": "api", "from": "half_open", "to": "closed",
                "reason": "probes_succeeded", "down_for_ms": 17_000 }),
        ),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn overrides_inform() {
    let (circuit, _) = circuit(|b| b);
    circuit.on_event(TracingListener::default());

    let lines = logged(|| {
        circuit.observe();
        circuit.release();
    });

    let message = "circuit overridden";
    assert_eq!(
        lines,
        [("none", "observing"), ("observing", "none")].map(|(from, to)| line(
            "INFO",
            json!({ "message": message, "circuit": "api", "from": from, "to": to,
                "reason": "operator" })
        ))
    );
}

#[test]
fn a_command_within_a_state_informs() {
    let (circuit, _) = circuit(|b| b.listener(TracingListener::new()));

    let lines = logged(|| {
        circuit.reset();
        circuit.trip();
        circuit.trip_for(4 * SECOND);
    });

    let renewed = "circuit renewed";
    let closed = json!({ "message": renewed, "circuit": "api", "state": "closed",
        "reason": "operator" });
    let open = json!({ "message": renewed, "circuit": "api", "state": "open",
        "reason": "operator", "open_for_ms": 4_000 });
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!([&lines[0], &lines[2]], [&line("INFO", closed), &line("INFO", open)]);
}

#[test]
fn a_recovery_without_an_answer_informs_of_its_reason() {
    let (circuit, clock) = circuit(|b| b.open_for(8 * SECOND));
    ready_to_probe(&circuit, &clock);
    circuit.on_event(TracingListener::new());

    let lines = logged(|| {
        for _ in 0..16 {
            drop(circuit.try_acquire().expect("a slot is free"));
            clock.advance(4 * SECOND);
        }
    });

    let reopened = json!({ "message": "circuit changed state", "circuit": "api",
        "from": "half_open", "to": "open", "reason": "probes_unanswered", "open_for_ms": 8_000 });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[1], line("INFO", reopened));
}

#[test]
fn calls_not_sent_are_not_logged() {
    let heard = everything();
    let (circuit, _) = circuit(|b| b);
    circuit.on_event(heard);
    circuit.on_event(TracingListener::new().rejections());

    let lines = logged(|| {
        record(&circuit, Outcome::NotSent);
        // Nor where somebody passes all events on to it.
        for event in heard.0.lock().unwrap().iter() {
            TracingListener::new().on_event(event);
        }
    });

    assert_eq!(heard.0.lock().unwrap().len(), 1, "it was told");
    assert_eq!(lines, [Value::Null; 0]);
}

#[test]
fn rejections_are_told_at_debug_where_asked_for_and_successes_never() {
    let calls = |circuit: &Circuit| {
        succeed(circuit);
        fail(circuit);
        circuit.trip_for(4 * SECOND);
        rejection(circuit);
    };
    let (quiet, _) = circuit(|b| b.listener(TracingListener::new()));
    let (asked, _) = circuit(|b| b.listener(TracingListener::new().rejections()));

    let told = logged(|| calls(&asked));

    assert_eq!(logged(|| calls(&quiet)).len(), 1);
    assert_eq!(told.len(), 2, "{told:?}");
    let fields = json!({ "message": "call rejected", "circuit": "api", "reason": "open",
        "retry_after_ms": 4_000 });
    assert_eq!(told[1], line("DEBUG", fields));
}

#[test]
fn one_event_is_one_line_whatever_the_name() {
    let registry = CircuitRegistry::new();
    registry.on_event(TracingListener::new().rejections());
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();

    with_default(subscriber, || {
        for name in ODD_NAMES {
            let circuit = registry.get_or_create(name);
            circuit.trip();
            rejection(&circuit);
            circuit.force_closed();
        }
    });

    let text = buffer.text();
    // Trip, rejection, override, and the change that goes with it.
    assert_eq!(text.split('\n').count() - 1, ODD_NAMES.len() * 4, "{text}");
    assert!(text.chars().all(|c| c == '\n' || is_printable(c)), "{text:?}");
    assert!(text.contains("Größe 漢字 🦀"), "{text}");
}

#[test]
fn names_are_escaped_before_any_subscriber_sees_them() {
    let registry = CircuitRegistry::new();
    registry.on_event(TracingListener::new());
    for name in ODD_NAMES {
        let [line] = &logged(|| registry.get_or_create(name).trip())[..] else {
            panic!("{name:?} is not one line");
        };

        let told = line["fields"]["circuit"].as_str().unwrap();

        assert!(told.chars().all(is_printable), "{told:?}");
        let is_plain = name.chars().all(is_printable);
        assert_eq!(told == name, is_plain, "{told:?} for {name:?}");
    }
}

/// Whether it neither ends a line, nor steers a terminal, nor turns text around.
pub(crate) fn is_printable(c: char) -> bool {
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}'].contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c);
    !c.is_control() && !turns
}

#[test]
fn a_circuit_logs_its_changes_without_being_asked_unless_it_is_quiet() {
    let talks = Circuit::builder("talks").build();
    let quiet = Circuit::builder("quiet").quiet().build();

    let lines = logged(|| {
        talks.trip();
        quiet.trip();
    });

    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["fields"]["circuit"], "talks");
}

#[test]
fn a_listener_that_logs_takes_the_place_of_the_log() {
    let built = Circuit::builder("built").listener(TracingListener::new()).build();
    let added = Circuit::builder("added").build();
    added.on_event(TracingListener::new().rejections());
    added.on_event(TracingListener::new().rejections());
    let registry = CircuitRegistry::new();
    let registered = registry.get_or_create("registered");
    registry.on_event(TracingListener::new());

    for circuit in [built, added, registered] {
        let lines = logged(|| {
            circuit.trip();
            drop(circuit.try_acquire());
        });

        let rejections = u64::from(circuit.name() == "added");
        assert_eq!(lines.len() as u64, 1 + rejections, "{lines:?}");
    }
}
