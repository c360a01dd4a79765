//! Many threads and many calls: what must hold exactly, however they fall together.
//!
//! `STRESS_CALLS` sets the number of calls, 5 million by default.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tower::{Layer, Service, ServiceExt, service_fn};
use tower_circuit_breaker::{
    Circuit, CircuitBreakerLayer, CircuitConfig, FailureKind, ManualClock, OnOpen, Outcome, Permit,
    SlidingWindow, TripRule,
};

const THREADS: u64 = 8;

fn calls() -> u64 {
    let calls = std::env::var("STRESS_CALLS").ok();
    calls.map_or(5_000_000, |calls| calls.parse().expect("STRESS_CALLS is a number"))
}

/// Settings that differ in every part that a call touches.
fn settings(number: u64) -> CircuitConfig {
    let connect = FailureKind::new("connect");
    let builder = Circuit::builder("").open_for(Duration::from_millis(3)).concurrent_probes(2);
    let builder = match number % 4 {
        0 => builder.consecutive_failures(6),
        1 => builder.failure_rate(0.4).window(SlidingWindow::count(57)),
        2 => builder.failure_count(40).slow_call_rate(0.9, Duration::from_millis(2)),
        _ => builder.rule(TripRule::consecutive_failures(3).of(connect)).failure_rate(0.6),
    };
    builder.into_config()
}

/// One thread's calls; gives how many were admitted, rejected, and are still in flight.
fn work(
    circuit: &Circuit,
    clock: &ManualClock,
    thread: u64,
    calls: u64,
) -> (u64, u64, Vec<Permit>) {
    let (mut admitted, mut rejected) = (0, 0);
    let mut in_flight: Vec<Permit> = Vec::new();
    for call in 0..calls {
        if call % 61 == 0 {
            clock.advance(Duration::from_micros(250));
        }
        match (thread, call % 20_011) {
            (0, 0) => circuit.reset(),
            (1, 1) => circuit.trip(),
            (2, 2) => circuit.reconfigure(settings(call / 20_011)),
            (3, 3) => circuit.observe(),
            (3, 9_003) => circuit.release(),
            (4, 4) => assert!(circuit.snapshot().failure_rate().is_none_or(|rate| rate <= 1.0)),
            _ => {}
        }
        let Ok(permit) = circuit.try_acquire() else {
            rejected += 1;
            continue;
        };
        admitted += 1;
        match (call + thread) % 11 {
            0..=2 => permit.record(Outcome::Failure(FailureKind::new("connect"))),
            3 => permit.record(Outcome::Ignored),
            4 => drop(permit),
            6 => permit.record(Outcome::NotSent),
            5 => {
                in_flight.push(permit);
                if in_flight.len() > 16 {
                    in_flight.swap_remove(0).record(Outcome::Failure(FailureKind::OTHER));
                }
            }
            _ => permit.record(Outcome::Success),
        }
    }
    (admitted, rejected, in_flight)
}

#[test]
fn every_call_is_counted_once_however_they_fall_together() {
    let clock = ManualClock::new();
    let circuit = Circuit::builder("api").config(settings(0)).clock(clock.clone()).build();
    let (admitted, rejected) = (AtomicU64::new(0), AtomicU64::new(0));
    let barrier = Barrier::new(8);

    let in_flight: Vec<Permit> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (circuit, clock, barrier) = (&circuit, &clock, &barrier);
                let (admitted, rejected) = (&admitted, &rejected);
                scope.spawn(move || {
                    barrier.wait();
                    let done = work(circuit, clock, thread, calls() / THREADS);
                    admitted.fetch_add(done.0, Ordering::Relaxed);
                    rejected.fetch_add(done.1, Ordering::Relaxed);
                    done.2
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });

    let ended = || {
        let totals = circuit.snapshot().totals;
        let all = [
            totals.successes,
            totals.failures,
            totals.ignored,
            totals.not_sent,
            totals.abandoned,
            totals.stale,
        ];
        (all.iter().sum::<u64>(), totals.rejected)
    };
    let admitted = admitted.into_inner();
    assert_eq!(ended(), (admitted - in_flight.len() as u64, rejected.into_inner()));
    drop(in_flight);
    assert_eq!(ended().0, admitted);
    let transitions = circuit.snapshot().transitions;
    assert!(transitions.closed_to_open > 10, "{transitions:?}");
    assert!(
        transitions.half_open_to_closed + transitions.half_open_to_open > 10,
        "{transitions:?}"
    );
}

#[test]
fn a_circuit_that_was_left_alone_recovers_after_any_of_this() {
    let clock = ManualClock::new();
    for seed in 0..20 {
        let circuit = Circuit::builder("api").config(settings(seed)).clock(clock.clone()).build();
        let (.., in_flight) = work(&circuit, &clock, seed % 5, 20_500);
        circuit.release();

        clock.advance(Duration::from_secs(3_600));
        for _ in 0..3 {
            // Calls in flight may hold the slots; their leases have ended.
            circuit.try_acquire().expect("a probe or a call").record(Outcome::Success);
        }

        assert_eq!(circuit.state(), tower_circuit_breaker::CircuitState::Closed, "seed {seed}");
        drop(in_flight);
    }
}

/// One task's calls: each waits until the circuit lets it through. Some services are dropped when
/// they are ready, and some calls while they are in flight.
async fn wait_and_call(circuit: Circuit, task: u64, calls: u64) {
    let layer = CircuitBreakerLayer::new(circuit.clone()).on_open(OnOpen::Wait);
    let inner = service_fn(|call: u64| async move {
        tokio::task::yield_now().await;
        if call % 3 == 0 { Err("failed") } else { Ok(()) }
    });
    let mut service = layer.layer(inner);
    for call in 0..calls {
        service.ready().await.expect("only calls fail");
        match (call + task) % 7 {
            0 => service = layer.layer(inner),
            1 => {
                let mut dropped = pin!(service.call(call));
                let _ = poll_fn(|cx| Poll::Ready(dropped.as_mut().poll(cx))).await;
            }
            _ => drop(service.call(call).await),
        }
        match (task, call % 101) {
            (0, 0) => circuit.reset(),
            (1, 50) => {
                circuit.force_open();
                tokio::task::yield_now().await;
                circuit.release();
            }
            _ => {}
        }
    }
}

#[test]
fn nobody_waits_for_ever() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(4).enable_time().build().expect("a runtime");
    // The time of a probe is so long that it does not make up for a slot that is lost.
    let circuit = Circuit::builder("api")
        .consecutive_failures(2)
        .open_for(Duration::from_millis(1))
        .probe_timeout(Duration::from_secs(3_600))
        .build();

    runtime.block_on(async {
        let calls = calls() / 10_000;
        let tasks: Vec<_> =
            (0..64).map(|task| tokio::spawn(wait_and_call(circuit.clone(), task, calls))).collect();
        let all = async {
            for task in tasks {
                task.await.expect("no task panics");
            }
        };
        tokio::time::timeout(Duration::from_secs(120), all).await.expect("all come to their end");
    });

    let snapshot = circuit.snapshot();
    assert!(snapshot.transitions.closed_to_open > 50, "{snapshot:?}");
}
