//! Who else has a word in the verdict: classifiers, circuits further in, fallbacks, the head.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http::{Method, Request, Response};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::http::{layer, service_unavailable};
use tower_circuit_breaker::{CircuitBreakerLayer, ErrorsAsFailures, Rejected};

use crate::script::{
    FAILURE, IGNORED, NOTHING, SUCCESS, Script, Step, call_by, counted, read, request, response,
    totals,
};
use crate::support::{circuit, rejection};

#[test]
fn a_response_from_a_circuit_further_in_is_not_sent() {
    let (inner, _) = circuit(|b| b);
    let (outer, _) = circuit(|b| b.consecutive_failures(1));
    inner.trip();
    let service = layer(outer.clone()).layer(layer(inner).respond_with(service_unavailable).layer(
        service_fn(|_| std::future::ready(Ok::<_, Infallible>(response(200, Script::default())))),
    ));

    let response = service.oneshot(request(Method::GET)).now_or_never().unwrap().unwrap();

    assert_eq!(response.status(), 503);
    assert_eq!(response.extensions().get::<Rejected>().unwrap().circuit(), "api");
    assert_eq!(counted(&outer), NOTHING);
    assert_eq!(totals(&outer).not_sent, 1);
}

#[test]
fn a_fallback_answers_with_a_body_that_counts_nothing() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let layer = layer(circuit.clone()).fallback(|_: Request<()>, _| async {
        Ok::<_, Infallible>(response(200, Script::new([Step::Break])))
    });

    let mut body = call_by(&layer, Method::GET, response(500, Script::default())).into_body();
    read(&mut body);
    drop(body);

    assert_eq!(counted(&circuit), NOTHING);
}

#[test]
fn errors_of_the_service_count_as_without_http() {
    let (circuit, _) = circuit(|b| b);
    circuit.force_open();
    let rejection = rejection(&circuit);
    circuit.release();
    let errors: [(fn(Rejected) -> BoxError, [u64; 4]); 2] =
        [(|_| "connection refused".into(), FAILURE), (|rejected| rejected.into(), FAILURE)];
    for (error, expected) in errors {
        let rejected = rejection.clone();
        let service = layer(circuit.clone()).layer(service_fn(move |_| {
            let error = error(rejected.clone());
            async move { Err::<Response<Script>, _>(error) }
        }));

        let result = service.oneshot(request(Method::GET)).now_or_never().unwrap();

        assert!(result.is_err());
        assert_eq!(counted(&circuit), expected);
    }
    assert_eq!(totals(&circuit).not_sent, 1);
}

#[test]
fn every_classifier_of_the_crate_can_judge_the_head() {
    type Answer = Result<Response<Script>, BoxError>;
    fn counted_by<C>(
        change: impl FnOnce(CircuitBreakerLayer) -> CircuitBreakerLayer<C>,
        answer: impl FnMut() -> Answer,
    ) -> [u64; 4]
    where
        C: tower_circuit_breaker::http::ClassifyHttp<Script, BoxError>,
    {
        let (circuit, _) = circuit(|b| b);
        let mut answer = answer;
        let service = change(CircuitBreakerLayer::new(circuit.clone()))
            .judge_body()
            .layer(service_fn(move |_| std::future::ready(answer())));
        if let Ok(response) = service.oneshot(request(Method::GET)).now_or_never().unwrap() {
            read(&mut response.into_body());
        }
        counted(&circuit)
    }
    let fails = |result: &Answer| matches!(result, Ok(response) if response.status() == 404);
    let not_found = || Ok(response(404, Script::default()));
    let broken = || Ok(response(200, Script::new([Step::Break])));
    let well = || Ok(response(200, Script::default()));

    assert_eq!(counted_by(|l| l.classify_with(ErrorsAsFailures), not_found), SUCCESS);
    assert_eq!(counted_by(|l| l, broken), FAILURE);
    assert_eq!(counted_by(|l| l.failure_if(fails), not_found), FAILURE);
    assert_eq!(counted_by(|l| l.failure_if(fails), broken), FAILURE);
    assert_eq!(counted_by(|l| l.failure_if(fails), well), SUCCESS);
    let timed_out = || Err(Box::new(tower::timeout::error::Elapsed::new()) as BoxError);
    let ignoring = |l: CircuitBreakerLayer| l.ignoring::<tower::timeout::error::Elapsed>();
    assert_eq!(counted_by(ignoring, timed_out), IGNORED);
    assert_eq!(counted_by(ignoring, broken), FAILURE);
    assert_eq!(counted_by(ignoring, || Err("reset".into())), FAILURE);
}

#[test]
fn an_inner_that_fails_before_it_is_called_is_judged_without_a_request() {
    struct Gone;

    impl Service<Request<()>> for Gone {
        type Response = Response<Script>;
        type Error = BoxError;
        type Future = std::future::Ready<Result<Response<Script>, BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Err("gone".into()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            unreachable!("never ready")
        }
    }

    let (circuit, _) = circuit(|b| b);

    let result = layer(circuit.clone()).boxed().layer(Gone).oneshot(Request::new(()));

    assert_eq!(result.now_or_never().unwrap().unwrap_err().to_string(), "gone");
    assert_eq!(counted(&circuit), FAILURE);
}

#[test]
fn without_judging_bodies_the_head_decides() {
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .classify_with(tower_circuit_breaker::http::ServerErrorsAsFailures::new())
        .layer(service_fn(|status: u16| async move {
            Ok::<_, Infallible>(response(status, Script::new([Step::Break])))
        }));

    for (status, expected) in [(200, SUCCESS), (500, [1, 1, 0, 0])] {
        let response = service.clone().oneshot(status).now_or_never().unwrap().unwrap();
        assert_eq!(counted(&circuit), expected);
        drop(response);
    }
}
