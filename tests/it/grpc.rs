//! The classifier for gRPC.

use std::time::Duration;

use futures_util::FutureExt;
use http::{Method, Response};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{BODY, GrpcCode, GrpcErrorsAsFailures, grpc_layer};
use tower_circuit_breaker::{CircuitState, FailureKind};

use CountsAs::{Failed, Ignored, Success};

use crate::script::{FAILURE, IGNORED, SUCCESS, Script, Step, counted, kinds, request, response};
use crate::statuses::{ask, headers, open_for, with_headers};
use crate::support::{SECOND, circuit};

/// What a gRPC response with these headers and trailers is counted as.
fn counts_as(
    classify: GrpcErrorsAsFailures,
    status: u16,
    head: Option<&str>,
    trailers: Option<&str>,
) -> CountsAs {
    let as_headers = |value: &str| headers([("grpc-status", value)]);
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let mut steps = vec![Step::Data("message")];
    steps.extend(trailers.map(|value| Step::Trailers(as_headers(value))));
    let head = head.map(as_headers).unwrap_or_default();
    let answer = with_headers(response(status, Script::new(steps)), &head);
    ask(&circuit, classify, answer);
    match (counted(&circuit), &**kinds.lock().unwrap()) {
        (SUCCESS, []) => Success,
        (IGNORED, []) => Ignored,
        (FAILURE, [kind]) => Failed(*kind),
        other => panic!("not one outcome: {other:?}"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CountsAs {
    Success,
    Ignored,
    Failed(FailureKind),
}

fn of_kind(name: &'static str) -> CountsAs {
    Failed(FailureKind::new(name))
}

/// The codes that blame the server, and the caller's own word; the others are successes.
#[test]
fn codes_that_blame_the_server_are_failures_and_a_cancelled_call_is_ignored() {
    let failures = [
        (2, "grpc_unknown"),
        (4, "grpc_deadline_exceeded"),
        (8, "grpc_resource_exhausted"),
        (13, "grpc_internal"),
        (14, "grpc_unavailable"),
        (15, "grpc_data_loss"),
    ];
    for number in 0..=16 {
        let failure = failures.iter().find(|(failing, _)| *failing == number);
        let expected = match number {
            1 => Ignored,
            _ => failure.map_or(Success, |(_, name)| of_kind(name)),
        };
        let (number, by_default) = (number.to_string(), GrpcErrorsAsFailures::new);

        let at_the_head = counts_as(by_default(), 200, Some(&number), None);
        let in_trailers = counts_as(by_default(), 200, None, Some(&number));

        assert_eq!((at_the_head, in_trailers), (expected, expected), "{number}");
    }
}

#[test]
fn each_code_counts_as_it_was_last_said() {
    let codes = (1..=16).map(|number| GrpcCode::new(number).unwrap());
    for code in codes {
        let number = (code as u8).to_string();
        let default = GrpcErrorsAsFailures::new;
        let table = [
            (default().with_failure(code), of_kind(code.as_str())),
            (default().with_success(code), Success),
            (default().ignoring_code(code), Ignored),
            (default().ignoring_code(code).with_failure(code), of_kind(code.as_str())),
            (default().ignoring_code(code).with_success(code), Success),
            (default().with_failure(code).ignoring_code(code), Ignored),
            (default().with_failure(code).with_success(code), Success),
        ];
        for (place, (classify, expected)) in table.into_iter().enumerate() {
            let at_the_head = counts_as(classify, 200, Some(&number), None);
            let in_trailers = counts_as(classify, 200, None, Some(&number));
            assert_eq!((at_the_head, in_trailers), (expected, expected), "{code:?}, {place}");
            let others = counts_as(classify, 200, Some("0"), None);
            assert_eq!(others, Success, "{code:?}, {place}");
        }
    }
}

/// As gRPC maps them to codes, and those count.
#[test]
fn http_statuses_without_a_grpc_status_count_by_their_code() {
    let chosen = GrpcErrorsAsFailures::new()
        .with_failure(GrpcCode::Unimplemented)
        .ignoring_code(GrpcCode::Unavailable)
        .with_success(GrpcCode::Internal);
    let table = [
        (404, of_kind("grpc_unimplemented")),
        (429, Ignored),
        (502, Ignored),
        (503, Ignored),
        (504, Ignored),
        (400, Success),
        (401, Success),
        (403, Success),
        (500, of_kind("grpc_unknown")),
    ];
    for (status, expected) in table {
        assert_eq!(counts_as(chosen, status, None, None), expected, "{status}");
    }
    let heeding = chosen.heed_pushback();
    let asks = headers([("retry-after", "9"), ("grpc-retry-pushback-ms", "9000")]);
    for status in [429, 503] {
        let answer = with_headers(response(status, Script::default()), &asks);
        assert_eq!(open_for(heeding, answer), None, "{status}: what is ignored asks in vain");
    }
}

#[test]
fn a_grpc_status_counts_wherever_it_is() {
    let unknown = of_kind("grpc_unknown");
    let unavailable = of_kind("grpc_unavailable");
    let table = [
        // In the headers, whatever the trailers say.
        (200, Some("0"), None, Success),
        (200, Some("14"), None, unavailable),
        (200, Some("5"), None, Success),
        (200, Some("1"), None, Ignored),
        (200, Some("0"), Some("14"), Success),
        (200, Some("14"), Some("0"), unavailable),
        (503, Some("0"), None, Success),
        // In the trailers.
        (200, None, Some("0"), Success),
        (200, None, Some("14"), unavailable),
        (200, None, Some("5"), Success),
        (200, None, Some("1"), Ignored),
        (200, None, Some("16"), Success),
        // Nowhere.
        (200, None, None, unknown),
        (400, None, None, of_kind("grpc_internal")),
        (401, None, None, Success),
        (403, None, None, Success),
        (404, None, None, Success),
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
        let found = counts_as(GrpcErrorsAsFailures::new(), status, head, trailers);
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
            ask(&circuit, GrpcErrorsAsFailures::new(), response(200, script));
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
        ("5", "2500", None),
        ("1", "2500", None),
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
    let of_a_server = headers([("grpc-retry-pushback-ms", "700")]);
    let answer = with_headers(response(502, Script::default()), &of_a_server);
    assert_eq!(open_for(heeding(), answer), Some(Duration::from_millis(700)));
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
