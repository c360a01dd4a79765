//! Many threads at each border.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitState, FailureKind, Outcome, SlidingWindow,
};

use crate::support::{FAILURE, SECOND, circuit, ready_to_probe};

fn together(threads: usize, work: impl Fn(usize) + Sync) {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(thread);
            });
        }
    });
}

#[test]
fn ten_threads_that_fail_at_once_open_the_circuit_once() {
    for _ in 0..200 {
        let (circuit, _) = circuit(|b| b.consecutive_failures(5));
        let changes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&changes);
        circuit.on_event(move |_: &CircuitEvent| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let barrier = Barrier::new(10);

        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    let permit = circuit.try_acquire().unwrap();
                    barrier.wait();
                    permit.record(FAILURE);
                });
            }
        });

        let snapshot = circuit.snapshot();
        assert_eq!(changes.load(Ordering::SeqCst), 1);
        assert_eq!((snapshot.state, snapshot.epoch), (CircuitState::Open, 2));
        assert_eq!((snapshot.totals.trips, snapshot.transitions.closed_to_open), (1, 1));
        assert_eq!(snapshot.totals.failures + snapshot.totals.stale, 10);
        assert!(snapshot.totals.failures >= 5);
    }
}

#[test]
fn all_calls_that_meet_the_end_of_open_leave_exactly_the_probes() {
    for probes in [1, 3] {
        let (circuit, clock) = circuit(|b| b.concurrent_probes(probes).probes(9));
        ready_to_probe(&circuit, &clock);
        let admitted = AtomicU64::new(0);

        together(8, |_| {
            for _ in 0..500 {
                if let Ok(permit) = circuit.try_acquire() {
                    admitted.fetch_add(1, Ordering::SeqCst);
                    // Kept to the end: its slot is never given back.
                    #[expect(clippy::mem_forget, reason = "a probe that hangs for ever")]
                    std::mem::forget(permit);
                }
            }
        });

        assert_eq!(admitted.load(Ordering::SeqCst), u64::from(probes));
        let snapshot = circuit.snapshot();
        assert_eq!(snapshot.transitions.open_to_half_open, 1);
        assert_eq!(snapshot.totals.rejected, 4000 - u64::from(probes));
    }
}

#[test]
fn a_count_window_loses_and_doubles_nothing() {
    let (circuit, _) =
        circuit(|b| b.consecutive_failures(u32::MAX).window(SlidingWindow::count(50_000)));

    together(4, |thread| {
        for call in 0..10_000 {
            let outcome = if (call + thread) % 4 == 0 { FAILURE } else { Outcome::Success };
            circuit.try_acquire().unwrap().record(outcome);
        }
    });

    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.window.calls, snapshot.window.failures), (40_000, 10_000));
    assert_eq!((snapshot.totals.successes, snapshot.totals.failures), (30_000, 10_000));
}

#[test]
fn a_short_count_window_stays_exact_under_contention() {
    for length in [1, 7, 25, 64] {
        let (circuit, _) =
            circuit(|b| b.consecutive_failures(u32::MAX).window(SlidingWindow::count(length)));

        together(4, |_| {
            for call in 0..20_000 {
                let outcome = if call % 3 == 0 { FAILURE } else { Outcome::Success };
                circuit.try_acquire().unwrap().record(outcome);
                if call % 64 == 0 {
                    let window = circuit.snapshot().window;
                    assert!(window.failures <= window.calls, "{window:?}");
                    assert!(window.calls <= u64::from(length), "{window:?}");
                }
            }
        });

        for _ in 0..length {
            circuit.try_acquire().unwrap().record(Outcome::Success);
        }
        assert_eq!(circuit.snapshot().window.failures, 0, "length {length}: all have left");
    }
}

#[test]
fn adds_right_after_an_idle_gap_are_all_there() {
    for gap in [20, 65_536, 70_000_000] {
        let (circuit, clock) = circuit(|b| b.failure_count(u32::MAX));
        for _ in 0..100 {
            circuit.try_acquire().unwrap().record(FAILURE);
        }
        clock.advance(gap * SECOND);

        together(8, |_| {
            for call in 0..3_000 {
                let outcome = if call % 2 == 0 { FAILURE } else { Outcome::Success };
                circuit.try_acquire().unwrap().record(outcome);
            }
        });

        let window = circuit.snapshot().window;
        assert_eq!((window.calls, window.failures), (24_000, 12_000), "after {gap} s");
    }
}

#[test]
fn a_failure_is_held_against_the_successes_of_all_threads() {
    let (circuit, clock) = circuit(|b| b.failure_rate(0.1).minimum_calls(1));
    let pass = || {
        together(8, |_| {
            for _ in 0..2_250 {
                circuit.try_acquire().unwrap().record(Outcome::Success);
            }
        });
    };
    let fail_until_open = || {
        let fails = |_: &u32| circuit.try_acquire().map(|permit| permit.record(FAILURE)).is_ok();
        (1..).take_while(fails).count()
    };
    pass();
    clock.advance(4 * SECOND);
    pass();
    clock.advance(3 * SECOND);

    assert_eq!(fail_until_open(), 4_000, "of 40,000");

    circuit.reset();
    pass();
    clock.advance(4 * SECOND);
    pass();
    clock.advance(6 * SECOND);
    assert_eq!(fail_until_open(), 2_000, "of 20,000: the first 18,000 have left");
    assert_eq!(circuit.snapshot().totals.successes, 4 * 18_000);
}

#[test]
fn bucket_turn_over_under_contention_loses_nothing_that_is_live() {
    let (circuit, clock) = circuit(|b| b.failure_count(u32::MAX));

    together(4, |thread| {
        for call in 0..9_000 {
            if thread == 0 && call % 1000 == 999 {
                clock.advance(SECOND);
            }
            circuit.try_acquire().unwrap().record(Outcome::Success);
        }
    });

    let snapshot = circuit.snapshot();
    assert_eq!(snapshot.window.calls, 36_000, "nine buckets of ten are in use");
}

#[test]
fn every_admitted_call_is_counted_once() {
    let (circuit, clock) = circuit(|b| {
        b.consecutive_failures(3).failure_rate(0.5).open_for(SECOND / 100).concurrent_probes(2)
    });
    let admitted = AtomicU64::new(0);
    let rejected = AtomicU64::new(0);

    together(4, |thread| {
        for call in 0..20_000_u32 {
            clock.advance(SECOND / 2000);
            match call % 997 {
                0 => circuit.trip(),
                1 => circuit.reset(),
                2 if thread == 0 => circuit.reconfigure(
                    Circuit::builder("").consecutive_failures(2 + call % 5).into_config(),
                ),
                _ => {}
            }
            let Ok(permit) = circuit.try_acquire() else {
                rejected.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            admitted.fetch_add(1, Ordering::Relaxed);
            match call % 7 {
                0 | 1 => permit.record(Outcome::Failure(FailureKind::new("status"))),
                2 => permit.record(Outcome::Ignored),
                3 => permit.record(Outcome::NotSent),
                4 => drop(permit),
                _ => permit.record(Outcome::Success),
            }
        }
    });

    let totals = circuit.snapshot().totals;
    let ended = totals.successes
        + totals.failures
        + totals.ignored
        + totals.not_sent
        + totals.abandoned
        + totals.stale;
    assert_eq!(ended, admitted.load(Ordering::Relaxed));
    assert_eq!(totals.rejected, rejected.load(Ordering::Relaxed));
    assert!(totals.trips > 10 && totals.rejected > 10, "{totals:?}");
}
