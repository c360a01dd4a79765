//! Rejections as responses.

use std::convert::Infallible;
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use http::Response;
use tower::{Layer, Service, service_fn};
use tower_circuit_breaker::http::{grpc_unavailable, problem_json, service_unavailable};
use tower_circuit_breaker::{CircuitBreakerLayer, Rejected};

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
        // 146 years: no rejection says more.
        (u64::MAX, "4611686019"),
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
fn where_nobody_knows_when_the_answer_names_no_time() {
    let (forced, _) = circuit(|b| b);
    forced.force_open();
    let (busy, clock) = circuit(|b| b);
    ready_to_probe(&busy, &clock);
    let _probe = busy.try_acquire().unwrap();
    for rejected in [rejection(&forced), rejection(&busy), shed(), not_ready()] {
        let reason = rejected.reason();
        assert_eq!(rejected.retry_after(), None, "{reason}");
        let plain: Response<String> = service_unavailable(rejected.clone());
        let problem: Response<String> = problem_json(rejected.clone());
        let grpc: Response<String> = grpc_unavailable(rejected);
        for response in [plain, problem, grpc] {
            assert_eq!(header(&response, "retry-after"), None, "{reason}");
            assert_eq!(header(&response, "grpc-retry-pushback-ms"), None, "{reason}");
        }
    }
}

/// A rejection of a circuit that lets a share of its calls in.
fn shed() -> Rejected {
    let (circuit, clock) = circuit(|b| b.ramp(Duration::from_secs(3_600)));
    ready_to_probe(&circuit, &clock);
    crate::support::succeed(&circuit);
    let calls = std::iter::repeat_with(|| circuit.try_acquire());
    calls.take(1_000).find_map(Result::err).expect("nine of ten are held back")
}

/// A rejection by a service whose inner service was not seen ready.
fn not_ready() -> Rejected {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let mut service = CircuitBreakerLayer::new(circuit.clone())
        .layer(service_fn(|()| async { Ok::<_, Infallible>(()) }));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    circuit.release();
    let error = service.call(()).now_or_never().unwrap().unwrap_err();
    error.rejected().unwrap().clone()
}

#[test]
fn no_cache_may_keep_a_rejection() {
    let (forced, _) = circuit(|b| b);
    forced.force_open();
    for rejected in [open_for(Duration::from_secs(3)), rejection(&forced)] {
        let responses: [Response<String>; 3] = [
            service_unavailable(rejected.clone()),
            problem_json(rejected.clone()),
            grpc_unavailable(rejected.clone()),
        ];
        for response in responses {
            assert_eq!(header(&response, "cache-control"), Some("no-store"), "{rejected}");
        }
    }
}

#[test]
fn a_problem_says_why_in_json_whatever_the_name_of_the_circuit() {
    let circuit = tower_circuit_breaker::Circuit::builder("a\"b\\c\r\n\u{1b}é").build();
    circuit.trip_for(Duration::from_secs(12));
    let response: Response<String> = problem_json(circuit.try_acquire().unwrap_err());

    let problem: serde_json::Value = serde_json::from_str(response.body()).unwrap();
    let members: Vec<_> = problem.as_object().unwrap().keys().collect();

    assert_eq!(members, ["circuit", "detail", "reason", "status", "title"]);
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
