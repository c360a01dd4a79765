//! Moments between two looks at the word: what happens there is made to happen by the clock, which
//! is asked between the first look and the lock.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::engine::change::{Change, ChangeReason};
use crate::engine::machine::Machine;
use crate::engine::machine::admit::Rejection;
use crate::engine::machine::control::slot::ControlSlot;
use crate::engine::machine::probes::ProbeId;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::ticket::{Role, Ticket};
use crate::engine::time::Timestamp;
use crate::sync::lock;

const FAILED: Option<Outcome> = Some(Outcome::Failure(FailureKind::OTHER));
const PASSED: Option<Outcome> = Some(Outcome::Success);

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO.after(Duration::from_secs(seconds))
}

/// Opens for 30 s after one failure; one probe at a time, which holds its slot for 30 s.
fn machine() -> Machine {
    let mut settings = Settings::without_rules();
    settings.add(TripRule::consecutive_failures(1));
    Machine::new(settings, 1, at(0))
}

fn probe(machine: &Machine, seconds: u64) -> Ticket {
    let ticket = machine.admit(at(seconds)).0.expect("a probe is admitted");
    assert_eq!(ticket.role(), Role::Probe(ProbeId::FIRST));
    ticket
}

/// The first probe of the next half-open epoch: it has the number of the one before.
fn reopen_and_probe(machine: &Machine, seconds: u64) -> Ticket {
    machine.trip(None, at(seconds));
    probe(machine, seconds + 30)
}

/// The thread that holds the lock meanwhile takes a snapshot.
#[test]
fn closed_calls_and_rejections_wait_for_no_snapshot() {
    let machine = machine();
    let snapshot = machine.lock();
    let passing = machine.admit(at(0)).0.unwrap();
    machine.record(passing, PASSED, || at(1));
    drop(snapshot);
    machine.trip(None, at(1));
    let snapshot = machine.lock();

    let rejection = machine.admit(at(2)).0.unwrap_err();

    drop(snapshot);
    assert_eq!(rejection, Rejection::Open { until: at(31) });
}

#[test]
fn a_probe_that_ends_while_the_next_epoch_begins_does_not_free_its_slot() {
    for outcome in [None, PASSED, FAILED] {
        let machine = machine();
        let late = reopen_and_probe(&machine, 0);
        let next = Cell::new(None);

        let recorded = machine.record(late, outcome, || {
            next.set(Some(reopen_and_probe(&machine, 31)));
            at(62)
        });

        assert!(recorded.is_stale(), "{outcome:?}");
        assert!(recorded.change().is_none(), "{outcome:?}");
        let totals = machine.totals();
        assert_eq!((totals.stale, totals.abandoned), (1, 0), "{outcome:?}");
        let busy = Rejection::ProbesBusy { until: at(91) };
        assert_eq!(machine.admit(at(62)).0.unwrap_err(), busy, "{outcome:?}");
        machine.record(next.get().unwrap(), PASSED, || at(63));
        assert_eq!(machine.word().state(), CircuitState::Closed, "{outcome:?}");
    }
}

#[test]
fn a_failure_that_comes_while_an_operator_acts_does_not_trip() {
    type Act = fn(&Machine) -> Change;
    let acts: [(Act, CircuitState); 3] = [
        (|machine| machine.reset(at(1)), CircuitState::Closed),
        (|machine| machine.force(Override::ForcedClosed, None, at(1)), CircuitState::Closed),
        (|machine| machine.trip(None, at(1)), CircuitState::Open),
    ];
    for (act, state) in acts {
        let machine = machine();
        let ticket = machine.admit(at(0)).0.unwrap();

        let recorded = machine.record(ticket, FAILED, || {
            act(&machine);
            at(2)
        });

        assert!(recorded.change().is_none(), "{state:?}");
        assert_eq!((machine.word().state(), machine.word().epoch()), (state, 2));
    }
}

#[test]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_machine_works_on_after_a_panic_under_its_lock() {
    let machine = machine();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _control = machine.lock();
        std::panic::panic_any("under the lock");
    }));
    assert!(caught.is_err());

    let failed = machine.record(machine.admit(at(0)).0.unwrap(), FAILED, || at(0));

    assert_eq!(failed.change().unwrap().reason, ChangeReason::ConsecutiveFailures);
    machine.record(probe(&machine, 30), PASSED, || at(30));
    assert_eq!(machine.word().state(), CircuitState::Closed);
}

#[test]
fn a_closed_machine_admits_and_records_while_its_lock_is_held() {
    let machine = machine();
    let control = machine.lock();

    let ticket = machine.admit_at_once(|| at(0)).expect("a call is admitted");
    machine.record(ticket, PASSED, || at(0));

    drop(control);
    assert_eq!(machine.totals().successes, 1);
}

#[test]
fn once_a_ramp_is_over_calls_are_admitted_by_the_word_alone() {
    let mut settings = Settings::without_rules();
    settings.ramp = Some(Duration::from_secs(10));
    let machine = Machine::new(settings, 1, at(0));
    assert!(machine.admit_at_once(|| at(0)).is_some(), "before it ever tripped");
    machine.trip(None, at(0));
    machine.record(probe(&machine, 30), PASSED, || at(30));
    assert!(machine.admit_at_once(|| at(39)).is_none(), "it ramps");

    assert!(machine.admit(at(40)).0.is_ok());

    assert!(machine.admit_at_once(|| at(40)).is_some());
}

#[test]
fn what_is_only_read_makes_no_control() {
    let machine = machine();
    machine.snapshot(at(1));
    machine.export(at(1));
    machine.set_interest(Word::CALL_EVENTS);
    let present = Settings::clone(&machine.settings());
    assert!(machine.reconfigure(present, at(1)).is_none());

    let ticket = machine.admit(at(1)).0.unwrap();
    machine.record(ticket, PASSED, || at(1));

    assert!(matches!(&*lock(&machine.control), ControlSlot::Fresh { .. }));
}

#[test]
fn a_control_that_is_made_late_is_as_if_made_with_the_circuit() {
    let machine = machine().begin_under(Override::Observing);
    machine.set_interest(Word::REJECTION_EVENTS);
    assert_eq!(machine.snapshot(at(4)).in_state_for, Duration::from_secs(4));

    let change = machine.trip(None, at(5));

    assert_eq!((change.number, change.lasted), (1, Duration::from_secs(5)));
    assert_eq!(change.to.overridden, Some(Override::Observing));
    assert_eq!(machine.word().interest(), Word::REJECTION_EVENTS);
    assert_eq!(machine.snapshot(at(6)).in_state_for, Duration::from_secs(1));
}
