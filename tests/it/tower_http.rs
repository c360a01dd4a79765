//! Classifiers of tower-http.

use std::convert::Infallible;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::{BODY, STATUS, TowerHttp, layer};
use tower_circuit_breaker::{FailureKind, Rejected};
use tower_http::classify::{
    ClassifiedResponse, ClassifyResponse, GrpcErrorsAsFailures, MakeClassifier,
    ServerErrorsAsFailures, SharedClassifier,
};

use crate::script::{NOTHING, Script, Step, counted, kinds, read, request, response};
use crate::support::{circuit, rejection};

/// Calls once, reads the body, and gives what that was counted as, and the kinds of failures.
fn judge<M>(
    make: M,
    request: Request<()>,
    answer: Result<Response<Script>, BoxError>,
) -> ([u64; 4], Vec<FailureKind>)
where
    M: MakeClassifier,
    M::ClassifyEos: Send + 'static,
{
    let (circuit, _) = circuit(|b| b);
    let kinds = kinds(&circuit);
    let mut answer = Some(answer);
    let service = layer(circuit.clone())
        .classify_with(TowerHttp::new(make))
        .boxed()
        .layer(service_fn(|_| std::future::ready(answer.take().unwrap())));
    if let Ok(response) = service.oneshot(request).now_or_never().unwrap() {
        read(&mut response.into_body());
    }
    let kinds = kinds.lock().unwrap().clone();
    (counted(&circuit), kinds)
}

fn ended(status: &'static str) -> Response<Script> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    response(200, Script::new([Step::Data("message"), Step::Trailers(trailers)]))
}

#[test]
fn a_classifier_that_decides_at_the_head_has_decided() {
    let make = || SharedClassifier::new(ServerErrorsAsFailures::new());
    let get = || request(Method::GET);
    let broken = |status| response(status, Script::new([Step::Break]));

    assert_eq!(judge(make(), get(), Ok(broken(200))), ([1, 0, 0, 0], vec![]));
    assert_eq!(judge(make(), get(), Ok(broken(500))), ([0, 1, 0, 0], vec![STATUS]));
    let refused = judge(make(), get(), Err("refused".into()));
    assert_eq!(refused, ([0, 1, 0, 0], vec![FailureKind::OTHER]));
}

#[test]
fn a_classifier_that_waits_for_the_end_is_asked_there() {
    let make = || SharedClassifier::new(GrpcErrorsAsFailures::new());
    let post = || request(Method::POST);
    let broken = response(200, Script::new([Step::Data("message"), Step::Break]));

    assert_eq!(judge(make(), post(), Ok(ended("0"))), ([1, 0, 0, 0], vec![]));
    assert_eq!(judge(make(), post(), Ok(ended("14"))), ([0, 1, 0, 0], vec![STATUS]));
    assert_eq!(judge(make(), post(), Ok(broken)), ([0, 1, 0, 0], vec![BODY]));
}

#[test]
fn a_body_dropped_before_its_end_was_judged_counts_as_its_head() {
    let (circuit, _) = circuit(|b| b);
    let service = layer(circuit.clone())
        .classify_with(TowerHttp::new(SharedClassifier::new(GrpcErrorsAsFailures::new())))
        .layer(service_fn(|_| async { Ok::<_, BoxError>(ended("14")) }));

    drop(service.oneshot(request(Method::POST)).now_or_never().unwrap().unwrap());

    assert_eq!(counted(&circuit), [1, 0, 0, 0]);
}

#[test]
fn a_body_dropped_after_its_head_decided_is_a_success() {
    let (circuit, _) = circuit(|b| b);
    let service = layer(circuit.clone())
        .classify_with(TowerHttp::new(SharedClassifier::new(ServerErrorsAsFailures::new())))
        .layer(service_fn(|_| async { Ok::<_, BoxError>(ended("14")) }));

    drop(service.oneshot(request(Method::POST)).now_or_never().unwrap().unwrap());

    assert_eq!(counted(&circuit), [1, 0, 0, 0]);
}

#[test]
fn rejections_are_not_sent() {
    let (inner, _) = circuit(|b| b);
    inner.trip();
    let make = SharedClassifier::new(ServerErrorsAsFailures::new());

    let rejected: Rejected = rejection(&inner);

    assert_eq!(judge(make, request(Method::GET), Err(rejected.into())), (NOTHING, vec![]));
}

/// Calls what the request's method says a failure.
#[derive(Clone)]
struct ByMethod;

struct IsDelete(bool);

impl MakeClassifier for ByMethod {
    type Classifier = IsDelete;
    type FailureClass = &'static str;
    type ClassifyEos = tower_http::classify::NeverClassifyEos<&'static str>;

    fn make_classifier<B>(&self, request: &Request<B>) -> IsDelete {
        IsDelete(request.method() == Method::DELETE)
    }
}

impl ClassifyResponse for IsDelete {
    type FailureClass = &'static str;
    type ClassifyEos = tower_http::classify::NeverClassifyEos<&'static str>;

    fn classify_response<B>(
        self,
        _: &Response<B>,
    ) -> ClassifiedResponse<&'static str, Self::ClassifyEos> {
        ClassifiedResponse::Ready(if self.0 { Err("deleted") } else { Ok(()) })
    }

    fn classify_error<E: std::fmt::Display + 'static>(self, _: &E) -> &'static str {
        "error"
    }
}

#[test]
fn a_classifier_sees_the_request() {
    let well = || Ok(response(200, Script::default()));

    assert_eq!(judge(ByMethod, request(Method::GET), well()).0, [1, 0, 0, 0]);
    assert_eq!(judge(ByMethod, request(Method::DELETE), well()).0, [0, 1, 0, 0]);
}

#[test]
fn an_infallible_service_can_be_judged() {
    let (circuit, _) = circuit(|b| b);
    let service = layer(circuit.clone())
        .classify_with(TowerHttp::new(ByMethod))
        .layer(service_fn(|_| async { Ok::<_, Infallible>(ended("0")) }));

    let response = service.oneshot(request(Method::GET)).now_or_never().unwrap();

    assert!(response.is_ok());
    assert_eq!(counted(&circuit), [1, 0, 0, 0]);
}
