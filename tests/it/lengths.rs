//! Bodies of announced length, which end with their last byte.

use std::convert::Infallible;

use futures_util::FutureExt;
use http::{Method, Response, StatusCode, Version};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{ReadBody, ResponseBody, layer};
use tower_circuit_breaker::{Circuit, CircuitState, Outcome};

use crate::half_open::probing;
use crate::script::{Script, Step, call_by, counted, request, response};
use crate::statuses::{headers, with_headers};
use crate::support::{SECOND, circuit};

const NOTHING: [u64; 4] = [0, 0, 0, 0];
const SUCCESS: [u64; 4] = [1, 0, 0, 0];

/// A response of these two chunks that announces this length.
fn announce(length: &str, chunks: [&'static str; 2]) -> Response<Script> {
    let steps = chunks.map(Step::Data).into_iter().chain([Step::Stall]);
    let length = headers([("content-length", length)]);
    with_headers(response(200, Script::new(steps)), &length)
}

/// The body of such a response, after one poll for each chunk.
fn read(circuit: &Circuit, answer: Response<Script>) -> ResponseBody<Script> {
    let mut answer = Some(answer);
    let service = layer(circuit.clone())
        .layer(service_fn(|_| std::future::ready(Ok::<_, Infallible>(answer.take().unwrap()))));
    let response = service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();
    let mut body = response.into_body();
    for _ in 0..2 {
        assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
    }
    body
}

#[test]
fn the_last_announced_byte_is_the_end() {
    for (length, chunks) in [("4", ["ro", "se"]), ("4", ["rose", "!"]), ("2", ["ro", ""])] {
        let (circuit, _) = circuit(|b| b);
        let body = read(&circuit, announce(length, chunks));
        assert_eq!(counted(&circuit), SUCCESS, "{length} {chunks:?}");

        drop(body);
        assert_eq!(counted(&circuit), SUCCESS, "{length} {chunks:?}: once");
    }
}

#[test]
fn a_body_that_is_a_byte_short_has_not_ended() {
    let (circuit, _) = circuit(|b| b);
    let body = read(&circuit, announce("5", ["ro", "se"]));
    assert_eq!(counted(&circuit), NOTHING);

    drop(body);

    assert_eq!(counted(&circuit), SUCCESS, "its reader had not waited for it");
}

#[test]
fn lengths_that_are_none_announce_nothing() {
    for length in ["", "-4", "+4", "4, 4", "0x4", "99999999999999999999"] {
        let (circuit, _) = circuit(|b| b);
        let _body = read(&circuit, announce(length, ["ro", "se"]));
        assert_eq!(counted(&circuit), NOTHING, "{length:?}");
    }
}

#[test]
fn over_http_2_trailers_may_follow_the_last_byte() {
    let (circuit, _) = circuit(|b| b);
    let mut answer = announce("4", ["ro", "se"]);
    *answer.version_mut() = Version::HTTP_2;

    let _body = read(&circuit, answer);

    assert_eq!(counted(&circuit), NOTHING);
}

#[test]
fn a_classifier_that_reads_bodies_has_read_the_last_byte() {
    let (circuit, _) = circuit(|b| b);
    let by_body = ReadBody::new(|_, body: &[u8]| {
        assert_eq!(body, b"rose");
        Outcome::Ignored
    });
    let service = layer(circuit.clone())
        .classify_with(by_body)
        .layer(service_fn(|_| async { Ok::<_, Infallible>(announce("4", ["ro", "se"])) }));
    let response = service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();
    let mut body = response.into_body();

    while body.frame().now_or_never().is_some() {}

    assert_eq!(counted(&circuit), [0, 0, 1, 0]);
}

#[test]
fn a_length_of_the_most_that_64_bits_hold_announces_nothing() {
    let cases = [("18446744073709551615", SUCCESS), ("18446744073709551614", [0, 0, 0, 1])];
    for (length, expected) in cases {
        let (circuit, clock) = circuit(|b| b);
        let mut body = read(&circuit, announce(length, ["ro", "se"]));
        assert!(body.frame().now_or_never().is_none(), "{length}: its reader waits");
        clock.advance(SECOND);

        drop(body);

        assert_eq!(counted(&circuit), expected, "{length}: whether more of it is owed");
    }
}

#[test]
fn answers_that_owe_nothing_are_judged_at_the_head_whatever_length_they_announce() {
    let cases = [
        (Method::HEAD, 200),
        (Method::CONNECT, 200),
        (Method::GET, 101),
        (Method::GET, 204),
        (Method::GET, 304),
    ];
    for (method, status) in cases {
        for make in [circuit(|b| b), probing(|b| b)] {
            let (circuit, clock) = make;
            let before = circuit.state();
            let mut answer = announce("4", ["", ""]);
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();

            let mut kept = call_by(&layer(circuit.clone()), method.clone(), answer).into_body();

            assert_eq!(counted(&circuit), SUCCESS, "{method} {status}, {before}");
            assert_eq!(circuit.state(), CircuitState::Closed, "{method} {status}, {before}");
            while kept.frame().now_or_never().is_some() {}
            clock.advance(SECOND);
            drop(kept);
            assert_eq!(counted(&circuit), SUCCESS, "{method} {status}, {before}: once");
        }
    }
}
