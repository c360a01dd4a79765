//! Who else has a word in the verdict: classifiers, circuits further in, fallbacks, the head.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use http::{Method, Request, Response};
use http_body::Body;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::completion::{Complete, CompleteCall};
use tower_circuit_breaker::http::{
    BODY, ServerErrorsAsFailures, StatusInRangeAsFailures, TowerHttp, grpc_layer, grpc_unavailable,
    layer, service_unavailable,
};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitState, ErrorsAsFailures, Outcome, Rejected, Typed, hyper,
    reqwest,
};
use tower_http::classify::SharedClassifier;

use crate::half_open::probing;
use crate::script::{
    FAILURE, IGNORED, NOTHING, SUCCESS, Script, Step, call_by, counted, read, request, response,
    totals,
};
use crate::support::{Inner, SECOND, calls, circuit, rejection};

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

/// Row 13 of the counter-examples, with responses.
#[test]
fn a_half_open_circuit_learns_nothing_from_responses_of_one_further_in() {
    fn holds<C, M, L>(
        name: &str,
        layer: impl FnOnce(Circuit) -> CircuitBreakerLayer<C, Typed, M>,
        respond: fn(Rejected) -> Response<Script>,
    ) where
        M: Complete<C, Request<()>, Response<Script>, Infallible> + Clone,
        M::Call: CompleteCall<C, Response<Script>, Infallible, Response = Response<L>>,
    {
        let ((outer, _), (inner, _)) = (probing(|b| b), circuit(|b| b));
        inner.trip();
        let upstream = Inner::new(|_: Request<()>| async { unreachable!("the circuit is open") });
        let reached = upstream.counter();
        let inner = CircuitBreakerLayer::new(inner).respond_with(respond).layer(upstream);
        let service = layer(outer.clone()).layer(inner);

        for _ in 0..100 {
            let answer = service.clone().oneshot(request(Method::GET)).now_or_never().unwrap();
            assert!(answer.unwrap().extensions().get::<Rejected>().is_some(), "{name}");
        }

        assert_eq!((outer.state(), calls(&reached)), (CircuitState::HalfOpen, 0), "{name}");
        assert_eq!((counted(&outer), totals(&outer).not_sent), (NOTHING, 100), "{name}");
    }
    fn plain(circuit: Circuit) -> CircuitBreakerLayer {
        CircuitBreakerLayer::new(circuit)
    }
    let fails = |_: &Result<Response<Script>, Infallible>| true;
    let says = |_: &Result<Response<Script>, Infallible>| Outcome::Success;
    let tower_http = SharedClassifier::new(::tower_http::classify::ServerErrorsAsFailures::new());

    holds("http::layer", layer, service_unavailable);
    holds("http::grpc_layer", grpc_layer, grpc_unavailable);
    holds("hyper::layer", hyper::layer, service_unavailable);
    holds("reqwest::layer", reqwest::layer, service_unavailable);
    holds("by default", |c| plain(c).judge_body(), service_unavailable);
    holds("a predicate", |c| layer(c).failure_if(fails), service_unavailable);
    holds("a closure", |c| layer(c).classify_with(says), service_unavailable);
    holds(
        "tower-http",
        |c| layer(c).classify_with(TowerHttp::new(tower_http)),
        service_unavailable,
    );
    let named = |c| layer(c).ignoring::<std::fmt::Error>();
    holds("what is named", named, service_unavailable);
    let by_status = ServerErrorsAsFailures::new();
    holds("at the head", |c| plain(c).classify_with(by_status), service_unavailable);
    let range = StatusInRangeAsFailures::new(400..=599);
    holds("a range", |c| plain(c).classify_with(range), service_unavailable);
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

type Answer = Result<Response<Script>, BoxError>;

/// An inner service that always gives the same answer.
#[derive(Clone, Copy)]
struct Always(fn() -> Answer);

impl Service<Request<()>> for Always {
    type Response = Response<Script>;
    type Error = BoxError;
    type Future = std::future::Ready<Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        std::future::ready(self.0())
    }
}

/// What one call is counted as.
fn counted_by<S, B>(
    service: impl FnOnce(CircuitBreakerLayer, Always) -> S,
    answer: fn() -> Answer,
) -> [u64; 4]
where
    S: Service<Request<()>, Response = Response<B>>,
    B: Body + Unpin,
{
    let (circuit, _) = circuit(|b| b);
    let service = service(CircuitBreakerLayer::new(circuit.clone()), Always(answer));
    if let Ok(response) = service.oneshot(request(Method::GET)).now_or_never().unwrap() {
        read(&mut response.into_body());
    }
    counted(&circuit)
}

#[test]
fn every_classifier_of_the_crate_can_judge_the_head() {
    let fails = |result: &Answer| matches!(result, Ok(response) if response.status() == 404);
    let not_found = || Ok(response(404, Script::default()));
    let broken = || Ok(response(200, Script::new([Step::Break])));
    let well = || Ok(response(200, Script::default()));

    let by_default = |l: CircuitBreakerLayer, inner| l.judge_body().layer(inner);
    assert_eq!(counted_by(by_default, not_found), SUCCESS);
    assert_eq!(counted_by(by_default, broken), FAILURE);
    let in_chain = |l: CircuitBreakerLayer, inner| {
        l.classify_with(ErrorsAsFailures::in_chain()).judge_body().layer(inner)
    };
    assert_eq!(counted_by(in_chain, not_found), SUCCESS);
    assert_eq!(counted_by(in_chain, broken), FAILURE);
    let by_predicate =
        |l: CircuitBreakerLayer, inner| l.failure_if(fails).judge_body().layer(inner);
    assert_eq!(counted_by(by_predicate, not_found), FAILURE);
    assert_eq!(counted_by(by_predicate, broken), FAILURE);
    assert_eq!(counted_by(by_predicate, well), SUCCESS);
    let timed_out = || Err(Box::new(tower::timeout::error::Elapsed::new()) as BoxError);
    let ignoring = |l: CircuitBreakerLayer, inner| {
        l.ignoring::<tower::timeout::error::Elapsed>().judge_body().layer(inner)
    };
    assert_eq!(counted_by(ignoring, timed_out), IGNORED);
    assert_eq!(counted_by(ignoring, broken), FAILURE);
    assert_eq!(counted_by(ignoring, || Err("reset".into())), FAILURE);
}

#[test]
fn what_is_named_holds_around_bodies_in_whichever_order() {
    type Shed = tower::load_shed::error::Overloaded;
    fn fails(result: &Answer) -> bool {
        result.is_err()
    }
    macro_rules! hold {
        ($(.$setter:ident $(::<$named:ty>)? ($($value:expr),*))*) => {{
            let service = |layer: CircuitBreakerLayer, inner| {
                layer$(.$setter$(::<$named>)?($($value),*))*.layer(inner)
            };
            let order = stringify!($(.$setter$(::<$named>)?)*);
            let broken = || Ok(response(200, Script::new([Step::Break])));
            assert_eq!(counted_by(service, || Err(Shed::new().into())), IGNORED, "{order}");
            assert_eq!(counted_by(service, || Err("reset".into())), FAILURE, "{order}");
            assert_eq!(counted_by(service, broken), FAILURE, "{order}");
        }};
    }

    hold!(.ignoring::<Shed>().failure_if(fails).judge_body());
    hold!(.ignoring::<Shed>().judge_body().failure_if(fails));
    hold!(.failure_if(fails).judge_body().ignoring::<Shed>());
    hold!(.judge_body().ignoring::<Shed>().classify_with(ServerErrorsAsFailures::new()));
    hold!(.not_sent::<std::fmt::Error>().ignoring::<Shed>().failure_if(fails).judge_body());
    let late = Outcome::Failure(BODY);
    hold!(.judge_body().ignoring::<Shed>().body_deadline(SECOND, late));
    hold!(.ignoring::<Shed>().judge_body().body_deadline(SECOND, late).failure_if(fails));
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
        .classify_with(ServerErrorsAsFailures::new())
        .layer(service_fn(|status: u16| async move {
            Ok::<_, Infallible>(response(status, Script::new([Step::Break])))
        }));

    for (status, expected) in [(200, SUCCESS), (500, [1, 1, 0, 0])] {
        let response = service.clone().oneshot(status).now_or_never().unwrap().unwrap();
        assert_eq!(counted(&circuit), expected);
        drop(response);
    }
}
