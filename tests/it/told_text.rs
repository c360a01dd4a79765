//! Events and trips as sentences.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_circuit_breaker::{
    Circuit, CircuitBuilder, CircuitEvent, FailureKind, Interest, Listener, Outcome, SlidingWindow,
    TripRule,
};

use crate::support::{SECOND, circuit, fail, fail_as, rejection, succeed};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Listener for Lines {
    fn on_event(&self, event: &CircuitEvent) {
        self.0.lock().unwrap().push(event.to_string());
    }

    fn interest(&self) -> Interest {
        Interest::CHANGES | Interest::CALLS | Interest::REJECTIONS
    }
}

#[test]
fn an_outage_reads_as_sentences() {
    let (circuit, clock) =
        circuit(|b| b.failure_rate(0.5).minimum_calls(4).open_for(90 * SECOND).probes(1));
    let lines = Lines::default();
    circuit.on_event(lines.clone());

    succeed(&circuit);
    fail(&circuit);
    fail(&circuit);
    fail(&circuit);
    let _ = rejection(&circuit);
    clock.advance(90 * SECOND);
    let probe = circuit.try_acquire().unwrap();
    clock.advance(Duration::from_millis(2_500));
    probe.record(Outcome::Success);
    circuit.force_open();
    circuit.release();
    circuit.reset();

    let mut told = lines.0.lock().unwrap().clone();
    told.retain(|line| !line.contains("call succeeded after 0") && !line.contains("call failed"));
    assert_eq!(
        told,
        [
            r#"circuit "api": closed → open, 3 of 4 calls failed; open for 1 min 30 s"#,
            r#"circuit "api": call rejected (open), retry after 1 min 30 s"#,
            r#"circuit "api": open → half-open, the open time was over"#,
            r#"circuit "api": call succeeded after 2.5 s"#,
            r#"circuit "api": half-open → closed, the probes succeeded; was not closed for 1 min 32 s"#,
            r#"circuit "api": closed → open, by an operator"#,
            r#"circuit "api": no override → forced open, by an operator"#,
            r#"circuit "api": open → closed, by an operator; was not closed for 0 ms"#,
            r#"circuit "api": forced open → no override, by an operator"#,
            r#"circuit "api": closed anew, by an operator"#,
        ]
    );
}

#[test]
fn a_trip_says_both_numbers() {
    let rules: [(fn(CircuitBuilder) -> CircuitBuilder, &str); 6] = [
        (|b| b.consecutive_failures(3), "3 failures in a row"),
        (|b| b.failure_rate(0.5).minimum_calls(3), "3 of 3 calls failed, limit 50 %"),
        (
            |b| b.failure_rate_confident(0.2, 0.95),
            "1 of 1 calls failed: over 20 % with 95 % confidence",
        ),
        (|b| b.failure_count(3).window(SlidingWindow::time(10 * SECOND)), "3 failures, limit 3"),
        (
            |b| b.rule(TripRule::consecutive_failures(3).of(FailureKind::new("connect"))),
            "3 connect failures in a row",
        ),
        (
            |b| b.slow_call_rate(0.6, Duration::from_millis(800)).minimum_calls(3),
            "3 of 3 calls over 800 ms, limit 60 %",
        ),
    ];
    for (set, expected) in rules {
        let (circuit, clock) = circuit(set);

        while let Ok(call) = circuit.try_acquire() {
            clock.advance(SECOND);
            call.record(Outcome::Failure(FailureKind::new("connect")));
        }

        let trip = circuit.snapshot().last_trip.unwrap_or_else(|| panic!("{expected}: no trip"));
        assert_eq!(trip.to_string(), expected);
    }
}

#[test]
fn a_run_of_failures_is_said_with_its_length() {
    let (circuit, _) = circuit(|b| {
        let connect = TripRule::consecutive_failures(2).of(FailureKind::new("connect"));
        b.consecutive_failures(3).rule(connect)
    });
    let lines = Lines::default();
    circuit.on_event(lines.clone());

    for _ in 0..2 {
        fail_as(&circuit, "connect");
    }
    circuit.reset();
    for _ in 0..3 {
        fail(&circuit);
    }

    let lines = lines.0.lock().unwrap();
    let trips: Vec<_> = lines.iter().filter(|line| line.contains("→ open")).collect();
    assert_eq!(
        trips,
        [
            r#"circuit "api": closed → open, 2 connect failures in a row; open for 30 s"#,
            r#"circuit "api": closed → open, 3 failures in a row; open for 30 s"#,
        ]
    );
}

#[test]
fn a_pause_that_the_upstream_asked_for_is_said() {
    let (circuit, _) = circuit(|b| b);

    circuit.try_acquire().unwrap().record(Outcome::TripFor(120 * SECOND));

    let trip = circuit.snapshot().last_trip.unwrap();
    assert_eq!(trip.to_string(), "the upstream asked for 2 min");
}

#[test]
fn one_event_is_one_line_whatever_its_words() {
    let circuit = Circuit::builder("two\nlines\u{1b}[31m").consecutive_failures(1).build();
    let lines = Lines::default();
    circuit.on_event(lines.clone());

    fail_as(&circuit, "ki\nnd");

    for line in &*lines.0.lock().unwrap() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}
