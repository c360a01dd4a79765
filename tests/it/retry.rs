//! Retries that heed rejections.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tower::retry::{Policy, RetryLayer};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitState, Error, ErrorChain, RejectReason, Rejected,
    RetryUnlessRejected, TokioClock,
};

use crate::support::SECOND;

/// Retries every error, up to so often, and counts how often it was asked about one.
#[derive(Clone)]
struct Again {
    left: usize,
    asked: Arc<AtomicUsize>,
}

impl Again {
    fn times(left: usize) -> (Self, Arc<AtomicUsize>) {
        let asked = Arc::<AtomicUsize>::default();
        (Self { left, asked: Arc::clone(&asked) }, asked)
    }
}

impl<T, E> Policy<(), T, E> for Again {
    type Future = Ready<()>;

    fn retry(&mut self, (): &mut (), result: &mut Result<T, E>) -> Option<Ready<()>> {
        if result.is_ok() {
            return None;
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.left = self.left.checked_sub(1)?;
        Some(ready(()))
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}

/// Fails until so many calls were made; counts them.
fn upstream(
    failures: usize,
) -> (impl Service<(), Response = usize, Error = BoxError, Future: Send> + Clone, Arc<AtomicUsize>)
{
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let service = service_fn(move |()| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        ready(if call < failures { Err("broken".into()) } else { Ok(call) })
    });
    (service, calls)
}

fn circuit() -> Circuit {
    Circuit::builder("api")
        .consecutive_failures(2)
        .open_for(SECOND)
        .clock(TokioClock::new())
        .build()
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_returned_and_the_policy_not_asked() {
    let (policy, asked) = Again::times(5);
    let (inner, calls) = upstream(usize::MAX);
    let circuit = circuit();
    let breaker = CircuitBreakerLayer::new(circuit.clone()).boxed().layer(inner);
    let client = RetryLayer::new(RetryUnlessRejected::new(policy)).layer(breaker);

    let error = client.oneshot(()).await.unwrap_err();

    // Two failures trip the circuit; the attempt after them is rejected.
    assert_eq!(Rejected::find(&*error).unwrap().reason(), RejectReason::Open);
    assert_eq!((calls.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(circuit.snapshot().totals.rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn a_patient_call_is_made_again_when_the_open_time_is_over() {
    let (policy, _) = Again::times(5);
    let (inner, calls) = upstream(2);
    let circuit = circuit();
    let breaker = CircuitBreakerLayer::new(circuit.clone()).boxed().layer(inner);
    let client =
        RetryLayer::new(RetryUnlessRejected::new(policy).max_wait(3 * SECOND)).layer(breaker);
    let start = tokio::time::Instant::now();

    let answer = client.oneshot(()).await.unwrap();

    assert_eq!((answer, calls.load(Ordering::SeqCst)), (2, 3));
    // Tokio's timer has a resolution of a millisecond.
    assert!(start.elapsed() - SECOND <= Duration::from_millis(1), "{:?}", start.elapsed());
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn patience_is_for_one_call_and_all_its_waits_together() {
    let (policy, _) = Again::times(100);
    let (inner, calls) = upstream(usize::MAX);
    let breaker = CircuitBreakerLayer::new(circuit()).boxed().layer(inner);
    let patient = RetryUnlessRejected::new(policy).max_wait(SECOND * 5 / 2);
    let client = RetryLayer::new(patient).layer(breaker);

    for (number, expected) in [(1, 4), (2, 6)] {
        let start = tokio::time::Instant::now();
        let error = client.clone().oneshot(()).await.unwrap_err();

        // Waits for a probe twice; each fails, and the circuit opens again.
        assert!(Rejected::find(&*error).is_some(), "call {number}");
        let waited = start.elapsed();
        assert!((2 * SECOND..SECOND * 5 / 2).contains(&waited), "call {number}: {waited:?}");
        assert_eq!(calls.load(Ordering::SeqCst), expected, "call {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_does_not_say_for_how_long_is_returned_at_once() {
    let (policy, asked) = Again::times(5);
    let (inner, calls) = upstream(0);
    let circuit = circuit();
    circuit.force_open();
    let breaker = CircuitBreakerLayer::new(circuit).boxed().layer(inner);
    let client =
        RetryLayer::new(RetryUnlessRejected::new(policy).max_wait(60 * SECOND)).layer(breaker);

    let error = client.oneshot(()).await.unwrap_err();

    assert_eq!(Rejected::find(&*error).unwrap().reason(), RejectReason::ForcedOpen);
    assert_eq!((calls.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn rejections_are_found_in_typed_errors_that_can_be_looked_through() {
    #[derive(Debug)]
    struct Own;

    impl ErrorChain for Own {
        fn first(&self) -> Option<&(dyn std::error::Error + 'static)> {
            None
        }
    }

    let (policy, asked) = Again::times(5);
    let (inner, _) = upstream(usize::MAX);
    let breaker = CircuitBreakerLayer::new(circuit()).layer(inner.map_err(|_| Own));
    let client = RetryLayer::new(RetryUnlessRejected::new(policy)).layer(breaker);

    let error = client.oneshot(()).await.unwrap_err();

    assert!(error.rejected().is_some(), "{error:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn rejections_are_found_in_typed_errors_when_told_where() {
    let (policy, asked) = Again::times(5);
    let (inner, _) = upstream(usize::MAX);
    let inner = inner.map_err(|error| error.to_string());
    let breaker = CircuitBreakerLayer::new(circuit()).layer(inner);
    let policy =
        RetryUnlessRejected::new(policy).find_with(|error: &Error<String>| error.rejected());
    let client = RetryLayer::new(policy).layer(breaker);

    let error = client.oneshot(()).await.unwrap_err();

    assert!(error.rejected().is_some(), "{error:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
