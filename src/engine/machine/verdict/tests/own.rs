//! Tests of what the fleet may do to an epoch that the circuit has begun itself: extend it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use crate::engine::machine::Machine;
use crate::engine::machine::admit::Rejection;
use crate::engine::machine::effect::Effect;
use crate::engine::machine::verdict::{Ruling, Verdict};
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::rules::backoff::Backoff;
use crate::engine::rules::open_steps::OpenSteps;
use crate::engine::rules::settings::Settings;
use crate::engine::state::CircuitState;
use crate::engine::time::Timestamp;

const START: Timestamp = Timestamp::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const FAILED: Option<Outcome> = Some(Outcome::Failure(FailureKind::OTHER));

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

/// Opens for 10 s at first, then for 20 s, 40 s and so on.
fn settings() -> Settings {
    let mut settings = Settings::without_rules();
    let [first, max] = [10, 1000].map(Duration::from_secs);
    settings.open = OpenSteps::Backoff(Backoff::exponential(first, max).without_jitter());
    settings
}

fn open(epoch: u64, left: u64, step: u32) -> Verdict {
    let left = Duration::from_secs(left);
    Verdict { epoch, ruling: Ruling::Open { open_for: left, left, step } }
}

/// The fleet has opened it for 10 s under the verdict 7, its probe has failed then, and it is open
/// from 10 to 30 by itself.
fn reopened() -> Machine {
    let machine = Machine::new(settings(), 1, START);
    machine.adopt(open(7, 10, 0), START);
    fail_a_probe(&machine, at(10));
    assert_eq!(until(&machine), at(30));
    machine
}

fn fail_a_probe(machine: &Machine, now: Timestamp) {
    let probe = machine.admit(now).0.unwrap();
    machine.record(probe, FAILED, || now);
    assert_eq!(machine.word().state(), CircuitState::Open);
}

fn until(machine: &Machine) -> Timestamp {
    match machine.would_reject(|| START) {
        Some(Rejection::Open { until }) => until,
        other => panic!("it is not open: {other:?}"),
    }
}

#[test]
fn the_fleet_prolongs_an_own_epoch_and_never_ends_it_sooner() {
    for left in [0, 1, 19] {
        let machine = reopened();

        machine.hold(7, left * SECOND, at(10));
        assert_eq!(until(&machine), at(30), "held for {left} s");
        machine.recall(7, left * SECOND, at(10));
        assert_eq!(until(&machine), at(30), "recalled for {left} s");
        machine.adopt(open(8, left.into(), 0), at(10));
        assert_eq!(until(&machine), at(30), "a verdict for {left} s");
    }
    let machine = reopened();
    machine.hold(7, 50 * SECOND, at(10));
    assert_eq!(until(&machine), at(60));
    assert!(
        matches!(machine.hold(7, SECOND, at(11)), Effect::EndsSooner),
        "it was held for longer"
    );
    assert_eq!(until(&machine), at(30));
    machine.adopt(open(8, 90, 0), at(11));
    assert_eq!(until(&machine), at(101));
}

#[test]
fn an_end_is_the_circuits_own_whoever_but_the_fleet_began_the_epoch() {
    let begin: [(&str, fn(&Machine)); 4] = [
        ("a rule", |machine| {
            machine.reset(at(1));
            let call = machine.admit(at(1)).0.unwrap();
            let asked = Some(Outcome::TripFor(29 * SECOND));
            machine.record(call, asked, || at(1));
        }),
        ("an operator", |machine| {
            machine.trip(Some(29 * SECOND), at(1));
        }),
        ("a health probe", |machine| {
            let epoch = machine.word().epoch();
            machine.extend_open(epoch, 29 * SECOND, at(1));
        }),
        ("a probe, under other settings since", |machine| {
            machine.trip(Some(29 * SECOND), at(1));
            machine.hold(7, 60 * SECOND, at(1));
            let others = Settings { probes: 3, ..settings() };
            machine.reconfigure(others, at(1)).unwrap();
        }),
    ];
    for (who, begin) in begin {
        let machine = Machine::new(settings(), 1, START);
        machine.adopt(open(7, 10, 0), START);
        begin(&machine);

        machine.hold(7, Duration::ZERO, at(2));

        assert_eq!(until(&machine), at(30), "{who}");
    }
}

#[test]
fn an_epoch_that_the_fleet_began_ends_when_the_fleet_says() {
    let machine = reopened();
    // The next turn is taken back by the fleet's word that it is open.
    machine.admit(at(30)).0.unwrap();
    machine.adopt(open(8, 90, 2), at(30));
    assert_eq!(until(&machine), at(120));

    machine.adopt(open(9, 40, 2), at(31));

    assert_eq!(until(&machine), at(71));
    machine.hold(9, SECOND, at(31));
    assert_eq!(until(&machine), at(32));
}

#[test]
fn a_verdict_that_does_not_close_an_own_epoch_holds_it_no_longer() {
    let machine = Machine::new(settings(), 1, START);
    machine.adopt(open(7, 10, 0), START);
    machine.reset(START);
    machine.trip(Some(20 * SECOND), START);
    machine.hold(7, 60 * SECOND, START);
    assert_eq!(until(&machine), at(60));

    let closed = Verdict { epoch: 8, ruling: Ruling::Closed };
    assert!(matches!(machine.adopt(closed, at(1)), Effect::EndsSooner));

    assert_eq!(until(&machine), at(20));
}

#[test]
fn a_turn_that_is_taken_back_does_not_make_the_last_own_end_later() {
    let machine = reopened();
    machine.admit(at(30)).0.unwrap();

    machine.recall(7, 5 * SECOND, at(31));

    assert_eq!(until(&machine), at(36));
    machine.hold(7, Duration::ZERO, at(31));
    assert_eq!(until(&machine), at(31));
}

#[test]
fn a_verdict_of_a_lower_step_takes_no_step_back() {
    // While it is open by itself,
    let machine = reopened();
    machine.adopt(open(8, 1, 0), at(11));
    assert_eq!(machine.lock().backoff(), (20 * SECOND, 1));
    fail_a_probe(&machine, at(30));
    assert_eq!(until(&machine), at(70));

    // and while it probes.
    machine.admit(at(70)).0.unwrap();
    machine.adopt(open(9, 10, 0), at(70));
    let (_, step) = machine.lock().backoff();
    assert!(step >= 2, "{step}");
    fail_a_probe(&machine, at(80));
    assert!(until(&machine) >= at(160), "{:?}", until(&machine));
}

#[test]
fn what_is_left_of_an_own_epoch_is_known() {
    let machine = reopened();

    assert_eq!(machine.own_left(at(10)), 20 * SECOND);
    machine.hold(7, 50 * SECOND, at(10));
    assert_eq!(machine.own_left(at(12)), 18 * SECOND);
    assert_eq!(machine.own_left(at(31)), Duration::ZERO);
    machine.hold(7, Duration::ZERO, at(31));
    machine.admit(at(31)).0.unwrap();
    assert_eq!(machine.own_left(at(12)), Duration::ZERO, "half-open");
    let machine = Machine::new(settings(), 1, START);
    machine.adopt(open(7, 10, 0), START);
    assert_eq!(machine.own_left(START), Duration::ZERO, "the fleet's");
}
