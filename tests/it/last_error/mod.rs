//! The text of the last failure's error, where it is asked for.

mod closures;
mod kept;

use std::io;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http::Method;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::http::{GrpcErrorsAsFailures, ReadBody, TowerHttp, layer};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitBuilder, Error, ErrorText, ErrorsAsFailures, ManualClock,
    hyper, reqwest,
};
use tower_http::classify::{GrpcErrorsAsFailures as TowerGrpc, SharedClassifier};

use crate::script::{Script, request};
use crate::support::{FAILURE, circuit, rejection};

/// An error that says what it was made with.
#[derive(Debug)]
struct ShopError(&'static str);

#[derive(Debug)]
struct OtherError;

/// A circuit that keeps the text of a `ShopError`.
fn shop(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> (Circuit, ManualClock) {
    circuit(|b| {
        let b = b.consecutive_failures(100).last_error(|error: &ShopError| error.0.to_owned());
        set(b)
    })
}

/// A circuit that keeps the text of a `BoxError`.
fn boxed() -> Circuit {
    circuit(|b| b.consecutive_failures(100).last_error(|error: &BoxError| error.to_string())).0
}

fn text(circuit: &Circuit) -> Option<String> {
    circuit.snapshot().last_error.map(|text| text.as_str().to_owned())
}

fn fail_with<E: 'static>(circuit: &Circuit, error: E) {
    assert!(matches!(circuit.run(|| Err::<(), _>(error)), Err(Error::Inner(_))));
}

#[test]
fn a_snapshot_and_a_rejection_have_the_text_that_was_asked_for() {
    let (circuit, _) = shop(|b| b.consecutive_failures(1));
    assert_eq!(circuit.snapshot().last_error, None);

    fail_with(&circuit, ShopError("sold out"));

    assert_eq!(text(&circuit).as_deref(), Some("sold out"));
    let rejected = rejection(&circuit);
    assert_eq!(rejected.last_error().as_ref().map(ErrorText::as_str), Some("sold out"));
    drop(circuit);
    assert_eq!(rejected.last_error().as_ref().map(ErrorText::as_str), Some("sold out"));
}

#[test]
fn there_is_none_where_nobody_asks() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));

    fail_with(&circuit, ShopError("sold out"));

    assert_eq!(circuit.snapshot().last_error, None);
    assert_eq!(rejection(&circuit).last_error(), None);
}

#[test]
fn every_way_to_call_without_tower_keeps_it() {
    let (circuit, _) = shop(|b| b);
    let _ = circuit.call(async { Err::<(), _>(ShopError("call")) }).now_or_never().unwrap();
    assert_eq!(text(&circuit).as_deref(), Some("call"));
    let _ = circuit
        .call_with(ErrorsAsFailures, async { Err::<(), _>(ShopError("call_with")) })
        .now_or_never()
        .unwrap();
    assert_eq!(text(&circuit).as_deref(), Some("call_with"));
    let _ = circuit.run_with(ErrorsAsFailures, || Err::<(), _>(ShopError("run_with")));
    assert_eq!(text(&circuit).as_deref(), Some("run_with"));
    let wrapped = circuit.wrap(|said| async move { Err::<(), _>(ShopError(said)) });
    let _ = wrapped("wrap").now_or_never().unwrap();
    assert_eq!(text(&circuit).as_deref(), Some("wrap"));
}

/// Fails with `said`, boxed, through `layer`.
fn through<L>(layer: L, said: &'static str)
where
    L: Layer<tower::util::BoxService<(), (), BoxError>>,
    L::Service: Service<()>,
{
    let inner = service_fn(move |()| std::future::ready(Err::<(), BoxError>(said.into())));
    let answer = layer.layer(tower::util::BoxService::new(inner)).oneshot(()).now_or_never();
    assert!(answer.is_some());
}

#[test]
fn each_classifier_of_the_tower_layer_keeps_it() {
    let circuit = boxed();
    let breaker = || CircuitBreakerLayer::new(circuit.clone());
    let said = || text(&circuit);

    through(breaker(), "typed");
    assert_eq!(said().as_deref(), Some("typed"));
    through(breaker().boxed(), "boxed");
    assert_eq!(said().as_deref(), Some("boxed"));
    through(breaker().classify_with(ErrorsAsFailures::in_chain()), "in_chain");
    assert_eq!(said().as_deref(), Some("in_chain"));
    let failing = |result: &Result<(), BoxError>| result.is_err();
    through(breaker().failure_if(failing), "failure_if");
    assert_eq!(said().as_deref(), Some("failure_if"));
    through(breaker().failure_if(|_: &Result<(), BoxError>| false).failure_if(failing), "also");
    assert_eq!(said().as_deref(), Some("also"));
    through(breaker().ignoring::<io::Error>().not_sent::<io::Error>(), "filtered");
    assert_eq!(said().as_deref(), Some("filtered"));
    through(breaker().bypass_if(|(): &()| false), "not bypassed");
    assert_eq!(said().as_deref(), Some("not bypassed"));
    through(breaker().classify_with(hyper::ClientErrors::around(ErrorsAsFailures)), "client");
    assert_eq!(said().as_deref(), Some("client"));
    assert_eq!(circuit.snapshot().totals.failures, 8);
}

#[test]
fn a_failure_with_a_fallback_keeps_it() {
    let circuit = boxed();
    let breaker =
        CircuitBreakerLayer::new(circuit.clone()).fallback_on_failure(|(): (), _| async { Ok(()) });

    through(breaker, "answered in its place");

    assert_eq!(text(&circuit).as_deref(), Some("answered in its place"));
}

#[test]
fn an_error_of_poll_ready_is_one_too() {
    struct NeverReady;

    impl Service<()> for NeverReady {
        type Response = ();
        type Error = BoxError;
        type Future = std::future::Ready<Result<(), BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Err("not ready".into()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            unreachable!("it is never ready")
        }
    }

    let circuit = boxed();
    let service = CircuitBreakerLayer::new(circuit.clone()).layer(NeverReady);
    assert!(service.oneshot(()).now_or_never().unwrap().is_err());

    assert_eq!(text(&circuit).as_deref(), Some("not ready"));
}

/// Fails through a layer for HTTP.
fn through_http<L>(layer: L, said: &'static str)
where
    L: Layer<HttpInner>,
    L::Service: Service<http::Request<()>>,
{
    let answer = layer.layer(HttpInner(said)).oneshot(request(Method::GET)).now_or_never();
    assert!(answer.is_some());
}

struct HttpInner(&'static str);

impl Service<http::Request<()>> for HttpInner {
    type Response = http::Response<Script>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<()>) -> Self::Future {
        std::future::ready(Err(self.0.into()))
    }
}

#[test]
fn each_classifier_of_http_keeps_it() {
    let circuit = boxed();
    let breaker = || layer(circuit.clone());
    let said = || text(&circuit);
    type Result = std::result::Result<http::Response<Script>, BoxError>;

    through_http(breaker(), "layer");
    assert_eq!(said().as_deref(), Some("layer"));
    through_http(breaker().classify_with(ErrorsAsFailures), "errors");
    assert_eq!(said().as_deref(), Some("errors"));
    through_http(breaker().failure_if(|_: &Result| false), "also");
    assert_eq!(said().as_deref(), Some("also"));
    through_http(breaker().classify_with(GrpcErrorsAsFailures::new()), "grpc");
    assert_eq!(said().as_deref(), Some("grpc"));
    through_http(breaker().classify_with(ReadBody::new(|_, _: &[u8]| FAILURE)), "read");
    assert_eq!(said().as_deref(), Some("read"));
    through_http(hyper::layer(circuit.clone()), "hyper");
    assert_eq!(said().as_deref(), Some("hyper"));
    through_http(reqwest::layer(circuit.clone()), "reqwest");
    assert_eq!(said().as_deref(), Some("reqwest"));
    through_http(breaker().classify_with(reqwest::ClientErrors::new()), "client");
    assert_eq!(said().as_deref(), Some("client"));
    let of_tower = TowerHttp::new(SharedClassifier::new(TowerGrpc::new()));
    through_http(breaker().classify_with(of_tower), "tower-http");
    assert_eq!(said().as_deref(), Some("tower-http"));
    let head_alone = CircuitBreakerLayer::new(circuit.clone())
        .classify_with(tower_circuit_breaker::http::ServerErrorsAsFailures::new());
    through_http(head_alone, "head");
    assert_eq!(said().as_deref(), Some("head"));
    assert_eq!(circuit.snapshot().totals.failures, 10);
}
