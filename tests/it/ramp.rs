//! Traffic that comes back little by little.

use std::time::Duration;

use tower_circuit_breaker::{
    Backoff, Circuit, CircuitBuilder, CircuitState, Health, ManualClock, Outcome, RejectReason,
};

use crate::support::{SECOND, circuit, fail, ready_to_probe, rejection, succeed};

/// Closed by its probe, and at the beginning of a ramp of 100 s.
fn recovered(set: impl FnOnce(CircuitBuilder) -> CircuitBuilder) -> (Circuit, ManualClock) {
    let (circuit, clock) = circuit(|b| set(b.ramp(100 * SECOND)));
    ready_to_probe(&circuit, &clock);
    succeed(&circuit);
    assert_eq!(circuit.state(), CircuitState::Closed);
    (circuit, clock)
}

/// How many of a thousand calls are admitted.
fn admitted(circuit: &Circuit) -> usize {
    let admit = || circuit.try_acquire().map(|permit| permit.record(Outcome::Success));
    (0..1_000).filter(|_| admit().is_ok()).count()
}

#[test]
fn after_a_recovery_traffic_comes_back_as_a_rising_share() {
    let (circuit, clock) = recovered(|b| b);

    // By more than six standard deviations.
    for (share, bounds) in [(0.1, 40..160), (0.55, 450..650), (0.91, 850..970)] {
        assert_eq!(circuit.snapshot().admitted_share.map(two_digits), Some(share));
        assert!(bounds.contains(&admitted(&circuit)), "at {share}");
        clock.advance(if share < 0.2 { 50 } else { 40 } * SECOND);
    }
    clock.advance(10 * SECOND);

    assert_eq!(circuit.snapshot().admitted_share, None);
    assert_eq!(admitted(&circuit), 1_000);
}

fn two_digits(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}

#[test]
fn those_that_are_held_back_hear_why_and_are_counted() {
    let (circuit, _) = recovered(|b| b);
    let before = circuit.snapshot().totals;

    let rejections: Vec<_> = (0..500).filter_map(|_| circuit.try_acquire().err()).collect();

    assert!(rejections.iter().all(|rejected| rejected.reason() == RejectReason::Ramping));
    assert!(rejections.iter().all(|rejected| rejected.retry_after().is_none()));
    let rejected = circuit.snapshot().totals.rejected - before.rejected;
    assert_eq!(rejected, rejections.len() as u64);
    let said = rejections[0].to_string();
    assert_eq!(said, "circuit \"api\" lets traffic back in little by little");
}

#[test]
fn a_circuit_that_never_tripped_does_not_ramp() {
    let (circuit, _) = circuit(|b| b.ramp(SECOND));

    assert_eq!(admitted(&circuit), 1_000);
    assert_eq!(circuit.snapshot().admitted_share, None);
    assert_eq!(circuit.health(), Health::Healthy);
}

#[test]
fn a_relapse_opens_with_the_next_step() {
    let backoff = Backoff::exponential(10 * SECOND, 1_000 * SECOND).without_jitter();
    let (circuit, clock) = recovered(|b| b.open_backoff(backoff).consecutive_failures(1));
    // Longer than it was open, which would be a recovery without a ramp.
    clock.advance(50 * SECOND);

    while circuit.state() == CircuitState::Closed {
        if let Ok(permit) = circuit.try_acquire() {
            permit.record(crate::support::FAILURE);
        }
    }

    assert_eq!(rejection(&circuit).retry_after(), Some(20 * SECOND));
    clock.advance(20 * SECOND);
    succeed(&circuit);
    clock.advance(100 * SECOND);
    fail(&circuit);
    assert_eq!(rejection(&circuit).retry_after(), Some(10 * SECOND), "it had recovered");
}

#[test]
fn an_operator_lets_all_calls_in_at_once() {
    let commands: [(&str, fn(&Circuit)); 3] = [
        ("reset", Circuit::reset),
        ("release", |circuit| {
            circuit.force_open();
            circuit.release();
        }),
        ("force_closed", Circuit::force_closed),
    ];
    for (name, command) in commands {
        let (circuit, _) = recovered(|b| b);

        command(&circuit);

        assert_eq!(admitted(&circuit), 1_000, "{name}");
        assert_eq!(circuit.snapshot().admitted_share, None, "{name}");
    }
}

#[test]
fn an_observing_circuit_counts_whom_it_would_hold_back() {
    let (circuit, _) = recovered(|b| b);
    circuit.observe();

    assert_eq!(admitted(&circuit), 1_000);

    let totals = circuit.snapshot().totals;
    assert!((840..960).contains(&totals.would_have_rejected), "{totals:?}");
    assert_eq!((totals.rejected, totals.successes), (0, 1_001));
}

#[test]
fn a_circuit_that_ramps_is_degraded() {
    let (circuit, clock) = recovered(|b| b);

    assert_eq!(circuit.health(), Health::Degraded);
    assert_eq!(circuit.snapshot().health(), Health::Degraded);
    circuit.observe();
    assert_eq!(circuit.health(), Health::Healthy, "it sheds nothing");
    circuit.release();
    clock.advance(101 * SECOND);
    assert_eq!(circuit.health(), Health::Healthy);
}

#[test]
fn other_settings_keep_the_ramp_or_drop_it() {
    let (circuit, clock) = recovered(|b| b);
    clock.advance(50 * SECOND);

    circuit.reconfigure(Circuit::builder("").ramp(50 * SECOND).probes(2).into_config());
    assert_eq!(circuit.snapshot().admitted_share.map(two_digits), Some(0.55), "what it has gained");
    circuit.reconfigure(Circuit::builder("").probes(2).into_config());
    assert_eq!(circuit.snapshot().admitted_share, None);
    assert_eq!(admitted(&circuit), 1_000);
}

#[test]
fn a_ramp_under_other_settings_goes_on_from_the_share_it_has_gained() {
    let minute = 60 * SECOND;
    for (first, then) in [(60 * minute, minute), (minute, 60 * minute)] {
        let (circuit, clock) = circuit(|b| b.ramp(first));
        ready_to_probe(&circuit, &clock);
        succeed(&circuit);
        clock.advance(first / 2);

        circuit.reconfigure(Circuit::builder("").ramp(then).into_config());
        let share = || circuit.snapshot().admitted_share.map(two_digits);
        assert_eq!(share(), Some(0.55), "{first:?} => {then:?}");
        clock.advance(then / 4);
        assert_eq!(share(), Some(0.77), "{first:?} => {then:?}");
        clock.advance(then / 4);
        assert_eq!(share(), None, "{first:?} => {then:?}");
        assert_eq!(admitted(&circuit), 1_000);
    }
}

#[test]
fn settings_with_a_ramp_begin_none_where_none_runs() {
    let (circuit, _) = circuit(|b| b);

    circuit.reconfigure(Circuit::builder("").ramp(60 * SECOND).into_config());

    assert_eq!(circuit.snapshot().admitted_share, None);
}

#[test]
fn hung_calls_count_while_it_ramps() {
    let (circuit, clock) = recovered(|b| b.stalled_calls(3, SECOND));
    let hung: Vec<_> = std::iter::repeat_with(|| circuit.try_acquire()).flatten().take(3).collect();
    clock.advance(2 * SECOND);

    assert_eq!(rejection(&circuit).reason(), RejectReason::Open);
    drop(hung);
}

#[test]
fn a_ramp_of_centuries_is_a_ramp() {
    let (circuit, clock) = circuit(|b| b.ramp(Duration::MAX));
    ready_to_probe(&circuit, &clock);
    succeed(&circuit);

    assert!((40..160).contains(&admitted(&circuit)));
}
