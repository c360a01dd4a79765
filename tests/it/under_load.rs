//! What happens to thousands of calls at once: the end of the open time, other settings, operators.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Barrier, watch};
use tower::ServiceExt;
use tower_circuit_breaker::{
    ChangeReason, Circuit, CircuitBreaker, CircuitConfig, CircuitEvent, CircuitState, Outcome,
    RejectReason, SlidingWindow,
};

use crate::support::{FAILURE, Inner, SECOND, calls, circuit, ready_to_probe};

const TASKS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_tasks_at_the_end_of_open_leave_exactly_the_probes() {
    for probes in [1, 5] {
        let (circuit, clock) = circuit(|b| b.concurrent_probes(probes).probes(probes));
        let (answer, answered) = watch::channel(false);
        let inner = Inner::new(move |()| {
            let mut answered = answered.clone();
            async move {
                answered.wait_for(|answered| *answered).await.unwrap();
                Ok::<_, Infallible>(())
            }
        });
        let counter = inner.counter();
        let service = CircuitBreaker::new(inner, circuit.clone());
        ready_to_probe(&circuit, &clock);
        let barrier = Arc::new(Barrier::new(TASKS));

        let rejected = Arc::<AtomicUsize>::default();
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (service, barrier) = (service.clone(), Arc::clone(&barrier));
                let rejected = Arc::clone(&rejected);
                tokio::spawn(async move {
                    barrier.wait().await;
                    let reason = service.oneshot(()).await.err()?.rejected()?.reason();
                    rejected.fetch_add(1, Ordering::SeqCst);
                    Some(reason)
                })
            })
            .collect();
        while calls(&counter) + calls(&rejected) < TASKS {
            tokio::task::yield_now().await;
        }

        let probes = usize::try_from(probes).unwrap();
        assert_eq!(calls(&counter), probes, "calls of the inner service");
        answer.send(true).unwrap();
        for task in tasks {
            assert!(matches!(task.await.unwrap(), None | Some(RejectReason::ProbesBusy)));
        }
        assert_eq!(calls(&rejected), TASKS - probes);
        let snapshot = circuit.snapshot();
        assert_eq!(snapshot.state, CircuitState::Closed);
        assert_eq!(snapshot.transitions.open_to_half_open, 1);
        assert_eq!(snapshot.totals.successes, u64::try_from(probes).unwrap());
    }
}

/// Sets the flag when it is dropped, also by a panic.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` in three threads until `finish` returns.
fn beside(work: impl Fn() + Sync, finish: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = SetAtEnd(&over);
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    work();
                }
            });
        }
        finish();
    });
}

/// Two sets of settings that have no rule, window or open time in common.
fn two_configs() -> [CircuitConfig; 2] {
    let run = Circuit::builder("").consecutive_failures(3).open_for(10 * SECOND);
    let count = Circuit::builder("").failure_count(7).window(SlidingWindow::count(9));
    [run.into_config(), count.open_for(20 * SECOND).into_config()]
}

#[test]
fn each_trip_is_by_one_configuration_while_they_are_swapped() {
    let [one, other] = two_configs();
    let (circuit, _) = circuit(|b| b.config(one.clone()));
    let trips = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&trips);
    circuit.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::StateChanged { reason, open_for: Some(open_for), window, .. } = event {
            told.lock().unwrap().push((*reason, *open_for, window.failures));
        }
    });
    let fail_or_close = || match circuit.try_acquire() {
        Ok(permit) => permit.record(FAILURE),
        Err(_) => circuit.reset(),
    };

    beside(fail_or_close, || {
        let seen = |reason| trips.lock().unwrap().iter().any(|(why, ..)| *why == reason);
        let mut swaps = 0;
        while swaps < 500
            || !seen(ChangeReason::ConsecutiveFailures)
            || !seen(ChangeReason::FailureCount)
        {
            circuit.reconfigure(if swaps % 2 == 0 { other.clone() } else { one.clone() });
            swaps += 1;
            (0..20).for_each(|_| fail_or_close());
        }
    });

    for trip in trips.lock().unwrap().iter() {
        let (_, _, failures) = *trip;
        let expected = match trip.0 {
            ChangeReason::ConsecutiveFailures => 10,
            _ => 20,
        };
        assert_eq!(trip.1, expected * SECOND, "{trip:?}");
        // The first set has no window; the second trips at seven of nine.
        let possible = if expected == 10 { 0..=0 } else { 7..=9 };
        assert!(possible.contains(&failures), "{trip:?}");
    }
}

#[test]
fn an_operators_word_stands_at_once_and_whatever_probes_say_later() {
    let (circuit, clock) = circuit(|b| {
        b.consecutive_failures(1).open_for(SECOND).concurrent_probes(2).failed_probes_allowed(1)
    });
    let probe_all_the_time = || {
        clock.advance(SECOND / 4);
        let probes = [circuit.try_acquire(), circuit.try_acquire()];
        for (probe, outcome) in probes.into_iter().zip([FAILURE, Outcome::Success]) {
            if let Ok(probe) = probe {
                probe.record(outcome);
            }
        }
    };

    beside(probe_all_the_time, || {
        for round in 0..100 {
            circuit.trip();
            while circuit.state() != CircuitState::HalfOpen {
                probe_all_the_time();
            }
            circuit.force_open();
            for _ in 0..50 {
                let rejected = circuit.try_acquire().expect_err("forced open");
                assert_eq!(rejected.reason(), RejectReason::ForcedOpen, "round {round}");
            }
            circuit.release();
            circuit.trip();
            circuit.force_closed();
            for _ in 0..50 {
                circuit.try_acquire().expect("forced closed").record(FAILURE);
                assert_eq!(circuit.state(), CircuitState::Closed, "round {round}");
            }
            circuit.release();
        }
    });

    let snapshot = circuit.snapshot();
    assert!(snapshot.transitions.open_to_half_open >= 100, "{snapshot:?}");
}
