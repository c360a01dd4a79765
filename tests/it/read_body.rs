//! The classifier that reads bodies.

use std::convert::Infallible;

use bytes::Buf;
use futures_util::FutureExt;
use http::{Method, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{ReadBody, layer};
use tower_circuit_breaker::{FailureKind, Outcome};

use crate::script::{Script, Step, counted, request, response};
use crate::statuses::ask;
use crate::support::circuit;

fn says_no(_: http::StatusCode, body: &[u8]) -> Outcome {
    match body {
        b"no" => Outcome::Failure(FailureKind::new("no")),
        _ => Outcome::Success,
    }
}

#[test]
fn a_body_is_read_whole_and_once_it_has_ended() {
    let table: [(&[&'static str], [u64; 4]); 5] = [
        (&["no"], [0, 1, 0, 0]),
        (&["n", "", "o"], [0, 1, 0, 0]),
        (&["yes"], [1, 0, 0, 0]),
        (&["no", "no"], [1, 0, 0, 0]),
        (&[], [1, 0, 0, 0]),
    ];
    for (chunks, expected) in table {
        let (circuit, _) = circuit(|b| b);
        let script = Script::new(chunks.iter().map(|chunk| Step::Data(chunk)));
        ask(&circuit, ReadBody::new(says_no), response(200, script));
        assert_eq!(counted(&circuit), expected, "{chunks:?}");
    }
}

#[test]
fn a_body_over_the_limit_is_not_read() {
    const KIB_64: &str = match std::str::from_utf8(&[b'x'; 64 * 1024]) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    };
    let asked = |steps: Vec<Step>, limit: Option<usize>| {
        let (circuit, _) = circuit(|b| b);
        let classify = ReadBody::new(|_, _: &[u8]| Outcome::Ignored);
        let classify = match limit {
            Some(limit) => classify.limit(limit),
            None => classify,
        };
        ask(&circuit, classify, response(200, Script::new(steps)));
        counted(&circuit) == [0, 0, 1, 0]
    };

    assert!(asked(vec![Step::Data(KIB_64)], None), "64 KiB by default");
    assert!(!asked(vec![Step::Data(KIB_64), Step::Data("x")], None));
    assert!(asked(vec![Step::Data("1234567")], Some(7)));
    assert!(!asked(vec![Step::Data("1234567"), Step::Data("8")], Some(7)));
    assert!(!asked(vec![], Some(6)), "a size hint over the limit is enough");
}

#[test]
fn a_broken_body_and_a_failing_status_need_no_reading() {
    let (circuit, _) = circuit(|b| b);
    let never = || ReadBody::new(|_, _: &[u8]| unreachable!("not asked"));

    ask(&circuit, never(), response(200, Script::new([Step::Data("no"), Step::Break])));
    ask(&circuit, never(), response(500, Script::new([Step::Data("no")])));

    assert_eq!(counted(&circuit), [0, 2, 0, 0]);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_predicate_that_panics_on_a_body_leaves_the_call_abandoned() {
    let (circuit, _) = circuit(|b| b);
    let panics = ReadBody::new(|_, _: &[u8]| panic!("a predicate"));

    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ask(&circuit, panics, response(200, Script::new([Step::Data("no")])));
    }));

    assert!(caught.is_err());
    assert_eq!(counted(&circuit), [0, 0, 0, 1]);
}

#[test]
fn data_in_pieces_of_memory_is_read_and_in_too_many_it_is_not() {
    let judged = |parts: usize| {
        let data: Box<dyn Buf + Send> =
            (0..parts).fold(Box::new(&b""[..]), |data, _| Box::new(data.chain(&b"x"[..])));
        let (circuit, _) = circuit(|b| b);
        let mut body = Some(Full::new(data));
        let service = layer(circuit.clone())
            .classify_with(ReadBody::new(|_, body: &[u8]| {
                assert!(body.iter().all(|byte| *byte == b'x'));
                Outcome::Ignored
            }))
            .layer(service_fn(move |_| {
                std::future::ready(Ok::<_, Infallible>(Response::new(body.take().unwrap())))
            }));
        let response = service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();
        drop(response.into_body().collect().now_or_never().unwrap());
        counted(&circuit) == [0, 0, 1, 0]
    };

    assert!(judged(1));
    assert!(judged(16));
    assert!(!judged(17));
}
