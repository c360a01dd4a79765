//! The traps of the guide (`guide::traps`): what goes wrong with a layer on the wrong side of the
//! breaker, and that it goes right on the other.

mod answers;
mod uploads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::hedge::{self, Hedge};
use tower::limit::{GlobalConcurrencyLimitLayer, RateLimitLayer};
use tower::load::{CompleteOnResponse, PendingRequests};
use tower::retry::{Policy, RetryLayer};
use tower::timeout::TimeoutLayer;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::completion::AtResult;
use tower_circuit_breaker::http::{ServerErrorsAsFailures, layer as http_layer};
use tower_circuit_breaker::rejection::Boxed;
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitState, ErrorsAsFailures, OnOpen, OnOpenChosen,
    RejectReason, Rejected, RetryUnlessRejected, TokioClock,
};

use crate::script::{Script, Step, read, response};
use crate::support::{Inner, SECOND, calls};

/// A circuit on the clock of the runtime.
fn circuit_of(failures: u32) -> Circuit {
    Circuit::builder("api").consecutive_failures(failures).clock(TokioClock::new()).build()
}

type Breaker = CircuitBreakerLayer<ErrorsAsFailures, Boxed>;
type Waiting = CircuitBreakerLayer<ErrorsAsFailures, Boxed, AtResult, OnOpenChosen>;

fn breaker(circuit: &Circuit) -> Breaker {
    CircuitBreakerLayer::new(circuit.clone()).boxed()
}

type Answer = Result<u32, BoxError>;

/// An upstream that takes calls and never answers.
async fn hangs(_: u32) -> Answer {
    std::future::pending().await
}

async fn refuses(_: u32) -> Answer {
    Err("refused".into())
}

/// Calls once more than there are tries.
async fn ask_often<S>(service: &S, times: u32) -> Vec<Answer>
where
    S: Service<u32, Response = u32, Error = BoxError> + Clone,
{
    let mut answers = Vec::new();
    for number in 0..times {
        answers.push(service.clone().oneshot(number).await);
    }
    answers
}

fn rejections(answers: &[Answer]) -> usize {
    let errors = answers.iter().filter_map(|answer| answer.as_ref().err());
    errors.filter(|error| Rejected::find(&***error).is_some()).count()
}

#[tokio::test(start_paused = true)]
async fn timeout_outside_a_hung_upstream_never_counts_and_inside_it_does() {
    let (outside, inside) = (circuit_of(3), circuit_of(3));
    let timeout = TimeoutLayer::new(5 * SECOND);

    let answers = ask_often(&timeout.layer(breaker(&outside).layer(service_fn(hangs))), 10).await;
    assert_eq!(rejections(&answers), 0);
    assert_eq!(outside.snapshot().totals.abandoned, 10);

    let answers = ask_often(&breaker(&inside).layer(timeout.layer(service_fn(hangs))), 10).await;
    assert_eq!(rejections(&answers), 7);
}

#[tokio::test(start_paused = true)]
async fn timeout_outside_counts_where_late_drops_are_failures() {
    let circuit = Circuit::builder("api")
        .consecutive_failures(3)
        .abandoned_after(4 * SECOND)
        .clock(TokioClock::new())
        .build();
    let timeout = TimeoutLayer::new(5 * SECOND);

    let answers = ask_often(&timeout.layer(breaker(&circuit).layer(service_fn(hangs))), 10).await;

    assert_eq!(rejections(&answers), 7);
}

/// Tries each request a second time.
#[derive(Clone)]
struct Twice;

impl hedge::Policy<u32> for Twice {
    fn clone_request(&self, request: &u32) -> Option<u32> {
        Some(*request)
    }

    fn can_retry(&self, _: &u32) -> bool {
        true
    }
}

/// Sends the second try after 10 ms.
fn hedged<S>(service: S) -> Hedge<S, Twice>
where
    S: Service<u32, Error = BoxError> + Clone,
{
    Hedge::new_with_mock_latencies(service, Twice, 1, 0.9, 60 * SECOND, &[10; 10])
}

async fn takes_a_second(number: u32) -> Answer {
    tokio::time::sleep(SECOND).await;
    Ok(number)
}

async fn ready_to_probe(circuit: &Circuit) {
    circuit.trip_for(SECOND);
    tokio::time::advance(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn hedge_outside_the_second_try_of_a_probe_is_rejected_and_wins() {
    let circuit = circuit_of(1);
    ready_to_probe(&circuit).await;

    let outside = hedged(breaker(&circuit).layer(service_fn(takes_a_second)));
    let error = outside.oneshot(1).await.unwrap_err();

    assert_eq!(Rejected::find(&*error).unwrap().reason(), RejectReason::ProbesBusy);
    assert_eq!(circuit.state(), CircuitState::HalfOpen, "the good probe was dropped");
    assert_eq!(circuit.snapshot().totals.abandoned, 1);
}

#[tokio::test(start_paused = true)]
async fn hedge_inside_both_tries_are_one_call() {
    let circuit = circuit_of(1);
    ready_to_probe(&circuit).await;

    let inside = breaker(&circuit).layer(hedged(service_fn(takes_a_second)));
    let answer = inside.oneshot(1).await;

    assert_eq!(answer.unwrap(), 1);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

/// Three tries in all.
#[derive(Clone)]
struct ThreeTries(u32);

impl Policy<u32, u32, BoxError> for ThreeTries {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut u32, result: &mut Answer) -> Option<Self::Future> {
        self.0 += 1;
        (result.is_err() && self.0 < 3).then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &u32) -> Option<u32> {
        Some(*request)
    }
}

#[tokio::test]
async fn retries_inside_an_upstream_gets_three_times_the_failures_before_the_trip() {
    let retry = RetryLayer::new(ThreeTries(0));
    let inner = Inner::new(refuses);
    let (circuit, reached) = (circuit_of(3), inner.counter());
    ask_often(&breaker(&circuit).layer(retry.layer(inner)), 5).await;
    assert_eq!(calls(&reached), 9);

    let retry = RetryLayer::new(RetryUnlessRejected::new(ThreeTries(0)));
    let inner = Inner::new(refuses);
    let (circuit, reached) = (circuit_of(3), inner.counter());
    ask_often(&retry.layer(breaker(&circuit).layer(inner)), 5).await;
    assert_eq!(calls(&reached), 3);
}

#[tokio::test]
async fn retries_outside_that_do_not_know_rejections_spend_all_tries_on_them() {
    let tries = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&tries);
    let circuit = circuit_of(1);
    circuit.trip();
    let counted = |breaker| {
        let counter = Arc::clone(&counter);
        tower::util::MapRequest::new(breaker, move |request: u32| {
            counter.fetch_add(1, Ordering::SeqCst);
            request
        })
    };
    let stack = || counted(breaker(&circuit).layer(service_fn(refuses)));

    let blind = RetryLayer::new(ThreeTries(0)).layer(stack()).oneshot(1).await;
    assert!(blind.is_err());
    assert_eq!(tries.swap(0, Ordering::SeqCst), 3);

    let heeding =
        RetryLayer::new(RetryUnlessRejected::new(ThreeTries(0))).layer(stack()).oneshot(1);
    assert!(heeding.await.is_err());
    assert_eq!(tries.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn rate_limit_outside_rejected_calls_use_it_up_and_inside_they_do_not() {
    let limit = RateLimitLayer::new(2, 60 * SECOND);
    let waits = |service| async {
        let mut service: tower::util::BoxService<u32, u32, BoxError> = service;
        let started = tokio::time::Instant::now();
        for number in 0..3 {
            let _ = service.ready().await.unwrap().call(number).await;
        }
        started.elapsed()
    };
    let circuit = circuit_of(1);
    circuit.force_open();

    let outside = limit.layer(breaker(&circuit).layer(service_fn(refuses))).boxed();
    assert!(waits(outside).await >= 60 * SECOND);
    let inside = breaker(&circuit).layer(limit.layer(service_fn(refuses))).boxed();
    assert_eq!(waits(inside).await, Duration::ZERO);
}

fn waiting(circuit: &Circuit) -> Waiting {
    breaker(circuit).on_open(OnOpen::Wait)
}

/// Twenty calls at once through a balancer over an endpoint that is open and one that is well.
async fn balanced<O: 'static>(
    layered: fn(&Circuit) -> CircuitBreakerLayer<ErrorsAsFailures, Boxed, AtResult, O>,
) -> Vec<Answer> {
    let (open, well) = (circuit_of(1), circuit_of(1));
    open.trip_for(60 * SECOND);
    let endpoints = [open, well].map(|circuit| {
        let service = layered(&circuit).layer(service_fn(takes_a_second));
        PendingRequests::new(service, CompleteOnResponse::default())
    });
    let mut balancer = Balance::new(ServiceList::new(endpoints));
    let mut answers = Vec::new();
    for number in 0..20 {
        answers.push(tokio::spawn(balancer.ready().await.unwrap().call(number)));
        tokio::task::yield_now().await;
    }
    let answers = futures_util::future::join_all(answers).await;
    answers.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(start_paused = true)]
async fn rejecting_inside_a_balancer_the_endpoint_that_is_down_draws_the_most_calls() {
    let answers = balanced(breaker).await;
    assert!(rejections(&answers) > 10, "{} of 20", rejections(&answers));

    let answers = balanced(waiting).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn shared_limit_outside_a_breaker_that_waits_keeps_the_place_of_others() {
    let limit = GlobalConcurrencyLimitLayer::new(1);
    let (open, well) = (circuit_of(1), circuit_of(1));
    open.trip_for(60 * SECOND);
    let inner = || service_fn(takes_a_second);

    let mut other = limit.layer(waiting(&well).layer(inner()));
    let mut outside = limit.layer(waiting(&open).layer(inner()));
    assert!(outside.ready().now_or_never().is_none());
    assert!(other.ready().now_or_never().is_none(), "starved");
    drop(outside);

    let mut inside = waiting(&open).layer(limit.layer(inner()));
    assert!(inside.ready().now_or_never().is_none());
    assert!(other.ready().now_or_never().is_some());
    drop(other);

    let rejecting = limit.layer(breaker(&open).layer(inner()));
    assert_eq!(rejections(&ask_often(&rejecting, 2).await), 2);
}

#[tokio::test(start_paused = true)]
async fn timeout_around_a_breaker_that_waits_does_not_end_the_waiting() {
    let circuit = circuit_of(1);
    circuit.trip_for(60 * SECOND);
    let timeout = TimeoutLayer::new(5 * SECOND);
    let inner = || service_fn(takes_a_second);
    let started = tokio::time::Instant::now();

    let answer = timeout.layer(breaker(&circuit).layer(inner())).oneshot(1).await;
    assert!(answer.is_err() && started.elapsed().is_zero());
    let answer = timeout.layer(waiting(&circuit).layer(inner())).oneshot(1).await;
    assert!(answer.is_ok() && started.elapsed() >= 60 * SECOND);

    circuit.trip_for(60 * SECOND);
    let both = timeout.layer(waiting(&circuit).layer(inner())).oneshot(1);
    assert!(tokio::time::timeout(5 * SECOND, both).await.is_err());
}

#[test]
fn verdict_at_the_head_a_body_that_breaks_is_a_success() {
    let by_head = circuit_without_runtime();
    let by_body = circuit_without_runtime();
    let classify = ServerErrorsAsFailures::new;
    let inner = || {
        service_fn(|_: http::Request<()>| async {
            Ok::<_, BoxError>(response(200, Script::new([Step::Data("half"), Step::Break])))
        })
    };
    let head = CircuitBreakerLayer::new(by_head.clone()).classify_with(classify()).layer(inner());
    let body = http_layer(by_body.clone()).layer(inner());
    for _ in 0..3 {
        let answer = head.clone().oneshot(http::Request::new(())).now_or_never().unwrap();
        read(&mut answer.unwrap().into_body());
        let answer = body.clone().oneshot(http::Request::new(())).now_or_never().unwrap();
        read(&mut answer.unwrap().into_body());
    }

    assert_eq!(by_head.state(), CircuitState::Closed);
    assert_eq!(by_body.state(), CircuitState::Open);
}

#[test]
fn one_circuit_for_several_upstreams_hides_one_or_takes_all_down() {
    let rate = |share| Circuit::builder("all").failure_rate(share).minimum_calls(20).build();
    let (mild, strict, own) = (rate(0.5), rate(0.2), rate(0.5));
    for upstream in (0..4).cycle().take(100) {
        for circuit in [&mild, &strict] {
            // One of four upstreams fails every call.
            let _ = circuit.run(|| if upstream == 0 { Err("down") } else { Ok(()) });
        }
        if upstream == 0 {
            let _ = own.run(|| Err::<(), _>("down"));
        }
    }

    assert_eq!(mild.state(), CircuitState::Closed, "one that is down is not seen");
    assert_eq!(strict.state(), CircuitState::Open, "three that are well are rejected, too");
    assert_eq!(own.state(), CircuitState::Open);
}

fn circuit_without_runtime() -> Circuit {
    Circuit::builder("api").consecutive_failures(3).build()
}
