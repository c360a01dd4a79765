//! What `failure_if` adds to, and where it decides alone.

use std::convert::Infallible;

use futures_util::FutureExt;
use http::{Request, Response};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::http::{
    GrpcErrorsAsFailures, ServerErrorsAsFailures, StatusInRangeAsFailures, grpc_layer, layer,
};
use tower_circuit_breaker::{
    CircuitBreakerLayer, ErrorsAsFailures, FailureKind, Outcome, Totals, hyper, reqwest,
};

use crate::support::circuit;

type Answer = Result<Response<String>, BoxError>;

/// Successes, failures, ignored and not sent calls.
fn counted(totals: &Totals) -> [u64; 4] {
    [totals.successes, totals.failures, totals.ignored, totals.not_sent]
}

const SUCCESS: [u64; 4] = [1, 0, 0, 0];
const FAILURE: [u64; 4] = [0, 1, 0, 0];
const IGNORED: [u64; 4] = [0, 0, 1, 0];

/// What one answer counts as, once its body has been dropped.
fn counts<L>(make: impl FnOnce(CircuitBreakerLayer) -> L, answer: fn() -> Answer) -> [u64; 4]
where
    L: Layer<Inner>,
    L::Service: Service<Request<()>>,
{
    let (circuit, _) = circuit(|b| b.consecutive_failures(100));
    let service = make(CircuitBreakerLayer::new(circuit.clone())).layer(Inner(answer));
    drop(service.oneshot(Request::new(())).now_or_never().expect("it is there at once"));
    counted(&circuit.snapshot().totals)
}

/// A service that always gives the same answer.
#[derive(Clone, Copy)]
struct Inner(fn() -> Answer);

impl Service<Request<()>> for Inner {
    type Response = Response<String>;
    type Error = BoxError;
    type Future = std::future::Ready<Answer>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), BoxError>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        std::future::ready((self.0)())
    }
}

fn status(status: u16) -> Answer {
    Ok(Response::builder().status(status).body("a body".to_owned())?)
}

fn is_429(answer: &Answer) -> bool {
    answer.as_ref().is_ok_and(|response| response.status() == 429)
}

fn is_404(answer: &Answer) -> bool {
    answer.as_ref().is_ok_and(|response| response.status() == 404)
}

#[test]
fn a_predicate_adds_to_the_classifier_of_an_http_layer() {
    macro_rules! adds {
        ($($layered:expr),* $(,)?) => {$({
            let name = stringify!($layered);
            assert_eq!(counts($layered, || status(200)), SUCCESS, "{name}");
            assert_eq!(counts($layered, || status(503)), FAILURE, "{name}");
            assert_eq!(counts($layered, || status(429)), FAILURE, "{name}");
            assert_eq!(counts($layered, || Err("broken pipe".into())), FAILURE, "{name}");
        })*};
    }

    adds! {
        |l| layer(l.circuit().clone()).failure_if(is_429),
        |l| layer(l.circuit().clone()).boxed().failure_if(is_429),
        |l| layer(l.circuit().clone()).failure_if(is_404).failure_if(is_429),
        |l| layer(l.circuit().clone()).failure_if(is_429).failure_if(is_404),
        |l| layer(l.circuit().clone()).failure_if(is_429).ignoring::<std::fmt::Error>(),
        |l| hyper::layer(l.circuit().clone()).failure_if(is_429),
        |l| reqwest::layer(l.circuit().clone()).failure_if(is_429),
        |l| l.classify_with(ServerErrorsAsFailures::new()).failure_if(is_429),
        |l| l.classify_with(ServerErrorsAsFailures::new()).failure_if(is_429).judge_body(),
        |l| l.classify_with(StatusInRangeAsFailures::new(500..=599)).failure_if(is_429),
        |l| l.classify_with(hyper::ClientErrors::new()).failure_if(is_429),
    }
}

#[test]
fn a_predicate_adds_to_the_classifier_of_grpc() {
    fn is_slow_down(answer: &Answer) -> bool {
        answer.as_ref().is_ok_and(|response| response.headers().contains_key("slow-down"))
    }
    let ok = || {
        let head = Response::builder().header("grpc-status", "0").header("slow-down", "1");
        Ok(head.body(String::new())?)
    };
    let unavailable = || Ok(Response::builder().header("grpc-status", "14").body(String::new())?);

    assert_eq!(counts(|l| grpc_layer(l.circuit().clone()), ok), SUCCESS);
    let with = |l: CircuitBreakerLayer| grpc_layer(l.circuit().clone()).failure_if(is_slow_down);
    assert_eq!(counts(with, ok), FAILURE);
    assert_eq!(counts(with, unavailable), FAILURE);
    let _ = GrpcErrorsAsFailures::new();
}

#[test]
fn what_is_ignored_is_ignored_whatever_a_predicate_says() {
    let ignoring = |l: CircuitBreakerLayer| {
        layer(l.circuit().clone()).ignoring_status(404..=404).failure_if(is_404)
    };

    assert_eq!(counts(ignoring, || status(404)), IGNORED);
    assert_eq!(counts(ignoring, || status(503)), FAILURE);
}

#[test]
fn a_predicate_alone_decides_where_no_classifier_was_chosen() {
    let alone = |l: CircuitBreakerLayer| l.failure_if(is_429);

    assert_eq!(counts(alone, || status(429)), FAILURE);
    assert_eq!(counts(alone, || status(503)), SUCCESS);
    assert_eq!(counts(alone, || Err("broken pipe".into())), SUCCESS);
}

#[test]
fn predicates_add_up() {
    let both = |l: CircuitBreakerLayer| l.failure_if(is_429).failure_if(is_404);

    assert_eq!(counts(both, || status(429)), FAILURE);
    assert_eq!(counts(both, || status(404)), FAILURE);
    assert_eq!(counts(both, || status(503)), SUCCESS);
}

#[test]
fn a_predicate_adds_to_the_errors_of_a_chain() {
    let chain =
        |l: CircuitBreakerLayer| l.classify_with(ErrorsAsFailures::in_chain()).failure_if(is_429);

    assert_eq!(counts(chain, || Err("broken pipe".into())), FAILURE);
    assert_eq!(counts(chain, || status(429)), FAILURE);
    assert_eq!(counts(chain, || status(503)), SUCCESS);
}

#[test]
fn a_classifier_that_comes_later_replaces_predicates() {
    let says = |_: &Answer| Outcome::Success;
    let later = |l: CircuitBreakerLayer| l.failure_if(is_429).classify_by(says);

    assert_eq!(counts(later, || status(429)), SUCCESS);
}

#[test]
fn a_failure_by_a_predicate_is_of_no_kind() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(100));
    let by_status = layer(circuit.clone())
        .failure_if(|result: &Result<Response<String>, Infallible>| {
            result.as_ref().is_ok_and(|response| response.status() == 429)
        })
        .layer(service_fn(|_: Request<()>| async {
            Ok(Response::builder().status(429).body(String::new()).unwrap())
        }));

    drop(by_status.oneshot(Request::new(())).now_or_never().unwrap());

    let kinds: Vec<_> = circuit.snapshot().failures_by_kind.iter().map(|kind| kind.0).collect();
    assert_eq!(kinds, [FailureKind::OTHER]);
}
