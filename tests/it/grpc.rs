//! The classifier for gRPC.

use std::time::Duration;

use futures_util::FutureExt;
use http::{Method, Response};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{BODY, GrpcCode, GrpcErrorsAsFailures, grpc_layer};
use tower_circuit_breaker::{CircuitState, FailureKind};

use crate::script::{Script, Step, counted, kinds, request, response};
use crate::statuses::{ask, headers, open_for, with_headers};
use crate::support::{SECOND, circuit};

/// What a gRPC response with these headers and trailers is counted as: a kind, or a success.
fn grpc_kind(status: u16, head: Option<&str>, trailers: Option<&str>) -> Option<FailureKind> {
    let as_headers = |value: &str| headers([("grpc-status", value)]);
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let mut steps = vec![Step::Data("message")];
    steps.extend(trailers.map(|value| Step::Trailers(as_headers(value))));
    let head = head.map(as_headers).unwrap_or_default();
    let answer = with_headers(response(status, Script::new(steps)), &head);
    ask(&circuit, GrpcErrorsAsFailures::new().with_success(GrpcCode::NotFound), answer);
    let kinds = kinds.lock().unwrap();
    let failures = u64::try_from(kinds.len()).unwrap();
    assert_eq!(counted(&circuit), [1 - failures, failures, 0, 0], "one outcome");
    kinds.first().copied()
}

#[test]
fn a_grpc_status_counts_wherever_it_is() {
    let kind = |name| Some(FailureKind::new(name));
    let unknown = kind("grpc_unknown");
    let unavailable = kind("grpc_unavailable");
    let table = [
        // In the headers, whatever the trailers say.
        (200, Some("0"), None, None),
        (200, Some("14"), None, unavailable),
        (200, Some("5"), None, None),
        (200, Some("0"), Some("14"), None),
        (200, Some("14"), Some("0"), unavailable),
        (503, Some("0"), None, None),
        // In the trailers.
        (200, None, Some("0"), None),
        (200, None, Some("14"), unavailable),
        (200, None, Some("5"), None),
        (200, None, Some("1"), kind("grpc_cancelled")),
        (200, None, Some("16"), kind("grpc_unauthenticated")),
        // Nowhere.
        (200, None, None, unknown),
        (400, None, None, kind("grpc_internal")),
        (401, None, None, kind("grpc_unauthenticated")),
        (403, None, None, kind("grpc_permission_denied")),
        (404, None, None, kind("grpc_unimplemented")),
        (429, None, None, unavailable),
        (502, None, None, unavailable),
        (503, None, None, unavailable),
        (504, None, None, unavailable),
        (500, None, None, unknown),
        (302, None, None, unknown),
        // None of gRPC's.
        (200, None, Some("17"), unknown),
        (200, None, Some("-1"), unknown),
        (200, None, Some("00"), unknown),
        (200, None, Some("014"), unknown),
        (200, None, Some(""), unknown),
        (200, None, Some("OK"), unknown),
        (200, None, Some("99999999999999999999"), unknown),
        (200, Some("x"), Some("0"), unknown),
    ];
    for (status, head, trailers, expected) in table {
        let found = grpc_kind(status, head, trailers);
        assert_eq!(found, expected, "{status}, headers {head:?}, trailers {trailers:?}");
    }
}

#[test]
fn codes_have_numbers_and_names() {
    for number in 0..=16 {
        let code = GrpcCode::new(number).unwrap();
        assert_eq!(code as u8, number);
        assert!(code.as_str().starts_with("grpc_"), "{code:?}");
    }
    assert_eq!(GrpcCode::new(17), None);
    assert_eq!(GrpcCode::new(14).unwrap().as_str(), "grpc_unavailable");
}

#[test]
fn a_grpc_stream_that_breaks_is_a_failure() {
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);

    let script = Script::new([Step::Data("message"), Step::Break]);
    ask(&circuit, GrpcErrorsAsFailures::new(), response(200, script));

    assert_eq!(*kinds.lock().unwrap(), [BODY]);
}

#[test]
fn streams_whose_trailers_say_14_open_a_circuit_and_those_with_5_do_not() {
    for (code, state) in [("14", CircuitState::Open), ("5", CircuitState::Closed)] {
        let (circuit, _) = circuit(|b| b.consecutive_failures(3));
        for _ in 0..3 {
            assert_eq!(circuit.state(), CircuitState::Closed, "{code}");
            let trailers = Step::Trailers(headers([("grpc-status", code)]));
            let script = Script::new([Step::Data("message"), trailers]);
            let classify = GrpcErrorsAsFailures::new().with_success(GrpcCode::NotFound);
            ask(&circuit, classify, response(200, script));
        }
        assert_eq!(circuit.state(), state, "{code}");
    }
}

#[test]
fn pushback_opens_the_circuit_when_it_is_heeded() {
    let heeding = || GrpcErrorsAsFailures::new().heed_pushback();
    let ended = |status: &str, pushback: &str| {
        let trailers = headers([("grpc-status", status), ("grpc-retry-pushback-ms", pushback)]);
        response(200, Script::new([Step::Data("message"), Step::Trailers(trailers)]))
    };
    let table = [
        ("14", "2500", Some(Duration::from_millis(2_500))),
        ("8", "1", Some(Duration::from_millis(1))),
        ("14", "99999999999999999999999", Some(3_600 * SECOND)),
        ("14", "0", None),
        ("14", "-1", None),
        ("14", "soon", None),
        ("0", "2500", None),
    ];
    for (status, pushback, expected) in table {
        let found = open_for(heeding(), ended(status, pushback));
        assert_eq!(found, expected, "{status} {pushback}");
    }
    assert_eq!(open_for(GrpcErrorsAsFailures::new(), ended("14", "2500")), None, "unheeded");

    let at_the_head = headers([("grpc-status", "14"), ("grpc-retry-pushback-ms", "500")]);
    let answer = with_headers(response(200, Script::default()), &at_the_head);
    assert_eq!(open_for(heeding(), answer), Some(Duration::from_millis(500)));
    let of_a_proxy = headers([("retry-after", "9")]);
    let answer = with_headers(response(503, Script::default()), &of_a_proxy);
    assert_eq!(open_for(heeding(), answer), Some(9 * SECOND));
}

#[test]
fn errors_of_a_grpc_service_are_failures() {
    let (circuit, _) = circuit(|b| b);
    let service = grpc_layer(circuit.clone())
        .boxed()
        .layer(service_fn(|_| async { Err::<Response<Script>, BoxError>("refused".into()) }));

    let result = service.oneshot(request(Method::POST)).now_or_never().unwrap();

    assert!(result.is_err());
    assert_eq!(counted(&circuit), [0, 1, 0, 0]);
}
