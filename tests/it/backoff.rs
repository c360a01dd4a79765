//! Rule 13: how long a circuit stays open.

use std::time::Duration;

use tower_circuit_breaker::{Backoff, CircuitState, Outcome, RejectReason};

use crate::half_open::probing;
use crate::support::{FAILURE, SECOND, circuit, fail, record, rejection, succeed};

#[test]
fn the_lease_is_the_open_time_but_at_least_a_second() {
    for (open_for, lease) in [(SECOND / 100, SECOND), (20 * SECOND, 20 * SECOND)] {
        let (circuit, clock) = probing(|b| b.open_for(open_for));
        let _hung = circuit.try_acquire().unwrap();
        clock.advance(lease - Duration::from_nanos(1));
        assert!(circuit.try_acquire().is_err(), "{open_for:?}");

        clock.advance(Duration::from_nanos(1));

        assert!(circuit.try_acquire().is_ok(), "{open_for:?}");
    }
}

#[test]
fn each_failed_probe_takes_the_next_backoff_step() {
    let backoff = Backoff::exponential(SECOND, 5 * SECOND).without_jitter();
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
    fail(&circuit);

    let mut open_times = Vec::new();
    for _ in 0..5 {
        let left = circuit.snapshot().retry_after.unwrap();
        open_times.push(left.as_secs());
        clock.advance(left);
        fail(&circuit);
    }

    assert_eq!(open_times, [1, 2, 4, 5, 5]);
}

#[test]
fn the_backoff_starts_over_after_staying_closed_as_long_as_it_was_open() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    for (closed_for, next) in [(8 * SECOND - Duration::from_nanos(1), 16), (8 * SECOND, 4)] {
        let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
        fail(&circuit);
        clock.advance(4 * SECOND);
        fail(&circuit);
        clock.advance(8 * SECOND);
        succeed(&circuit);
        assert_eq!(circuit.state(), CircuitState::Closed);

        clock.advance(closed_for);
        fail(&circuit);

        let open_for = circuit.snapshot().retry_after.unwrap();
        assert_eq!(open_for, next * SECOND, "closed for {closed_for:?}");
    }
}

#[test]
fn jittered_open_times_stay_in_the_upper_half_of_their_step() {
    let backoff = Backoff::exponential(8 * SECOND, 60 * SECOND);
    let mut seen = Vec::new();
    for _ in 0..50 {
        let (circuit, _) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
        fail(&circuit);
        seen.push(circuit.snapshot().retry_after.unwrap());
    }

    assert!(seen.iter().all(|time| (4 * SECOND..=8 * SECOND).contains(time)), "{seen:?}");
    assert!(seen.iter().any(|time| *time != seen[0]), "all fifty circuits drew the same time");
}

#[test]
fn a_probe_can_bring_the_upstreams_own_open_time() {
    let (circuit, _) = probing(|b| b.failed_probes_allowed(3));

    record(&circuit, Outcome::TripFor(120 * SECOND));

    assert_eq!(circuit.state(), CircuitState::Open);
    assert_eq!(rejection(&circuit).retry_after(), Some(120 * SECOND));
}

#[test]
fn the_lease_follows_the_open_time_that_has_just_ended() {
    let (circuit, clock) = circuit(|b| b.open_for(2 * SECOND));
    circuit.trip_for(50 * SECOND);
    clock.advance(50 * SECOND);
    let _hung = circuit.try_acquire().unwrap();
    clock.advance(50 * SECOND - Duration::from_nanos(1));
    assert_eq!(rejection(&circuit).reason(), RejectReason::ProbesBusy);

    clock.advance(Duration::from_nanos(1));

    assert!(circuit.try_acquire().is_ok());
}

#[test]
fn a_trip_while_open_repeats_the_backoff_step() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    let (circuit, _) = circuit(|b| b.open_backoff(backoff));
    circuit.trip();

    circuit.trip();

    assert_eq!(rejection(&circuit).retry_after(), Some(4 * SECOND));
}

#[test]
fn reset_forgets_the_backoff() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
    fail(&circuit);
    clock.advance(4 * SECOND);
    fail(&circuit);
    assert_eq!(rejection(&circuit).retry_after(), Some(8 * SECOND));

    circuit.reset();

    fail(&circuit);
    assert_eq!(rejection(&circuit).retry_after(), Some(4 * SECOND));
}

#[test]
fn a_long_time_half_open_does_not_start_the_backoff_over() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    let (circuit, clock) = probing(|b| b.open_backoff(backoff));
    let probe = circuit.try_acquire().unwrap();
    clock.advance(3600 * SECOND);

    probe.record(FAILURE);

    assert_eq!(rejection(&circuit).retry_after(), Some(8 * SECOND));
}

#[test]
fn an_open_time_that_the_upstream_asked_for_counts_in_the_backoff() {
    let backoff = Backoff::exponential(4 * SECOND, 60 * SECOND).without_jitter();
    let (circuit, clock) = circuit(|b| b.consecutive_failures(1).open_backoff(backoff));
    fail(&circuit);
    clock.advance(4 * SECOND);
    record(&circuit, Outcome::TripFor(100 * SECOND));
    clock.advance(100 * SECOND);
    succeed(&circuit);
    clock.advance(99 * SECOND);

    fail(&circuit);

    assert_eq!(rejection(&circuit).retry_after(), Some(16 * SECOND), "the third step");
}

#[test]
fn a_probe_cannot_bring_more_than_the_longest_open_time() {
    let (circuit, _) = probing(|b| b.max_trip_for(60 * SECOND));

    record(&circuit, Outcome::TripFor(61 * SECOND));

    assert_eq!(rejection(&circuit).retry_after(), Some(60 * SECOND));
}

#[test]
fn the_backoff_stays_at_its_maximum() {
    let backoff = Backoff::exponential(SECOND, 5 * SECOND).without_jitter();
    let (circuit, clock) = probing(|b| b.open_backoff(backoff));

    for step in 0..70 {
        fail(&circuit);
        let left = circuit.snapshot().retry_after.unwrap();
        assert_eq!(
            left,
            if step == 0 {
                2 * SECOND
            } else if step == 1 {
                4 * SECOND
            } else {
                5 * SECOND
            }
        );
        clock.advance(left);
    }
}

#[test]
fn a_function_gives_the_open_time_of_each_failed_recovery() {
    let (circuit, clock) = circuit(|b| b.open_by(|failed| SECOND * (10 - failed.min(7))));
    circuit.trip();
    let mut open_times = Vec::new();
    for _ in 0..10 {
        let open_for = circuit.snapshot().retry_after.unwrap();
        open_times.push(open_for.as_secs());
        clock.advance(open_for);
        fail(&circuit);
    }

    assert_eq!(open_times, [10, 9, 8, 7, 6, 5, 4, 3, 3, 3]);
}

#[test]
#[should_panic(expected = "open_by")]
fn a_function_that_gives_no_open_time_is_refused() {
    circuit(|b| b.open_by(|failed| SECOND * (3 - failed.min(3))));
}
