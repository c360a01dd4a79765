//! Rule 3: windows that really slide.

use std::collections::VecDeque;
use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitState, Outcome, SlidingWindow, WindowCounts};

use crate::support::{FAILURE, SECOND, circuit, fail, succeed};

fn counts(circuit: &Circuit) -> (u64, u64) {
    let WindowCounts { calls, failures, .. } = circuit.snapshot().window;
    (calls, failures)
}

/// A circuit that records and never trips.
const NEVER: u32 = u32::MAX;

#[test]
fn a_count_window_holds_exactly_the_last_results() {
    for length in [1_u32, 2, 3, 9, 10, 11, 20, 29, 30, 31, 100, 257] {
        let (circuit, _) =
            circuit(|b| b.consecutive_failures(NEVER).window(SlidingWindow::count(length)));
        let mut model = VecDeque::new();
        for step in 0..5 * u64::from(length) + 40 {
            let failed = step * step % 7 < 3;
            if failed {
                fail(&circuit)
            } else {
                succeed(&circuit)
            }
            model.push_back(failed);
            if model.len() > length as usize {
                model.pop_front();
            }

            let failures = model.iter().filter(|failed| **failed).count() as u64;
            assert_eq!(
                counts(&circuit),
                (model.len() as u64, failures),
                "length {length}, step {step}"
            );
        }
    }
}

#[test]
fn failure_count_above_a_count_window_means_its_size() {
    let (circuit, _) = circuit(|b| b.failure_count(100).window(SlidingWindow::count(4)));
    for _ in 0..3 {
        fail(&circuit);
    }
    assert_eq!(circuit.state(), CircuitState::Closed);

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn a_count_window_tells_slow_calls_apart() {
    let (circuit, clock) =
        circuit(|b| b.slow_call_rate(1.0, SECOND).minimum_calls(4).window(SlidingWindow::count(4)));
    for slow in [true, false, true, true, false] {
        let call = circuit.try_acquire().unwrap();
        clock.advance(if slow { SECOND } else { SECOND / 2 });
        call.record(Outcome::Success);
    }

    let window = circuit.snapshot().window;

    assert_eq!((window.calls, window.failures, window.slow_calls), (4, 0, 2));
    assert_eq!(circuit.snapshot().slow_call_rate(), Some(0.5));
}

#[test]
fn a_time_window_holds_the_results_of_its_buckets() {
    let window = SlidingWindow::time(10 * SECOND).buckets(5);
    let (circuit, clock) = circuit(|b| b.failure_count(NEVER).window(window));
    let mut model: Vec<(u64, bool)> = Vec::new();
    let mut now = 0_u64;
    for step in 0..2_000_u64 {
        let wait = [0, 130, 700, 2_000, 0, 9_999, 1][(step * step % 7) as usize];
        clock.advance(Duration::from_millis(wait));
        now += wait;
        let failed = step % 3 == 0;
        if failed {
            fail(&circuit)
        } else {
            succeed(&circuit)
        }
        model.push((now / 2_000, failed));

        model.retain(|(bucket, _)| *bucket + 5 > now / 2_000);
        let failures = model.iter().filter(|(_, failed)| *failed).count() as u64;
        assert_eq!(counts(&circuit), (model.len() as u64, failures), "step {step} at {now} ms");
    }
}

#[test]
fn reading_a_time_window_expires_it_too() {
    let (circuit, clock) = circuit(|b| b.failure_rate(1.0));
    succeed(&circuit);
    fail(&circuit);
    assert_eq!(counts(&circuit), (2, 1));

    clock.advance(10 * SECOND);

    assert_eq!(counts(&circuit), (0, 0));
    assert_eq!(circuit.snapshot().failure_rate(), None);
}

#[test]
fn a_gap_of_any_length_leaves_nothing_stale() {
    let bucket = SECOND;
    let day = Duration::from_secs(86_400);
    let gaps = [
        10 * bucket,
        11 * bucket,
        1_000 * bucket,
        // The tick marks on words wrap here: an old word must not pass for a new one.
        65_535 * bucket,
        65_536 * bucket,
        65_537 * bucket,
        2 * 65_536 * bucket,
        // And here a bucket meets its own mark again.
        (5 * 65_536 - 1) * bucket,
        5 * 65_536 * bucket,
        60 * day,
        36_500 * day,
    ];
    for gap in gaps {
        let (circuit, clock) = circuit(|b| b.failure_count(NEVER));
        for _ in 0..10 {
            fail(&circuit);
            fail(&circuit);
            clock.advance(bucket);
        }

        clock.advance(gap);

        assert_eq!(counts(&circuit), (0, 0), "read after {gap:?}");
        succeed(&circuit);
        assert_eq!(counts(&circuit), (1, 0), "recorded after {gap:?}");
        for tick in 0..10 {
            clock.advance(bucket);
            let expected = u64::from(tick < 9);
            assert_eq!(counts(&circuit).0, expected, "{tick} buckets later, after {gap:?}");
        }
    }
}

#[test]
fn a_window_near_the_end_of_time_still_counts() {
    let (circuit, clock) = circuit(|b| b.failure_count(NEVER));
    clock.advance(Duration::from_nanos(u64::MAX - 5));
    fail(&circuit);
    clock.advance(SECOND);
    fail(&circuit);

    assert_eq!(counts(&circuit), (2, 2));
    circuit.trip();
    assert_eq!(circuit.state(), CircuitState::Open);
}

#[test]
fn results_count_when_they_finish() {
    let (circuit, clock) = circuit(|b| b.failure_count(NEVER));
    let long = circuit.try_acquire().unwrap();
    clock.advance(60 * SECOND);

    long.record(FAILURE);

    assert_eq!(counts(&circuit), (1, 1));
}

#[test]
fn half_expired_windows_judge_only_what_is_left() {
    let (circuit, clock) = circuit(|b| b.failure_rate(0.5).minimum_calls(4));
    for _ in 0..3 {
        succeed(&circuit);
    }
    clock.advance(5 * SECOND);
    succeed(&circuit);
    succeed(&circuit);
    clock.advance(5 * SECOND);
    fail(&circuit);
    assert_eq!(counts(&circuit), (3, 1), "the first three have left");

    fail(&circuit);

    assert_eq!(circuit.state(), CircuitState::Open, "two of four");
}

#[test]
fn consecutive_rules_keep_no_window_unless_one_is_set() {
    let (without, _) = circuit(|b| b.consecutive_failures(9));
    let (with, _) = circuit(|b| b.consecutive_failures(9).window(SlidingWindow::count(10)));

    fail(&without);
    fail(&with);

    assert_eq!(counts(&without), (0, 0));
    assert_eq!(counts(&with), (1, 1));
}

#[test]
fn a_time_window_is_never_shorter_than_asked_for() {
    let window = SlidingWindow::time(SECOND).buckets(3);
    let (circuit, clock) = circuit(|b| b.failure_count(NEVER).window(window));
    fail(&circuit);

    clock.advance(SECOND - Duration::from_nanos(1));

    assert_eq!(counts(&circuit), (1, 1));
}
