//! Rules 11 and 25: what is looked for by type is found in errors of every type that can be looked
//! through.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::num::ParseIntError;
use std::task::{Context, Poll};

use tower::{Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::completion::{Complete, CompleteCall};
use tower_circuit_breaker::{
    BoxError, CircuitBreaker, CircuitBreakerLayer, CircuitState, Error, ErrorChain,
    ErrorsAsFailures, FindRejected, InErrorChain, Outcome, RejectReason, Rejected, Totals, Typed,
};

use crate::error_types::{ByDefault, Check, Foreign, Found, Own, Shed, for_each_type};
use crate::half_open::probing;
use crate::service::poll_now;
use crate::support::{FAILURE, Inner, calls, circuit, rejection};

/// What a call that ends with `error` counts as.
fn counted<C, M, E>(layer: CircuitBreakerLayer<C, Typed, M>, error: E) -> Totals
where
    M: Complete<C, (), (), E> + Clone,
    M::Call: CompleteCall<C, (), E, Response = ()>,
{
    let circuit = layer.circuit().clone();
    let mut error = Some(error);
    let inner = service_fn(move |()| ready(Err(error.take().unwrap())));
    assert!(poll_now(layer.layer(inner).oneshot(())).is_err());
    circuit.snapshot().totals
}

fn layer() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(circuit(|b| b.consecutive_failures(1)).0)
}

fn rejected() -> BoxError {
    let (nested, _) = circuit(|b| b);
    nested.trip();
    rejection(&nested).into()
}

fn shed() -> BoxError {
    Shed.into()
}

fn one_failure(totals: &Totals) -> bool {
    (totals.failures, totals.ignored, totals.not_sent) == (1, 0, 0)
}

fn one_ignored(totals: &Totals) -> bool {
    (totals.failures, totals.ignored, totals.not_sent) == (0, 1, 0)
}

fn one_not_sent(totals: &Totals) -> bool {
    (totals.failures, totals.ignored, totals.not_sent) == (0, 0, 1)
}

#[tokio::test]
async fn named_errors_are_ignored_or_not_sent_in_every_type() {
    struct Named;

    impl Check for Named {
        async fn check<E, Fut>(&self, name: &str, _: ByDefault, wrap: impl Fn(BoxError) -> Fut)
        where
            E: ErrorChain + 'static,
            Fut: Future<Output = E>,
        {
            let ignoring = counted(layer().ignoring::<Shed>(), wrap(shed()).await);
            assert!(one_ignored(&ignoring), "{name}: {ignoring:?}");
            let not_sent = counted(layer().not_sent::<Shed>(), wrap(shed()).await);
            assert!(one_not_sent(&not_sent), "{name}: {not_sent:?}");
            let other = layer().ignoring::<fmt::Error>().not_sent::<ParseIntError>();
            let other = counted(other, wrap(shed()).await);
            assert!(one_failure(&other), "{name}: {other:?}");
        }
    }

    for_each_type(Named).await;
}

#[tokio::test]
async fn rejections_are_not_sent_in_every_type() {
    struct Rejections;

    impl Check for Rejections {
        async fn check<E, Fut>(&self, name: &str, known: ByDefault, wrap: impl Fn(BoxError) -> Fut)
        where
            E: ErrorChain + 'static,
            Fut: Future<Output = E>,
        {
            let by_default = counted(layer(), wrap(rejected()).await);
            assert_eq!(one_not_sent(&by_default), known == Found, "{name}: {by_default:?}");
            let fails = |result: &Result<(), E>| result.is_err();
            let predicate = counted(layer().failure_if(fails), wrap(rejected()).await);
            assert_eq!(one_not_sent(&predicate), known == Found, "{name}: {predicate:?}");

            let in_chain = layer().classify_with(ErrorsAsFailures::in_chain());
            let in_chain = counted(in_chain, wrap(rejected()).await);
            assert!(one_not_sent(&in_chain), "{name}: {in_chain:?}");
            let named = layer().failure_if(fails).not_sent::<Rejected>();
            let named = counted(named, wrap(rejected()).await);
            assert!(one_not_sent(&named), "{name}: {named:?}");
            let ignoring = layer().failure_if(fails).ignoring::<Shed>();
            let ignoring = counted(ignoring, wrap(rejected()).await);
            assert!(one_not_sent(&ignoring), "{name}: {ignoring:?}");
        }
    }

    for_each_type(Rejections).await;
}

#[tokio::test]
async fn the_retry_policy_finds_rejections_in_every_type() {
    struct Retried;

    impl Check for Retried {
        async fn check<E, Fut>(&self, name: &str, _: ByDefault, wrap: impl Fn(BoxError) -> Fut)
        where
            E: ErrorChain + 'static,
            Fut: Future<Output = E>,
        {
            let found = InErrorChain.find(&wrap(rejected()).await).map(Rejected::reason);
            assert_eq!(found, Some(RejectReason::Open), "{name}");
            assert_eq!(InErrorChain.find(&wrap(shed()).await), None, "{name}");
        }
    }

    for_each_type(Retried).await;
}

/// Row 13 of the counter-examples: sixteen rejections closed the outer circuit.
#[tokio::test]
async fn a_half_open_circuit_learns_nothing_from_one_further_in_whatever_the_type() {
    struct HalfOpen;

    impl Check for HalfOpen {
        async fn check<E, Fut>(&self, name: &str, _: ByDefault, wrap: impl Fn(BoxError) -> Fut)
        where
            E: ErrorChain + 'static,
            Fut: Future<Output = E>,
        {
            let (outer, _) = probing(|b| b);
            let (inner, _) = circuit(|b| b);
            inner.trip();
            for _ in 0..100 {
                let error = match inner.try_acquire() {
                    Ok(_) => unreachable!("the inner circuit is open"),
                    Err(rejected) => wrap(rejected.into()).await,
                };
                let layer = CircuitBreakerLayer::new(outer.clone());
                counted(layer.classify_with(ErrorsAsFailures::in_chain()), error);
            }
            assert_eq!(outer.state(), CircuitState::HalfOpen, "{name}");
            assert_eq!(outer.snapshot().totals.not_sent, 100, "{name}");
        }
    }

    for_each_type(HalfOpen).await;
}

#[test]
fn a_half_open_circuit_learns_nothing_from_a_typed_breaker_further_in() {
    let (outer, _) = probing(|b| b);
    let (inner, _) = circuit(|b| b);
    inner.trip();
    let upstream = Inner::new(|()| ready(Err::<(), _>(Own(shed()))));
    let reached = upstream.counter();
    let inner = CircuitBreaker::new(upstream, inner);
    let service = CircuitBreakerLayer::new(outer.clone()).not_sent::<Rejected>().layer(inner);

    for _ in 0..100 {
        let error = poll_now(service.clone().oneshot(())).unwrap_err();
        assert!(matches!(error, Error::Inner(Error::Rejected(_))), "{error:?}");
    }

    assert_eq!((outer.state(), calls(&reached)), (CircuitState::HalfOpen, 0));
    assert_eq!(outer.snapshot().totals.not_sent, 100);
    assert_eq!(outer.snapshot().totals.rejected, 0, "none of them was its own");
}

#[test]
fn rejections_and_errors_that_cannot_be_are_looked_through() {
    let (nested, _) = circuit(|b| b);
    nested.trip();

    assert!(one_not_sent(&counted(layer(), rejection(&nested))));
    assert!(one_not_sent(&counted(layer().ignoring::<Shed>(), rejection(&nested))));
    let unfailing = service_fn(|()| ready(Ok::<_, Infallible>(())));
    assert!(poll_now(layer().ignoring::<Shed>().layer(unfailing).oneshot(())).is_ok());
}

#[test]
fn errors_that_cannot_be_looked_through_are_failures_by_default() {
    assert!(one_failure(&counted(layer(), "down")));
    assert!(one_failure(&counted(layer(), Foreign(rejected()))), "as the docs say");
}

#[test]
fn somebody_elses_type_can_be_named() {
    let ignoring = || layer().ignoring_in::<Shed, Foreign>();
    assert!(one_ignored(&counted(ignoring(), Foreign(shed()))));
    assert!(one_not_sent(&counted(ignoring(), Foreign(rejected()))));
    assert!(one_failure(&counted(ignoring(), Foreign("down".into()))));
    let not_sent = || layer().not_sent_in::<Shed, Foreign>();
    assert!(one_not_sent(&counted(not_sent(), Foreign(shed()))));
    assert!(one_failure(&counted(not_sent(), Foreign("down".into()))));
    let itself = layer().not_sent_in::<ParseIntError, ParseIntError>();
    assert!(one_not_sent(&counted(itself, "x".parse::<u8>().unwrap_err())));
}

#[test]
fn what_is_named_holds_in_whichever_order() {
    type Counts = fn(CircuitBreakerLayer, BoxError) -> Totals;
    fn fails(_: &Result<(), BoxError>) -> bool {
        true
    }
    fn says(_: &Result<(), BoxError>) -> Outcome {
        FAILURE
    }
    let other = || BoxError::from("down");
    let ignored: [Counts; 4] = [
        |l, e| counted(l.failure_if(fails).ignoring::<Shed>(), e),
        |l, e| counted(l.ignoring::<Shed>().failure_if(fails), e),
        |l, e| counted(l.classify_with(says).ignoring::<Shed>(), e),
        |l, e| counted(l.ignoring::<Shed>().classify_with(says), e),
    ];
    for (number, count) in ignored.into_iter().enumerate() {
        assert!(one_ignored(&count(layer(), shed())), "{number}");
        assert!(one_failure(&count(layer(), other())), "{number}");
    }
    let not_sent: [Counts; 6] = [
        |l, e| counted(l.failure_if(fails).not_sent::<Shed>(), e),
        |l, e| counted(l.not_sent::<Shed>().failure_if(fails), e),
        // What is both is not sent.
        |l, e| counted(l.not_sent::<Shed>().ignoring::<Shed>(), e),
        |l, e| counted(l.ignoring::<Shed>().not_sent::<Shed>(), e),
        |l, e| counted(l.ignoring::<Shed>().failure_if(fails).not_sent::<Shed>(), e),
        |l, e| counted(l.not_sent::<Shed>().ignoring::<fmt::Error>().failure_if(fails), e),
    ];
    for (number, count) in not_sent.into_iter().enumerate() {
        assert!(one_not_sent(&count(layer(), shed())), "{number}");
        assert!(one_failure(&count(layer(), other())), "{number}");
    }
}

#[test]
fn errors_of_poll_ready_are_looked_at_too() {
    struct Busy;

    impl Service<()> for Busy {
        type Response = ();
        type Error = BoxError;
        type Future = Ready<Result<(), BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Err(shed()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            unreachable!("never ready")
        }
    }

    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let layer = CircuitBreakerLayer::new(circuit.clone()).not_sent::<Shed>();

    assert!(poll_now(layer.layer(Busy).oneshot(())).is_err());

    assert!(one_not_sent(&circuit.snapshot().totals));
}
