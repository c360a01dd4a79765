//! The retry policy that is ready to use: attempts, pauses, budget, and rejections.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tower::retry::RetryLayer;
use tower::retry::budget::{Budget, TpsBudget};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_circuit_breaker::{
    Backoff, Circuit, CircuitBreakerLayer, CircuitState, Error, RejectReason, Rejected,
    RetryPolicy, TokioClock,
};

use crate::support::{Inner, SECOND, calls};

const MILLI: Duration = Duration::from_millis(1);

/// Fails so many times; counts the calls.
fn upstream(
    failures: usize,
) -> (impl Service<(), Response = usize, Error = BoxError, Future: Send> + Clone, Arc<AtomicUsize>)
{
    let made = Arc::<AtomicUsize>::default();
    let inner = Inner::new(move |()| {
        let call = made.fetch_add(1, Ordering::SeqCst);
        ready(if call < failures { Err("broken".into()) } else { Ok(call) })
    });
    let counter = inner.counter();
    (inner, counter)
}

fn circuit() -> Circuit {
    Circuit::builder("api")
        .consecutive_failures(2)
        .open_for(SECOND)
        .clock(TokioClock::new())
        .build()
}

/// Pauses of 100 ms, 200 ms and so on.
fn steady() -> Backoff {
    Backoff::exponential(100 * MILLI, 10 * SECOND).without_jitter()
}

/// Tokio's timer has a resolution of a millisecond.
#[track_caller]
fn assert_took(start: Instant, expected: Duration) {
    let took = start.elapsed();
    assert!((expected..=expected + 10 * MILLI).contains(&took), "{took:?}, not {expected:?}");
}

/// A budget that counts, and has something left until it is spent.
#[derive(Debug, Clone, Default)]
struct Purse {
    deposited: Arc<AtomicUsize>,
    withdrawn: Arc<AtomicUsize>,
    holds: usize,
}

impl Purse {
    fn of(holds: usize) -> Self {
        Self { holds, ..Self::default() }
    }

    fn moved(&self) -> (usize, usize) {
        (self.deposited.load(Ordering::SeqCst), self.withdrawn.load(Ordering::SeqCst))
    }
}

impl Budget for Purse {
    fn deposit(&self) {
        self.deposited.fetch_add(1, Ordering::SeqCst);
    }

    fn withdraw(&self) -> bool {
        let may = self.withdrawn.load(Ordering::SeqCst) < self.holds;
        self.withdrawn.fetch_add(may.into(), Ordering::SeqCst);
        may
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_so_many_attempts_the_first_included() {
    for (attempts, expected) in [(1, 1), (2, 2), (5, 5)] {
        let (inner, made) = upstream(usize::MAX);
        let client = RetryLayer::new(RetryPolicy::new(attempts)).layer(inner);

        let error = client.oneshot(()).await.unwrap_err();

        assert_eq!(error.to_string(), "broken", "{attempts}");
        assert_eq!(calls(&made), expected, "{attempts}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_has_its_own_attempts() {
    let (inner, made) = upstream(4);
    let client = RetryLayer::new(RetryPolicy::new(3)).layer(inner);

    assert!(client.clone().oneshot(()).await.is_err());
    assert_eq!(client.oneshot(()).await.unwrap(), 4);

    assert_eq!(calls(&made), 5);
}

#[test]
#[should_panic(expected = "at least 1; it is 0")]
fn no_attempt_at_all_is_refused() {
    let _ = RetryPolicy::new(0);
}

#[tokio::test(start_paused = true)]
async fn pauses_are_those_of_the_backoff() {
    let (inner, _) = upstream(usize::MAX);
    let client = RetryLayer::new(RetryPolicy::new(4).backoff(steady())).layer(inner);
    let start = Instant::now();

    client.oneshot(()).await.unwrap_err();

    assert_took(start, (100 + 200 + 400) * MILLI);
}

#[tokio::test(start_paused = true)]
async fn jitter_is_drawn_anew_for_each_call() {
    let (inner, _) = upstream(usize::MAX);
    let policy = RetryPolicy::new(2).backoff(Backoff::exponential(SECOND, SECOND));
    let client = RetryLayer::new(policy).layer(inner);

    let mut pauses = BTreeSet::new();
    for _ in 0..20 {
        let start = Instant::now();
        client.clone().oneshot(()).await.unwrap_err();
        pauses.insert(start.elapsed());
    }

    assert!(pauses.len() > 5, "{pauses:?}");
    assert!(*pauses.first().unwrap() >= SECOND / 2, "{pauses:?}");
    assert!(*pauses.last().unwrap() <= SECOND + 2 * MILLI, "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn all_calls_share_the_budget() {
    let (inner, made) = upstream(usize::MAX);
    let purse = Purse::of(3);
    let client = RetryLayer::new(RetryPolicy::new(3).budget(purse.clone())).layer(inner);

    for _ in 0..10 {
        client.clone().oneshot(()).await.unwrap_err();
    }

    assert_eq!(calls(&made), 10 + 3);
    assert_eq!(purse.moved(), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn successes_deposit() {
    let (inner, _) = upstream(1);
    let purse = Purse::of(1);
    let client = RetryLayer::new(RetryPolicy::new(3).budget(purse.clone())).layer(inner);

    client.clone().oneshot(()).await.unwrap();
    client.oneshot(()).await.unwrap();

    assert_eq!(purse.moved(), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_default_budget_is_that_of_tower() {
    let (inner, made) = upstream(usize::MAX);
    let client = RetryLayer::new(RetryPolicy::new(2).backoff(Backoff::fixed(Duration::ZERO)));
    let client = client.layer(inner.clone());
    let (other, of_other) = upstream(usize::MAX);
    let tower = TpsBudget::default();
    let spelled = RetryPolicy::new(2).backoff(Backoff::fixed(Duration::ZERO)).budget(tower);
    let spelled = RetryLayer::new(spelled).layer(other);

    for _ in 0..200 {
        client.clone().oneshot(()).await.unwrap_err();
        spelled.clone().oneshot(()).await.unwrap_err();
    }

    assert_eq!(calls(&made), calls(&of_other));
    assert!((201..400).contains(&calls(&made)), "it ends");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_returned_at_once_and_spends_nothing() {
    let (inner, made) = upstream(usize::MAX);
    let circuit = circuit();
    let purse = Purse::of(100);
    let breaker = CircuitBreakerLayer::new(circuit.clone()).boxed().layer(inner);
    let policy = RetryPolicy::new(10).backoff(steady()).budget(purse.clone());
    let client = RetryLayer::new(policy).layer(breaker);
    let start = Instant::now();

    let error = client.oneshot(()).await.unwrap_err();

    // Two failures trip the circuit; the attempt after them is rejected.
    assert_eq!(Rejected::find(&*error).unwrap().reason(), RejectReason::Open);
    assert_eq!((calls(&made), purse.moved()), (2, (0, 2)));
    assert_eq!(circuit.snapshot().totals.rejected, 1);
    assert_took(start, (100 + 200) * MILLI);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_the_circuit_as_long_as_it_may() {
    let (inner, made) = upstream(2);
    let circuit = circuit();
    let breaker = CircuitBreakerLayer::new(circuit.clone()).boxed().layer(inner);
    // The wait takes no attempt: the third is the one that succeeds.
    let policy = RetryPolicy::new(3).backoff(Backoff::fixed(Duration::ZERO)).max_wait(3 * SECOND);
    let client = RetryLayer::new(policy).layer(breaker);
    let start = Instant::now();

    assert_eq!(client.oneshot(()).await.unwrap(), 2);

    assert_eq!(calls(&made), 3);
    assert_took(start, SECOND);
    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn all_waits_of_a_call_together_are_no_longer_than_it_may() {
    let (inner, made) = upstream(usize::MAX);
    let breaker = CircuitBreakerLayer::new(circuit()).boxed().layer(inner);
    let policy =
        RetryPolicy::new(100).backoff(Backoff::fixed(Duration::ZERO)).max_wait(SECOND * 5 / 2);
    let client = RetryLayer::new(policy).layer(breaker);
    let start = Instant::now();

    let error = client.oneshot(()).await.unwrap_err();

    assert!(Rejected::find(&*error).is_some());
    assert_took(start, 2 * SECOND);
    assert_eq!(calls(&made), 4, "two that trip, and two probes");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_without_a_time_is_returned_at_once() {
    let (inner, made) = upstream(0);
    let circuit = circuit();
    circuit.force_open();
    let breaker = CircuitBreakerLayer::new(circuit).boxed().layer(inner);
    let client = RetryLayer::new(RetryPolicy::new(3).max_wait(60 * SECOND)).layer(breaker);
    let start = Instant::now();

    let error = client.oneshot(()).await.unwrap_err();

    assert_eq!(Rejected::find(&*error).unwrap().reason(), RejectReason::ForcedOpen);
    assert_eq!(calls(&made), 0);
    assert_took(start, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_predicate_says_which_results_are_worth_another_attempt() {
    let (inner, made) = upstream(1);
    let policy = RetryPolicy::new(5).retry_if(|result: &Result<usize, BoxError>| match result {
        Ok(call) => *call < 3,
        Err(_) => true,
    });
    let client = RetryLayer::new(policy).layer(inner);

    assert_eq!(client.oneshot(()).await.unwrap(), 3);

    assert_eq!(calls(&made), 4);
}

#[tokio::test(start_paused = true)]
async fn a_predicate_says_which_requests_may_be_sent_twice() {
    let inner = Inner::new(|_: u8| ready(Err::<(), BoxError>("broken".into())));
    let made = inner.counter();
    let policy = RetryPolicy::new(3).repeat_if(|number: &u8| *number == 7);
    let client = RetryLayer::new(policy).layer(inner);

    client.clone().oneshot(7).await.unwrap_err();
    assert_eq!(calls(&made), 3);
    client.oneshot(8).await.unwrap_err();
    assert_eq!(calls(&made), 3 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_not_be_sent_twice_still_waits_for_the_circuit() {
    let (inner, made) = upstream(0);
    let circuit = circuit();
    circuit.trip();
    let breaker = CircuitBreakerLayer::new(circuit).boxed().layer(inner);
    let policy = RetryPolicy::new(3).repeat_if(|(): &()| false).max_wait(SECOND);
    let client = RetryLayer::new(policy).layer(breaker);

    assert_eq!(client.oneshot(()).await.unwrap(), 0, "it was not sent before");

    assert_eq!(calls(&made), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_sent_again_is_not_copied() {
    #[derive(Default)]
    struct Counts(Arc<AtomicUsize>);

    impl Clone for Counts {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::SeqCst);
            Self(Arc::clone(&self.0))
        }
    }

    for (attempts, copies) in [(1, 0), (2, 1), (3, 2)] {
        let inner = Inner::new(|_: Counts| ready(Err::<(), BoxError>("broken".into())));
        let (request, made) = (Counts::default(), inner.counter());
        let copied = Arc::clone(&request.0);

        let client = RetryLayer::new(RetryPolicy::new(attempts)).layer(inner);
        client.oneshot(request).await.unwrap_err();

        assert_eq!(calls(&copied), copies, "{attempts}");
        assert_eq!(calls(&made), copies + 1, "{attempts}");
    }
}

#[tokio::test(start_paused = true)]
async fn rejections_are_found_in_other_errors_where_told() {
    let (inner, made) = upstream(usize::MAX);
    let inner = inner.map_err(|error| error.to_string());
    let breaker = CircuitBreakerLayer::new(circuit()).layer(inner);
    let policy = RetryPolicy::new(9).find_with(|error: &Error<String>| error.rejected());
    let client = RetryLayer::new(policy).layer(breaker);

    let error = client.oneshot(()).await.unwrap_err();

    assert!(error.rejected().is_some(), "{error:?}");
    assert_eq!(calls(&made), 2);
}
