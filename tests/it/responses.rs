//! Rejections as responses.

use std::time::Duration;

use http::Response;
use tower_circuit_breaker::Rejected;
use tower_circuit_breaker::http::{grpc_unavailable, problem_json, service_unavailable};

use crate::support::{circuit, ready_to_probe, rejection};

/// A rejection with this much time left.
fn open_for(left: Duration) -> Rejected {
    let (circuit, _) = circuit(|b| b);
    circuit.trip_for(left);
    rejection(&circuit)
}

fn header<'a, B>(response: &'a Response<B>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn a_rejection_is_a_503_that_says_when_to_come_again() {
    let table = [
        (1, "1"),
        (999_999_999, "1"),
        (1_000_000_000, "1"),
        (1_000_000_001, "2"),
        (90_000_000_000, "90"),
        (u64::MAX, "18446744074"),
    ];
    for (nanos, expected) in table {
        let response: Response<String> = service_unavailable(open_for(Duration::from_nanos(nanos)));
        assert_eq!(response.status(), 503);
        assert_eq!(header(&response, "retry-after"), Some(expected), "{nanos} ns");
        assert_eq!(response.body(), "");
    }
}

#[test]
fn the_rejection_is_among_the_extensions() {
    let rejected = open_for(Duration::from_secs(3));
    let responses: [Response<String>; 3] = [
        service_unavailable(rejected.clone()),
        problem_json(rejected.clone()),
        grpc_unavailable(rejected.clone()),
    ];
    for response in responses {
        assert_eq!(response.extensions().get::<Rejected>(), Some(&rejected));
    }
}

#[test]
fn where_nobody_knows_when_the_answer_says_a_second() {
    let (forced, _) = circuit(|b| b);
    forced.force_open();
    let (busy, clock) = circuit(|b| b);
    ready_to_probe(&busy, &clock);
    let _probe = busy.try_acquire().unwrap();
    for circuit in [forced, busy] {
        let response: Response<String> = service_unavailable(rejection(&circuit));
        assert_eq!(header(&response, "retry-after"), Some("1"));
        let response: Response<String> = grpc_unavailable(rejection(&circuit));
        assert_eq!(header(&response, "grpc-retry-pushback-ms"), Some("1000"));
    }
}

#[test]
fn a_problem_says_why_in_json_whatever_the_name_of_the_circuit() {
    let circuit = tower_circuit_breaker::Circuit::builder("a\"b\\c\r\n\u{1b}é").build();
    circuit.trip_for(Duration::from_secs(12));
    let response: Response<String> = problem_json(circuit.try_acquire().unwrap_err());

    let problem: serde_json::Value = serde_json::from_str(response.body()).unwrap();

    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "content-type"), Some("application/problem+json"));
    assert_eq!(header(&response, "retry-after"), Some("12"));
    assert_eq!(problem["status"], 503);
    assert_eq!(problem["title"], "Service Unavailable");
    assert_eq!(problem["circuit"], "a\"b\\c\r\n\u{1b}é");
    assert_eq!(problem["reason"], "open");
    assert!(problem["detail"].as_str().unwrap().contains("is open, retry after "), "{problem}");
}

#[test]
fn a_grpc_rejection_is_a_status_alone_with_pushback() {
    let table = [
        (1, "1"),
        (1_000_000, "1"),
        (1_000_001, "2"),
        (2_500_000_000, "2500"),
        (u64::MAX, "2147483647"),
    ];
    for (nanos, expected) in table {
        let response: Response<String> = grpc_unavailable(open_for(Duration::from_nanos(nanos)));
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), Some("application/grpc"));
        assert_eq!(header(&response, "grpc-status"), Some("14"));
        assert_eq!(header(&response, "grpc-retry-pushback-ms"), Some(expected), "{nanos} ns");
        assert_eq!(response.body(), "");
    }
}
