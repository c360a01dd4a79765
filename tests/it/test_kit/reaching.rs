//! Bringing a circuit to a state by calls.

use tower_circuit_breaker::{
    Backoff, ChangeReason, CircuitBuilder, FailureKind, Outcome, SlidingWindow, TripRule,
};
use tower_circuit_breaker_test::{assert_closed, assert_half_open, assert_open, reach};

use super::panic_of;
use crate::support::{SECOND, circuit, record, rejection};

#[test]
fn each_rule_opens_its_circuit_after_just_enough_calls() {
    type Set = fn(CircuitBuilder) -> CircuitBuilder;
    let connect = || TripRule::consecutive_failures(3).of(FailureKind::new("connect"));
    let by_kind = ChangeReason::ConsecutiveFailuresOfKind(FailureKind::new("connect"));
    let table: [(Set, u32, ChangeReason); 7] = [
        (|b| b, 5, ChangeReason::ConsecutiveFailures),
        (|b| b.consecutive_failures(1), 1, ChangeReason::ConsecutiveFailures),
        (|b| b.failure_rate(0.9).minimum_calls(12), 12, ChangeReason::FailureRate),
        (|b| b.failure_count(8), 8, ChangeReason::FailureCount),
        (
            |b| b.failure_rate(0.1).window(SlidingWindow::count(6)).minimum_calls(100),
            6,
            ChangeReason::FailureRate,
        ),
        (|b| b.slow_call_rate(0.5, 2 * SECOND).minimum_calls(4), 4, ChangeReason::SlowCallRate),
        (
            |b| b.slow_call_rate(0.5, SECOND).consecutive_failures(2),
            2,
            ChangeReason::ConsecutiveFailures,
        ),
    ];
    for (set, calls, reason) in table {
        let (circuit, clock) = circuit(set);

        assert_eq!(reach::open(&circuit, &clock), calls, "{reason}");

        assert_open(&circuit);
        assert_eq!(circuit.snapshot().last_trip.unwrap().reason, reason);
        assert_eq!(circuit.snapshot().totals.stale, 0, "{reason}");
    }
    let (circuit, clock) = circuit(|b| b.rule(connect()));
    assert_eq!(reach::open(&circuit, &clock), 3);
    assert_eq!(circuit.snapshot().last_trip.unwrap().reason, by_kind);
}

#[test]
fn every_state_is_reached_from_every_other() {
    let (circuit, clock) = circuit(|b| b.probes(3).open_for(9 * SECOND));

    reach::half_open(&circuit, &clock);
    assert_half_open(&circuit);
    assert_eq!(reach::open(&circuit, &clock), 1, "one failed probe");
    assert_eq!(reach::open(&circuit, &clock), 0, "it is open");
    assert_eq!(reach::closed(&circuit, &clock), 3);
    assert_eq!(reach::closed(&circuit, &clock), 0, "it is closed");
    reach::ready_to_probe(&circuit, &clock);
    assert_open(&circuit);
    assert!(circuit.try_acquire().is_ok());
    assert_eq!(reach::closed(&circuit, &clock), 3);
    assert_closed(&circuit);

    assert_eq!(circuit.snapshot().totals.rejected, 0);
}

#[test]
fn a_half_open_circuit_has_all_its_slots_free() {
    let (circuit, clock) = circuit(|b| b.concurrent_probes(2));

    reach::half_open(&circuit, &clock);

    let probes = [circuit.try_acquire().unwrap(), circuit.try_acquire().unwrap()];
    assert_eq!(rejection(&circuit).reason().as_str(), "probes_busy");
    drop(probes);
}

#[test]
fn the_backoff_grows_as_in_a_real_outage() {
    let (circuit, clock) =
        circuit(|b| b.open_backoff(Backoff::exponential(SECOND, 60 * SECOND).without_jitter()));

    for open_for in [1, 2, 4] {
        reach::open(&circuit, &clock);
        assert_eq!(circuit.snapshot().retry_after, Some(open_for * SECOND));
        reach::half_open(&circuit, &clock);
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn where_it_cannot_get_is_told() {
    let (distant, clock) = circuit(|b| b.consecutive_failures(10_001));
    let text = panic_of(|| reach::open(&distant, &clock));
    assert!(text.contains("cannot get there: failing calls do not open it"), "{text}");
    assert!(text.contains("10000 failures in a row"), "{text}");

    let (forced, clock) = circuit(|b| b);
    forced.force_closed();
    let text = panic_of(|| reach::open(&forced, &clock));
    assert!(text.contains("under an override") && text.contains("forced_closed"), "{text}");

    let (busy, clock) = circuit(|b| b);
    reach::half_open(&busy, &clock);
    let probe = busy.try_acquire().unwrap();
    let text = panic_of(|| reach::closed(&busy, &clock));
    assert!(text.contains("it rejects a probe") && text.contains("in flight"), "{text}");
    drop(probe);

    let (patient, clock) = circuit(|b| b.probes(10_001));
    reach::half_open(&patient, &clock);
    let text = panic_of(|| reach::closed(&patient, &clock));
    assert!(text.contains("successful probes do not close it"), "{text}");
}

#[test]
fn calls_so_far_are_taken_into_account() {
    let (circuit, clock) = circuit(|b| b.consecutive_failures(4));
    record(&circuit, Outcome::Failure(FailureKind::OTHER));

    assert_eq!(reach::open(&circuit, &clock), 3);
}
