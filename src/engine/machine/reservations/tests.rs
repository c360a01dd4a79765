use std::time::Duration;

use crate::engine::machine::Machine;
use crate::engine::machine::admit::Rejection;
use crate::engine::machine::effect::Effect;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override};
use crate::engine::ticket::Ticket;
use crate::engine::time::Timestamp;

const PASSED: Option<Outcome> = Some(Outcome::Success);
const FAILED: Option<Outcome> = Some(Outcome::Failure(FailureKind::OTHER));

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO.after(Duration::from_secs(seconds))
}

fn busy_until(seconds: u64) -> Rejection {
    Rejection::ProbesBusy { until: at(seconds) }
}

/// Opens for 30 s from zero on; then one probe at a time, which holds its slot for 30 s.
fn open_machine() -> Machine {
    let machine = Machine::new(Settings::without_rules(), 1, at(0));
    machine.trip(None, at(0));
    machine
}

fn reserve(machine: &Machine, seconds: u64) -> Result<Option<Ticket>, Rejection> {
    machine.reserve(at(seconds)).0
}

#[test]
fn a_slot_is_reserved_once_the_open_time_is_over() {
    let machine = open_machine();
    assert_eq!(reserve(&machine, 29).unwrap_err(), Rejection::Open { until: at(30) });

    let (reserved, change) = machine.reserve(at(30));

    assert!(reserved.unwrap().is_some());
    assert_eq!(change.unwrap().to.state, CircuitState::HalfOpen);
    assert_eq!(reserve(&machine, 31).unwrap_err(), busy_until(60));
    assert_eq!(machine.admit(at(31)).0.unwrap_err(), busy_until(60));
}

#[test]
fn a_circuit_that_admits_all_calls_needs_no_slot() {
    let machine = Machine::new(Settings::without_rules(), 1, at(0));
    assert!(reserve(&machine, 0).unwrap().is_none(), "closed");
    machine.trip(None, at(0));
    machine.observe(None, at(0));

    assert!(reserve(&machine, 1).unwrap().is_none(), "open, but only observed");
    assert_eq!(machine.word().overridden(), Some(Override::Observing));
    assert_eq!(machine.word().state(), CircuitState::Open);
}

#[test]
fn a_reservation_counts_nowhere() {
    let machine = open_machine();
    let before = machine.totals();
    assert!(reserve(&machine, 0).is_err());
    let reserved = reserve(&machine, 30).unwrap().unwrap();
    assert!(reserve(&machine, 30).is_err());

    assert!(matches!(machine.give_back(reserved), Effect::SlotFreed), "the slot is free by that");

    assert!(matches!(machine.give_back(reserved), Effect::Nothing), "and only once");
    assert_eq!(machine.totals(), before);
    assert!(reserve(&machine, 30).unwrap().is_some());
}

#[test]
fn time_and_lease_of_a_resumed_reservation_begin_with_the_call() {
    let machine = open_machine();
    let reserved = reserve(&machine, 30).unwrap().unwrap();

    let probe = machine.resume(reserved, at(50)).unwrap();

    assert_eq!(probe.started(), at(50));
    assert_eq!(machine.admit(at(79)).0.unwrap_err(), busy_until(80));
    machine.record(probe, PASSED, || at(79));
    assert_eq!(machine.word().state(), CircuitState::Closed);
}

#[test]
fn a_reservation_ends_with_its_lease() {
    let machine = open_machine();
    let reserved = reserve(&machine, 30).unwrap().unwrap();
    assert!(machine.holds(reserved, at(59)));

    assert!(!machine.holds(reserved, at(60)));
    assert!(machine.resume(reserved, at(60)).is_none());
    let second = reserve(&machine, 60).unwrap().unwrap();
    assert!(machine.resume(reserved, at(60)).is_none(), "taken by another");
    assert!(matches!(machine.give_back(reserved), Effect::Nothing), "and not freed by it");
    assert!(machine.holds(second, at(60)));
}

#[test]
fn a_reservation_ends_with_its_epoch() {
    let machine = open_machine();
    let old = reserve(&machine, 30).unwrap().unwrap();
    machine.trip(None, at(31));
    let new = reserve(&machine, 61).unwrap().unwrap();
    assert_eq!(old.role(), new.role(), "the first of its epoch, as the other was");

    assert!(!machine.holds(old, at(61)));
    assert!(machine.resume(old, at(61)).is_none());
    assert!(matches!(machine.give_back(old), Effect::Nothing));
    assert!(machine.holds(new, at(61)));
}

#[test]
fn a_probe_that_decides_nothing_says_that_it_frees_a_slot() {
    let mut settings = Settings::without_rules();
    (settings.probes, settings.failed_probes_allowed) = (9, 9);
    let machine = Machine::new(settings, 1, at(0));
    machine.trip(None, at(0));
    let ignored = Some(Outcome::Ignored);
    for outcome in [PASSED, FAILED, ignored, None] {
        let probe = machine.admit(at(30)).0.unwrap();

        let recorded = machine.record(probe, outcome, || at(30));
        assert!(matches!(recorded.effect, Effect::SlotFreed), "{outcome:?}");

        let again = machine.record(probe, outcome, || at(30));
        assert!(matches!(again.effect, Effect::Nothing), "it was free already: {outcome:?}");
    }
}

#[test]
fn a_late_probe_frees_no_slot_of_another() {
    let mut settings = Settings::without_rules();
    settings.probes = 9;
    let machine = Machine::new(settings, 1, at(0));
    machine.trip(None, at(0));
    for outcome in [PASSED, None] {
        machine.trip(None, at(0));
        let late = machine.admit(at(30)).0.unwrap();
        let _second = machine.admit(at(60)).0.unwrap();

        let recorded = machine.record(late, outcome, || at(61));

        assert!(matches!(recorded.effect, Effect::Nothing), "{outcome:?}");
        assert!(!recorded.is_stale(), "{outcome:?}");
    }
}
