//! Bodies and time: probes and their leases, epochs, slow calls, deadlines.

use std::time::Duration;

use futures_util::FutureExt;
use http::Method;
use http_body_util::BodyExt;
use tower_circuit_breaker::http::{ResponseBody, layer};
use tower_circuit_breaker::{Circuit, CircuitState, FailureKind, ManualClock, Outcome};

use crate::script::{
    FAILURE, IGNORED, NOTHING, SUCCESS, Script, Step, call, call_by, counted, read, response,
    totals,
};
use crate::support::{SECOND, circuit, ready_to_probe, rejection};

#[test]
fn a_probe_holds_its_slot_until_its_body_has_ended() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let mut body = call(&circuit, response(200, Script::new([Step::Data("a")]))).into_body();
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    rejection(&circuit);

    read(&mut body);

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_probe_whose_body_is_dropped_gives_its_slot_back() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let response = call(&circuit, response(200, Script::new([Step::Stall])));
    rejection(&circuit);

    drop(response);

    assert!(circuit.try_acquire().is_ok());
}

#[test]
fn an_endless_stream_as_a_probe_is_judged_after_its_hold() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let events = Script::new((0..1_000).map(|_| Step::Data("event")));
    let mut stream = call(&circuit, response(200, events)).into_body();
    for _ in 0..4 {
        clock.advance(SECOND / 5);
        assert!(stream.frame().now_or_never().unwrap().unwrap().is_ok());
        rejection(&circuit);
    }

    clock.advance(SECOND / 5);

    let second = call(&circuit, response(200, Script::new([]).that_says_its_end()));
    assert_eq!(second.status(), 200);
    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(counted(&circuit), [2, 0, 0, 0], "the stream, and the call that came");
    drop(stream);
    assert_eq!(totals(&circuit).stale, 0, "what comes later is not counted");
}

#[test]
fn a_body_that_ends_after_its_epoch_is_stale() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let mut body = call(&circuit, response(200, Script::new([Step::Break]))).into_body();
    circuit.reset();

    read(&mut body);

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(totals(&circuit).stale, 1);
}

#[test]
fn a_slow_body_is_no_slow_call() {
    let (circuit, clock) = circuit(|b| b.slow_call_rate(1.0, 10 * SECOND).minimum_calls(1));
    let mut body = call(&circuit, response(200, Script::new([Step::Data("1")]))).into_body();
    clock.advance(10 * SECOND);
    assert_eq!(circuit.state(), CircuitState::Closed);

    read(&mut body);

    assert_eq!(circuit.state(), CircuitState::Closed);
    assert_eq!(totals(&circuit).slow_calls, 0, "its head came at once");
}

#[test]
fn a_body_dropped_late_is_a_failure_where_abandoned_calls_are() {
    let (circuit, clock) = circuit(|b| b.abandoned_after(10 * SECOND));
    let mut body = call(&circuit, response(200, Script::new([Step::Stall]))).into_body();
    assert!(body.frame().now_or_never().is_none());
    clock.advance(10 * SECOND);

    drop(body);

    assert_eq!(counted(&circuit), FAILURE);
}

/// A stream under a deadline of 30 s, which gives a byte each second.
fn slow_stream(outcome: Outcome) -> (Circuit, ManualClock, ResponseBody<Script>) {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1));
    let layer = layer(circuit.clone()).body_deadline(30 * SECOND, outcome);
    let bytes = Script::new((0..1_000).map(|_| Step::Data("x")));
    let body = call_by(&layer, Method::GET, response(200, bytes)).into_body();
    (circuit, clock, body)
}

#[test]
fn a_body_past_its_deadline_is_judged_as_was_set() {
    for (outcome, expected) in [
        (Outcome::Failure(FailureKind::new("slow_body")), FAILURE),
        (Outcome::Success, SUCCESS),
        (Outcome::Ignored, IGNORED),
    ] {
        let (circuit, clock, mut body) = slow_stream(outcome);
        for second in 0..30 {
            assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
            assert_eq!(counted(&circuit), NOTHING, "{second} s: {outcome:?}");
            clock.advance(SECOND);
        }

        assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
        assert_eq!(counted(&circuit), expected, "{outcome:?}");

        assert_eq!(read(&mut body), 1_000 - 31, "the rest comes all the same");
        drop(body);
        assert_eq!(counted(&circuit), expected, "{outcome:?}: once");
    }
}

#[test]
fn a_body_that_stalls_is_judged_by_its_deadline_when_it_is_dropped() {
    let failure = Outcome::Failure(FailureKind::new("slow_body"));
    let (stalled, clock, body) = slow_stream(failure);
    clock.advance(30 * SECOND);
    drop(body);
    assert_eq!(counted(&stalled), FAILURE);

    let (early, clock, body) = slow_stream(failure);
    clock.advance(30 * SECOND - Duration::from_nanos(1));
    drop(body);
    assert_eq!(counted(&early), SUCCESS);
}

#[test]
fn a_deadline_longer_than_time_itself_never_comes() {
    let (circuit, clock) = circuit(|b| b);
    let layer = layer(circuit.clone()).body_deadline(Duration::MAX, Outcome::Ignored);
    let response = call_by(&layer, Method::GET, response(200, Script::new([])));
    clock.advance(Duration::from_secs(1 << 33));

    read(&mut response.into_body());

    assert_eq!(counted(&circuit), SUCCESS);
}

#[test]
fn a_deadline_lets_endless_streams_close_a_circuit() {
    let (circuit, clock) = circuit(|b| b.probe_timeout(60 * SECOND));
    ready_to_probe(&circuit, &clock);
    let layer = layer(circuit.clone()).body_deadline(10 * SECOND, Outcome::Success);
    let events = Script::new([Step::Data("event"), Step::Data("event")]);
    let mut stream = call_by(&layer, Method::GET, response(200, events)).into_body();
    clock.advance(10 * SECOND);

    assert!(stream.frame().now_or_never().unwrap().unwrap().is_ok());

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn streams_that_are_kept_end_no_run_of_failures_and_under_a_deadline_they_do() {
    let stream = || response(200, Script::new((0..9).map(|_| Step::Data("data: x\n\n"))));
    for (is_due, expected) in [(false, CircuitState::Open), (true, CircuitState::Closed)] {
        let (circuit, clock) = circuit(|b| b);
        let layer = layer(circuit.clone());
        let layer = if is_due { layer.body_deadline(SECOND, Outcome::Success) } else { layer };
        let mut kept = Vec::new();
        for _ in 0..5 {
            let streams = [(); 4].map(|()| call_by(&layer, Method::GET, stream()).into_body());
            kept.extend(streams);
            drop(call_by(&layer, Method::GET, response(503, Script::default())));
            clock.advance(SECOND);
            for body in &mut kept {
                assert!(body.frame().now_or_never().is_some(), "an event comes each second");
            }
        }

        assert_eq!(circuit.state(), expected, "judged by a deadline: {is_due}");
    }
}
