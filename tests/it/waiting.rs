//! Rule 20: tasks that wait for a busy inner service.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tower::Service;
use tower_circuit_breaker::{BoxError, CircuitBreaker, CircuitState, RejectReason};

use crate::readiness::{Asked, Wakes, ask, breaker, rejected_for};
use crate::support::{circuit, fail, ready_to_probe};

pub(crate) struct PanickingWake;

impl Wake for PanickingWake {
    fn wake(self: Arc<Self>) {
        std::panic::panic_any("a waker");
    }
}

#[tokio::test]
async fn a_task_that_waits_for_a_busy_inner_is_woken_by_a_trip() {
    let (circuit, _) = circuit(|b| b.consecutive_failures(1));
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    assert!(!service.is_woken());

    fail(&circuit);

    assert!(service.is_woken());
    assert!(matches!(service.poll_ready(), Poll::Ready(Ok(()))));
    assert_eq!(rejected_for(service.call(1).await), RejectReason::Open);
}

#[tokio::test]
async fn a_waiting_service_that_is_dropped_leaves_no_waker_behind() {
    let (circuit, _) = circuit(|b| b);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());

    drop(service);

    circuit.trip();
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_panicking_waker_loses_no_change_and_no_other_wake_up() {
    let (circuit, _) = circuit(|b| b);
    let reasons = crate::listeners::reasons(&circuit);
    let never = tower::service_fn(|()| std::future::pending::<Result<(), ()>>());
    let busy = || {
        let limited = tower::limit::ConcurrencyLimit::with_semaphore(
            never,
            Arc::new(tokio::sync::Semaphore::new(0)),
        );
        CircuitBreaker::new(limited, circuit.clone())
    };
    let wakes = Arc::new(Wakes::default());
    let mut wakers = vec![Waker::from(Arc::clone(&wakes)); 10];
    wakers.insert(5, Waker::from(Arc::new(PanickingWake)));
    let waiting: Vec<_> = wakers
        .iter()
        .map(|waker| {
            let mut service = busy();
            assert!(service.poll_ready(&mut Context::from_waker(waker)).is_pending());
            service
        })
        .collect();

    circuit.trip();
    circuit.reset();

    assert_eq!(wakes.count(), 10);
    assert_eq!(reasons.lock().unwrap().len(), 2);
    drop(waiting);
}

#[tokio::test]
async fn a_task_that_waits_is_woken_when_another_takes_the_last_probe() {
    let (circuit, clock) = circuit(|b| b);
    ready_to_probe(&circuit, &clock);
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());

    let _probe = circuit.try_acquire().unwrap();

    assert!(service.is_woken());
    assert!(service.poll_ready().is_ready());
    assert_eq!(rejected_for(service.call(1).await), RejectReason::ProbesBusy);
}

#[tokio::test]
async fn a_task_that_waits_is_not_woken_by_a_call_that_is_only_observed() {
    let (circuit, _) = circuit(|b| b);
    circuit.observe();
    circuit.trip();
    let (mut service, mut handle) = breaker(&circuit);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());

    let observed = circuit.try_acquire();

    assert!(observed.is_ok());
    assert!(!service.is_woken());
}

#[test]
fn a_trip_between_asking_and_waiting_is_not_missed() {
    let (circuit, _) = circuit(|b| b);
    let tripped = circuit.clone();
    let inner = Asked(move || {
        tripped.trip();
        Poll::Pending
    });
    let mut service = CircuitBreaker::new(inner, circuit);

    let polled = ask(&mut service, &Arc::default());

    assert!(polled.is_ready(), "nobody would wake it");
}

#[test]
fn all_waiting_tasks_are_woken_each_by_its_latest_waker() {
    let (circuit, _) = circuit(|b| b);
    let mut services =
        [0, 1, 2].map(|_| CircuitBreaker::new(Asked(|| Poll::Pending), circuit.clone()));
    let wakes = [0, 1, 2].map(|_| Arc::<Wakes>::default());
    let earlier = Arc::<Wakes>::default();
    for (service, wakes) in services.iter_mut().zip(&wakes) {
        assert!(ask(service, &earlier).is_pending());
        assert!(ask(service, wakes).is_pending());
    }

    circuit.trip();

    assert_eq!(wakes.each_ref().map(|wakes| wakes.count()), [1, 1, 1]);
    assert_eq!(earlier.count(), 0);
}

#[test]
fn a_task_that_waits_again_is_woken_again() {
    let (circuit, _) = circuit(|b| b);
    let mut service = CircuitBreaker::new(Asked(|| Poll::Pending), circuit.clone());
    let wakes = Arc::<Wakes>::default();
    assert!(ask(&mut service, &wakes).is_pending());
    circuit.reset();
    assert_eq!(wakes.count(), 1);
    assert!(ask(&mut service, &wakes).is_pending());

    circuit.trip();

    assert_eq!(wakes.count(), 2);
}

#[test]
fn nobody_is_woken_for_a_service_that_no_longer_waits() {
    type Leave = fn(CircuitBreaker<Asked<Box<dyn FnMut() -> Poll<Result<(), BoxError>>>>>);
    let ways: [(Leave, &str); 3] = [
        (drop, "dropped"),
        (
            |mut service| {
                service.get_mut().0 = Box::new(|| Poll::Ready(Ok(())));
                assert!(ask(&mut service, &Arc::default()).is_ready());
                Box::leak(Box::new(service));
            },
            "ready",
        ),
        (
            |mut service| {
                service.get_mut().0 = Box::new(|| Poll::Ready(Err("gone".into())));
                assert!(ask(&mut service, &Arc::default()).is_ready());
                Box::leak(Box::new(service));
            },
            "failed",
        ),
    ];
    for (leave, name) in ways {
        let (circuit, _) = circuit(|b| b);
        let pending: Box<dyn FnMut() -> _> = Box::new(|| Poll::Pending);
        let mut service = CircuitBreaker::new(Asked(pending), circuit.clone());
        let wakes = Arc::<Wakes>::default();
        assert!(ask(&mut service, &wakes).is_pending());
        assert_eq!(Arc::strong_count(&wakes), 2, "{name}: the circuit holds its waker");

        leave(service);

        assert_eq!(Arc::strong_count(&wakes), 1, "{name}: it is given up");
        circuit.trip();
        assert_eq!(wakes.count(), 0, "{name}");
    }
}
