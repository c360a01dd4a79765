//! The fallback for rejected and for failed calls.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_circuit_breaker::http::layer as http_layer;
use tower_circuit_breaker::keyed::KeyedCircuits;
use tower_circuit_breaker::rejection::FallbackCause;
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitState, FailureKind, Outcome, RejectReason, Rejected,
};

use crate::support::{SECOND, circuit, ready_to_probe};

#[derive(Debug, PartialEq)]
enum Ended {
    Refused,
    NotFound,
}

/// 0 is refused, 404 is not found, and all else is an answer.
async fn shop(number: u32) -> Result<String, Ended> {
    match number {
        0 => Err(Ended::Refused),
        404 => Err(Ended::NotFound),
        number => Ok(format!("article {number}")),
    }
}

async fn last_known(number: u32, cause: FallbackCause<String, Ended>) -> Result<String, Ended> {
    match cause {
        FallbackCause::Rejected(rejected) => Ok(format!("{number}: {:?}", rejected.reason())),
        FallbackCause::Failed(result) => Ok(format!("{number}: {result:?}")),
    }
}

#[tokio::test]
async fn it_answers_failed_calls_and_rejected_ones() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(2));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .fallback_on_failure(last_known)
        .layer(service_fn(shop));
    let ask = |number| service.clone().oneshot(number);

    assert_eq!(ask(7).await.unwrap(), "article 7");
    assert_eq!(ask(0).await.unwrap(), "0: Err(Refused)");
    assert_eq!(ask(0).await.unwrap(), "0: Err(Refused)");
    assert_eq!(circuit.state(), CircuitState::Open, "they are recorded as failures");
    assert_eq!(ask(7).await.unwrap(), "7: Open");

    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.rejected), (1, 2, 1));
}

#[tokio::test]
async fn what_is_no_failure_is_passed_on() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .classify_by(|result: &Result<String, Ended>| match result {
            Ok(_) => Outcome::Success,
            Err(Ended::NotFound) => Outcome::Ignored,
            Err(Ended::Refused) => Outcome::TripFor(SECOND),
        })
        .fallback_on_failure(last_known)
        .layer(service_fn(shop));

    assert_eq!(service.clone().oneshot(404).await, Err(Ended::NotFound));
    assert_eq!(service.clone().oneshot(0).await.unwrap(), "0: Err(Refused)", "a pause is one");
    assert_eq!(circuit.snapshot().retry_after, Some(SECOND));
}

#[tokio::test]
async fn a_response_that_is_a_failure_is_answered_too() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(9));
    let service = http_layer(circuit.clone())
        .fallback_on_failure(|request: Request<()>, cause| async move {
            let FallbackCause::Failed(Ok(response)) = cause else { panic!("it was answered") };
            let status = Response::<String>::status(&response);
            Ok::<_, BoxError>(Response::new(format!("{} {status}", request.uri())))
        })
        .layer(service_fn(|_: Request<()>| async {
            let status = StatusCode::BAD_GATEWAY;
            Ok::<_, BoxError>(Response::builder().status(status).body("no".to_owned())?)
        }));

    let response = service.oneshot(Request::get("/roses").body(()).unwrap()).await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "/roses 502 Bad Gateway");
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.successes), (1, 0), "its own answer counts nothing");
}

#[tokio::test]
async fn what_it_ends_with_itself_is_passed_on_and_counts_nothing() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(9));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .fallback_on_failure(|_: u32, _: FallbackCause<String, Ended>| ready(Err(Ended::NotFound)))
        .layer(service_fn(shop));

    assert_eq!(service.oneshot(0).await, Err(Ended::NotFound));
    assert_eq!(circuit.snapshot().totals.failures, 1);
}

#[tokio::test]
async fn a_failed_probe_is_judged_before_it_is_answered() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .fallback_on_failure(|_: u32, _: FallbackCause<String, Ended>| pending())
        .layer(service_fn(shop));

    let mut call = Box::pin(service.oneshot(0));
    assert!(call.as_mut().now_or_never().is_none(), "the fallback takes its time");

    assert_eq!(circuit.state(), CircuitState::Open, "the probe has failed, and holds no slot");
    drop(call);
    assert_eq!(circuit.snapshot().totals.abandoned, 0);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_fallback_that_panics_loses_nothing() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(9));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .fallback_on_failure(
            |_: u32, _: FallbackCause<String, Ended>| -> futures_util::future::Ready<_> {
                std::panic::panic_any("the fallback")
            },
        )
        .layer(service_fn(shop));

    let call = std::panic::AssertUnwindSafe(|| service.oneshot(0).now_or_never());
    assert!(std::panic::catch_unwind(call).is_err());

    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.abandoned), (1, 0));
}

#[tokio::test]
async fn requests_of_rejected_calls_are_not_cloned() {
    static CLONES: AtomicUsize = AtomicUsize::new(0);
    struct Counts;
    impl Clone for Counts {
        fn clone(&self) -> Self {
            CLONES.fetch_add(1, Ordering::SeqCst);
            Self
        }
    }
    let (circuit, _) = circuit(|b| b);
    let service = CircuitBreakerLayer::new(circuit.clone())
        .fallback_on_failure(|_: Counts, _| async { Ok::<(), Rejected>(()) })
        .layer(service_fn(|_: Counts| async { Ok(()) }));

    service.clone().oneshot(Counts).await.unwrap();
    assert_eq!(CLONES.load(Ordering::SeqCst), 1);
    circuit.force_open();
    service.oneshot(Counts).await.unwrap();
    assert_eq!(CLONES.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn it_answers_calls_of_each_key() {
    let circuits = KeyedCircuits::new(|b| b.consecutive_failures(1));
    let layer = CircuitBreakerLayer::new(Circuit::builder("shop").build())
        .fallback_on_failure(last_known)
        .keyed_by(|number: &u32| number.to_string(), circuits);
    let service = layer.layer(service_fn(shop));

    assert_eq!(service.clone().oneshot(0).await.unwrap(), "0: Err(Refused)");
    assert_eq!(service.clone().oneshot(0).await.unwrap(), format!("0: {:?}", RejectReason::Open));
    assert_eq!(service.oneshot(7).await.unwrap(), "article 7");
}

#[tokio::test]
async fn a_kind_of_failure_is_kept() {
    const REFUSED: FailureKind = FailureKind::new("refused");
    let (circuit, _) = circuit(|b| b.consecutive_failures(9));
    let service = CircuitBreakerLayer::new(circuit.clone())
        .classify_by(|_: &Result<String, Ended>| Outcome::Failure(REFUSED))
        .fallback_on_failure(last_known)
        .layer(service_fn(shop));

    assert_eq!(service.oneshot(7).await.unwrap(), "7: Ok(\"article 7\")");
    assert_eq!(circuit.snapshot().last_failure.map(|last| last.kind), Some(REFUSED));
}
