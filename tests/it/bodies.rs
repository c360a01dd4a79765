//! The verdict at the end of the body.

use std::convert::Infallible;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body::Body;
use http_body_util::BodyExt;
use tower_circuit_breaker::http::{BODY, STATUS, layer};
use tower_circuit_breaker::{CircuitBreakerLayer, CircuitState, FailureKind, Outcome};

use crate::script::{
    FAILURE, IGNORED, NOTHING, SUCCESS, Script, Step, call, call_by, counted, kinds, read, response,
};
use crate::support::circuit;

#[test]
fn a_call_counts_when_its_body_has_ended_whatever_way_it_says_so() {
    let trailers = || Step::Trailers(HeaderMap::new());
    let ways: [(&str, Script, usize); 6] = [
        ("no more frames", Script::new([Step::Data("a"), Step::Data("b")]), 3),
        ("the last frame", Script::new([Step::Data("a")]).that_says_its_end(), 1),
        ("trailers", Script::new([Step::Data("a"), trailers()]), 2),
        ("trailers alone", Script::new([trailers()]), 1),
        ("an empty body that does not know", Script::new([]), 1),
        ("an empty body that knows", Script::new([]).that_says_its_end(), 0),
    ];
    for (way, script, polls) in ways {
        let (circuit, _) = circuit(|b| b);
        let mut body = call(&circuit, response(200, script)).into_body();
        for poll in 0..polls {
            assert_eq!(counted(&circuit), NOTHING, "{way}: before poll {poll}");
            let _ = body.frame().now_or_never().expect("there is a frame or the end");
        }
        assert_eq!(counted(&circuit), SUCCESS, "{way}");

        read(&mut body);
        drop(body);
        assert_eq!(counted(&circuit), SUCCESS, "{way}: once");
    }
}

#[test]
fn a_body_that_breaks_is_one_failure_and_its_error_is_passed_on() {
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let script = Script::new([Step::Data("a"), Step::Break, Step::Break]);
    let mut body = call(&circuit, response(200, script)).into_body();
    assert_eq!(read(&mut body), 1);
    assert_eq!(counted(&circuit), FAILURE);

    let error = body.frame().now_or_never().unwrap().unwrap().unwrap_err();
    drop(body);

    assert_eq!(error.to_string(), "broken pipe");
    assert_eq!(counted(&circuit), FAILURE);
    assert_eq!(*kinds.lock().unwrap(), [BODY]);
}

#[test]
fn three_broken_bodies_open_a_circuit_of_three() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(3));
    for number in 1..=3 {
        assert_eq!(circuit.state(), CircuitState::Closed, "before {number}");
        let script = Script::new([Step::Data("half"), Step::Break]);
        read(&mut call(&circuit, response(200, script)).into_body());
    }

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_failing_status_decides_at_the_head() {
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    for status in [500, 503, 599] {
        let response = call(&circuit, response(status, Script::new([Step::Data("sorry")])));
        drop(response);
    }

    assert_eq!(counted(&circuit), [0, 3, 0, 0]);
    assert_eq!(*kinds.lock().unwrap(), [STATUS; 3]);
}

#[test]
fn a_body_dropped_midway_counts_as_its_head() {
    for frames in 0..2 {
        let (circuit, _) = circuit(|b| b.consecutive_failures(1));
        let script = Script::new([Step::Data("a"), Step::Data("b"), Step::Break]);
        let mut body = call(&circuit, response(200, script)).into_body();
        for _ in 0..frames {
            let _ = body.frame().now_or_never().unwrap();
        }

        drop(body);

        assert_eq!(counted(&circuit), SUCCESS, "after {frames} frames");
        assert_eq!(circuit.state(), CircuitState::Closed);
    }
}

#[test]
fn what_the_head_decided_stands_whatever_becomes_of_the_body() {
    let by_head = |outcome: Outcome| {
        move |result: &Result<Response<Script>, Infallible>| match result {
            Ok(response) if response.status() == 418 => outcome,
            _ => Outcome::Success,
        }
    };
    for (outcome, expected) in [(Outcome::Failure(STATUS), FAILURE), (Outcome::Ignored, IGNORED)] {
        let (circuit, _) = circuit(|b| b);
        let layer =
            CircuitBreakerLayer::new(circuit.clone()).classify_with(by_head(outcome)).judge_body();
        let mut body =
            call_by(&layer, Method::GET, response(418, Script::new([Step::Break]))).into_body();
        assert_eq!(counted(&circuit), expected);

        read(&mut body);
        drop(body);

        assert_eq!(counted(&circuit), expected);
    }
}

#[test]
fn responses_without_a_body_are_settled_at_the_head() {
    let cases = [
        (Method::HEAD, 200),
        (Method::HEAD, 404),
        (Method::CONNECT, 200),
        (Method::GET, 101),
        (Method::GET, 204),
        (Method::GET, 304),
    ];
    for (method, status) in cases {
        let (circuit, _) = circuit(|b| b);
        // As of a tunnel, which goes on for ever.
        let script = Script::new([Step::Stall]);

        let response = call_by(&layer(circuit.clone()), method.clone(), response(status, script));

        assert_eq!(counted(&circuit), SUCCESS, "{method} {status}");
        drop(response);
        assert_eq!(counted(&circuit), SUCCESS, "{method} {status}");
    }
}

#[test]
fn a_failing_status_is_a_failure_also_without_a_body() {
    let (circuit, _) = circuit(|b| b);

    let response = call_by(&layer(circuit.clone()), Method::HEAD, response(502, Script::new([])));

    assert_eq!(counted(&circuit), FAILURE);
    drop(response);
}

#[test]
fn frames_trailers_and_hints_pass_unchanged() {
    let (circuit, _) = circuit(|b| b);
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", HeaderValue::from_static("1"));
    let script = Script::new([Step::Data("rose"), Step::Trailers(trailers.clone())]);
    let mut body = call(&circuit, response(200, script.that_says_its_end())).into_body();

    assert_eq!(body.size_hint().exact(), Some(7));
    assert!(!body.is_end_stream());
    let data = body.frame().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(data.into_data().unwrap(), "rose");
    let last = body.frame().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(last.into_trailers().unwrap(), trailers);
    assert!(body.is_end_stream());
    assert!(body.frame().now_or_never().unwrap().is_none());
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_body_that_panics_is_a_failure_and_the_panic_goes_on() {
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let mut body = call(&circuit, response(200, Script::new([Step::Panic]))).into_body();

    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&mut body)));
    drop(body);

    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "a body");
    assert_eq!(counted(&circuit), FAILURE);
    assert_eq!(*kinds.lock().unwrap(), [FailureKind::PANIC]);
}
