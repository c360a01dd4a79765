//! Calls held back from an upstream that refuses many.

use tower_circuit_breaker::{Circuit, CircuitState, Health, Outcome, RejectReason, SlidingWindow};

use crate::support::{FAILURE, SECOND, circuit, rejection, succeed};

/// Seconds of calls to an upstream that accepts `capacity` calls a second and refuses the others;
/// how many of them reached it and were accepted, from the second minute on.
fn overload(circuit: &Circuit, advance: impl Fn(), load: u32, capacity: u32) -> (u32, u32) {
    let (mut sent, mut accepted) = (0, 0);
    for second in 0..300 {
        let mut left = capacity;
        for _ in 0..load {
            let Ok(permit) = circuit.try_acquire() else { continue };
            let is_accepted = left > 0;
            left = left.saturating_sub(1);
            permit.record(if is_accepted { Outcome::Success } else { FAILURE });
            if second >= 120 {
                sent += 1;
                accepted += u32::from(is_accepted);
            }
        }
        advance();
    }
    (sent, accepted)
}

/// Over loads and capacities: what reaches the upstream is about `k` times what it accepts, and it
/// is as busy as without.
#[test]
fn an_overloaded_upstream_is_kept_busy_and_spared() {
    for (k, load, capacity) in [(2.0, 400, 50), (1.1, 300, 100), (1.5, 100, 10), (3.0, 200, 20)] {
        let (circuit, clock) = circuit(|b| b.throttle(k));

        let (sent, accepted) = overload(&circuit, || clock.advance(SECOND), load, capacity);

        let (ratio, busy) = (
            f64::from(sent) / f64::from(accepted),
            f64::from(accepted) / f64::from(180 * capacity),
        );
        assert!((0.85 * k..1.15 * k).contains(&ratio), "{k}, {load}, {capacity}: {ratio}");
        assert!(busy > 0.85, "{k}, {load}, {capacity}: {busy}");
        assert_eq!(circuit.state(), CircuitState::Closed);
    }
}

#[test]
fn nobody_is_held_back_from_an_upstream_that_can_do_it_all() {
    let (circuit, clock) = circuit(|b| b.throttle(2.0));

    let (sent, accepted) = overload(&circuit, || clock.advance(SECOND), 50, 50);

    assert_eq!((sent, accepted), (180 * 50, 180 * 50));
    assert_eq!(circuit.snapshot().admitted_share, None, "all are admitted");
    assert_eq!(circuit.health(), Health::Healthy);
}

#[test]
fn a_share_is_shown_while_calls_are_held_back_and_only_then() {
    let (circuit, clock) = circuit(|b| b.throttle(2.0));
    let share = |circuit: &Circuit| circuit.snapshot().admitted_share;
    assert_eq!(share(&circuit), None, "idle");
    succeed(&circuit);
    circuit.try_acquire().unwrap().record(FAILURE);
    assert_eq!((share(&circuit), circuit.health()), (None, Health::Healthy), "half are accepted");

    circuit.try_acquire().unwrap().record(FAILURE);

    assert_eq!(share(&circuit), Some(0.75));
    assert_eq!(
        (circuit.health(), circuit.snapshot().health()),
        (Health::Degraded, Health::Degraded)
    );
    clock.advance(120 * SECOND);
    assert_eq!((share(&circuit), circuit.health()), (None, Health::Healthy), "long ago");
}

#[test]
fn an_upstream_that_recovers_gets_its_calls_back() {
    let (circuit, clock) = circuit(|b| b.throttle(2.0));
    overload(&circuit, || clock.advance(SECOND), 100, 1);
    assert_eq!(circuit.health(), Health::Degraded);

    overload(&circuit, || clock.advance(SECOND), 100, 1_000);
    let (sent, accepted) = overload(&circuit, || clock.advance(SECOND), 100, 1_000);

    assert_eq!((sent, accepted), (180 * 100, 180 * 100), "some minutes later");
}

#[test]
fn those_that_are_held_back_hear_why_and_are_counted() {
    let (circuit, _) = circuit(|b| b.throttle(1.0));
    let failing = || circuit.try_acquire().map(|permit| permit.record(FAILURE));
    let rejections: Vec<_> = (0..1_000).filter_map(|_| failing().err()).collect();

    assert!(rejections.iter().all(|rejected| rejected.reason() == RejectReason::Throttled));
    assert!(rejections.len() > 900, "{}", rejections.len());
    assert_eq!(circuit.snapshot().totals.rejected, rejections.len() as u64);
    assert_eq!(rejections[0].to_string(), "circuit \"api\" holds calls back from a busy upstream");
}

#[test]
fn ignored_and_dropped_calls_say_nothing() {
    let (circuit, _) = circuit(|b| b.throttle(1.0));

    for _ in 0..100 {
        circuit.try_acquire().expect("nothing was refused").record(Outcome::Ignored);
        drop(circuit.try_acquire().expect("nothing was refused"));
    }

    assert_eq!(circuit.snapshot().admitted_share, None);
}

#[test]
fn a_trip_rule_beside_it_opens_the_circuit() {
    let (circuit, clock) = circuit(|b| b.throttle(2.0).consecutive_failures(3));
    let mut failures = 0;
    while circuit.state() == CircuitState::Closed {
        if let Ok(permit) = circuit.try_acquire() {
            permit.record(FAILURE);
            failures += 1;
        }
    }

    assert_eq!(failures, 3);
    assert_eq!(rejection(&circuit).reason(), RejectReason::Open);
    clock.advance(30 * SECOND);
    succeed(&circuit);
    assert_eq!(circuit.snapshot().admitted_share, None, "a new stretch");
}

#[test]
fn alone_it_replaces_the_default_rules_and_looks_at_a_window_of_its_own() {
    let (circuit, _) = circuit(|b| b.throttle(1_000.0).window(SlidingWindow::count(3)));
    succeed(&circuit);

    for _ in 0..900 {
        circuit.try_acquire().expect("one success makes up for a thousand").record(FAILURE);
    }

    assert_eq!(circuit.state(), CircuitState::Closed);
}

#[test]
fn a_forced_circuit_throttles_nobody_and_an_observing_one_counts() {
    let (circuit, _) = circuit(|b| b.throttle(1.0));
    let fails = || circuit.try_acquire().expect("all are admitted").record(FAILURE);
    circuit.force_closed();
    (0..100).for_each(|_| fails());
    assert_eq!(circuit.snapshot().admitted_share, None, "all are admitted");
    circuit.release();
    circuit.observe();

    (0..100).for_each(|_| fails());

    let totals = circuit.snapshot().totals;
    assert_eq!((totals.rejected, totals.failures), (0, 200));
    assert!((50..100).contains(&totals.would_have_rejected), "{totals:?}");
    let share = circuit.snapshot().admitted_share.expect("it throttles");
    assert!((share - 1.0 / 101.0).abs() < 1e-6, "each call was tried once: {share}");
}
