//! Race models of the machine; see `engine::explore`.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::machine::Machine;
use crate::engine::machine::admit::Rejection;
use crate::engine::machine::effect::CountedAs;
use crate::engine::outcome::{FailureKind, Outcome};
use crate::engine::rules::rule::TripRule;
use crate::engine::rules::settings::Settings;
use crate::engine::state::{CircuitState, Override, Word};
use crate::engine::ticket::{Role, Ticket};
use crate::engine::time::Timestamp;
use crate::engine::window::span::{SlidingWindow, Span};
use crate::sync::Arc;

mod overrides;
mod recovery;
mod rough;

pub(super) const FAILED: Option<Outcome> = Some(Outcome::Failure(FailureKind::OTHER));
pub(super) const PASSED: Option<Outcome> = Some(Outcome::Success);
pub(super) const START: Timestamp = Timestamp::from_nanos(1);

pub(super) fn seconds(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

pub(super) fn machine(set: impl FnOnce(&mut Settings)) -> Arc<Machine> {
    let mut settings = Settings::without_rules();
    settings.add(TripRule::consecutive_failures(2));
    set(&mut settings);
    Arc::new(Machine::new(settings, 1, START))
}

fn half_open(machine: &Machine, probes: usize) -> Vec<Ticket> {
    machine.trip(None, START);
    (0..probes).map(|_| machine.admit(seconds(30)).0.unwrap()).collect()
}

/// L1: two failures that both reach the limit, and an operator's trip: each epoch changes once.
#[test]
fn closed_to_open_exactly_once() {
    explore(Depth::Every, 50, &["old-trip"], || {
        let machine = machine(|settings| {
            settings.add(TripRule::consecutive_failures(1));
        });
        let tickets = [machine.admit(START).0.unwrap(), machine.admit(START).0.unwrap()];
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (a, b) = race(
            move || a.record(tickets[0], FAILED, || START),
            move || b.record(tickets[1], FAILED, || START),
        );
        let changes = [&a, &b].iter().filter(|recorded| recorded.change().is_some()).count();
        assert_eq!(changes, 1);
        assert_eq!(machine.word().state(), CircuitState::Open);
        assert_eq!(machine.lock().trips(), 1);
        let totals = machine.totals();
        assert_eq!(totals.failures + totals.stale, 2);
        assert!(!a.is_stale() || !b.is_stale());
    });
}

/// Two failures make one run of two: exactly one of them sees the limit reached.
#[test]
fn a_run_of_two_trips_once() {
    explore(Depth::Every, 50, &["torn-exchange"], || {
        let machine = machine(|_| {});
        let tickets = [machine.admit(START).0.unwrap(), machine.admit(START).0.unwrap()];
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (a, b) = race(
            move || a.record(tickets[0], FAILED, || START),
            move || b.record(tickets[1], FAILED, || START),
        );
        assert!(a.change().is_some() != b.change().is_some());
        assert_eq!(machine.word().state(), CircuitState::Open);
    });
}

/// L4, L9: a failure that trips against an operator's reset.
#[test]
fn a_failure_against_a_reset() {
    explore(Depth::Every, 50, &["old-run", "old-trip"], || {
        let machine = machine(|_| {});
        machine.record(machine.admit(START).0.unwrap(), FAILED, || START);
        let ticket = machine.admit(START).0.unwrap();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (recorded, change) =
            race(move || a.record(ticket, FAILED, || START), move || b.reset(START));
        assert_eq!(machine.word().state(), CircuitState::Closed);
        if let Some(tripped) = recorded.change() {
            assert!(tripped.number < change.number, "only before the reset");
        }
        // The run starts at zero: one failure alone does not trip.
        let ticket = machine.admit(START).0.unwrap();
        assert!(machine.record(ticket, FAILED, || START).change().is_none());
        assert_eq!(machine.word().state(), CircuitState::Closed);
    });
}

/// L2: the end of the open time admits one probe.
#[test]
fn the_end_of_open_admits_one_probe() {
    explore(Depth::Every, 10, &["old-word"], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (a, b) = race(move || a.admit(seconds(30)), move || b.admit(seconds(30)));
        assert!(a.0.is_ok() != b.0.is_ok());
        assert!(a.1.is_some() != b.1.is_some());
    });
}

/// L3: a probe is dropped while its lease ends.
#[test]
fn a_probe_is_dropped_while_its_lease_ends() {
    explore(Depth::Every, 10, &["all-slots"], || {
        let machine = machine(|_| {});
        let probe = half_open(&machine, 1)[0];
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (_, (admitted, change)) =
            race(move || a.record(probe, None, || seconds(60)), move || b.admit(seconds(60)));
        assert!(change.is_none());
        let second = admitted.expect("the slot is free, by the drop or by the lease");
        assert!(matches!(second.role(), Role::Probe(_)));
        assert!(machine.admit(seconds(60)).0.is_err(), "and taken again");
        assert!(machine.record(second, PASSED, || seconds(61)).change().is_some());
        assert_eq!(machine.word().state(), CircuitState::Closed);
    });
}

/// L6: a probe that passes against one that fails.
#[test]
fn probes_that_disagree_make_one_change() {
    explore(Depth::Every, 10, &["old-probe"], || {
        let machine = machine(|settings| settings.concurrent_probes = 2);
        let probes = half_open(&machine, 2);
        let (first, second) = (probes[0], probes[1]);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (a, b) = race(
            move || a.record(first, PASSED, || seconds(31)),
            move || b.record(second, FAILED, || seconds(31)),
        );
        assert!(a.change().is_some() != b.change().is_some());
        assert_eq!(machine.totals().stale, 1);
    });
}

/// L5, L9: a rejection says how long *its* epoch lasts, also while an operator forces the circuit.
#[test]
fn a_rejection_against_a_forced_open() {
    explore(Depth::Every, 5, &["unpaired-deadline", "unordered"], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (admitted, _) =
            race(move || a.admit(START), move || b.force(Override::ForcedOpen, None, START));
        match admitted.0.unwrap_err() {
            Rejection::ForcedOpen { .. } => {}
            Rejection::Open { until } => assert_eq!(until, seconds(30)),
            rejection => panic!("{rejection:?}, of a circuit that is open"),
        }
    });
}

/// L5: while the last probe fails and the circuit reopens, a call is rejected for a reason that
/// holds.
#[test]
fn a_rejection_against_a_reopening() {
    explore(Depth::Every, 5, &["unpaired-deadline", "unordered"], || {
        let machine = machine(|settings| {
            settings.concurrent_probes = 2;
            settings.probes = 2;
        });
        let probe = half_open(&machine, 1)[0];
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (admitted, _) =
            race(move || a.admit(seconds(31)), move || b.record(probe, FAILED, || seconds(31)));
        match admitted.0 {
            Ok(ticket) => assert!(matches!(ticket.role(), Role::Probe(_))),
            Err(Rejection::Open { .. }) => {}
            Err(rejection) => panic!("{rejection:?}, but a slot was free"),
        }
    });
}

/// L10: a call against a reconfiguration.
#[test]
fn a_failure_against_a_reconfiguration() {
    explore(Depth::Every, 50, &["old-trip"], || {
        let machine = machine(|_| {});
        machine.record(machine.admit(START).0.unwrap(), FAILED, || START);
        let ticket = machine.admit(START).0.unwrap();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (recorded, changed) = race(
            move || a.record(ticket, FAILED, || START),
            move || {
                let mut settings = Settings::without_rules();
                settings.add(TripRule::consecutive_failures(1));
                b.reconfigure(settings, START).unwrap()
            },
        );
        if let Some(tripped) = recorded.change() {
            assert!(tripped.number < changed.number);
            assert_eq!(machine.word().state(), CircuitState::Open);
        } else {
            assert_eq!(machine.word().state(), CircuitState::Closed);
        }
    });
}

/// L1, L9: two failures that both reach the limit, and an operator's reset: the reset holds, and a
/// failure after it changes nothing.
#[test]
fn two_failures_against_a_reset() {
    explore(Depth::Three, 50, &["old-trip"], || {
        let machine = machine(|settings| {
            settings.add(TripRule::consecutive_failures(1));
        });
        let tickets = [machine.admit(START).0.unwrap(), machine.admit(START).0.unwrap()];
        let (a, b, c) = (Arc::clone(&machine), Arc::clone(&machine), Arc::clone(&machine));
        let (a, b, reset) = race_of_three(
            move || a.record(tickets[0], FAILED, || START),
            move || b.record(tickets[1], FAILED, || START),
            move || c.reset(START),
        );
        assert_eq!(machine.word().state(), CircuitState::Closed);
        assert!(a.change().is_none() || b.change().is_none());
        let trips = u64::from(a.change().is_some() || b.change().is_some());
        assert_eq!((machine.lock().trips(), reset.number), (trips, trips + 1));
    });
}

/// L2: the end of the open time admits as many probes as may run at once.
#[test]
fn the_end_of_open_admits_two_probes_of_three_calls() {
    explore(Depth::Three, 100, &["old-word"], || {
        let machine = machine(|settings| settings.concurrent_probes = 2);
        machine.trip(None, START);
        let actor = || {
            let machine = Arc::clone(&machine);
            move || machine.admit(seconds(30))
        };
        let (a, b, c) = race_of_three(actor(), actor(), actor());
        let admitted = [&a, &b, &c].iter().filter(|(admitted, _)| admitted.is_ok()).count();
        let changes = [&a, &b, &c].iter().filter(|(_, change)| change.is_some()).count();
        assert_eq!((admitted, changes), (2, 1));
    });
}

/// L3: a slot that is given back twice, by its lease and by its probe, is one slot.
#[test]
fn a_lease_ends_while_its_probe_is_dropped_and_two_calls_want_the_slot() {
    explore(Depth::Three, 50, &["all-slots"], || {
        let machine = machine(|_| {});
        let probe = half_open(&machine, 1)[0];
        let (a, b, c) = (Arc::clone(&machine), Arc::clone(&machine), Arc::clone(&machine));
        let (_, b, c) = race_of_three(
            move || a.record(probe, None, || seconds(60)),
            move || b.admit(seconds(60)).0,
            move || c.admit(seconds(60)).0,
        );
        assert!(b.is_ok() != c.is_ok());
    });
}

/// L4: a probe ends or is dropped while the next epoch begins with a probe of the same number.
#[test]
fn a_probe_ends_while_the_next_epoch_begins() {
    for outcome in [None, PASSED, FAILED] {
        explore(Depth::Every, 10, &["old-probe"], move || {
            let machine = machine(|_| {});
            let probe = half_open(&machine, 1)[0];
            let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
            let (_, next) = race(
                move || a.record(probe, outcome, || seconds(31)),
                move || {
                    b.trip(None, seconds(31));
                    b.admit(seconds(61)).0.unwrap()
                },
            );
            assert_eq!(machine.word().state(), CircuitState::HalfOpen, "{outcome:?}");
            assert!(machine.admit(seconds(61)).0.is_err(), "its slot is taken: {outcome:?}");
            let judged = machine.record(next, PASSED, || seconds(61));
            assert_eq!(judged.counted, CountedAs::Success);
        });
    }
}

/// L5: while the only probe fails and the circuit reopens, a rejection says how long *that* lasts.
#[test]
fn a_busy_rejection_against_a_reopening() {
    explore(Depth::Every, 5, &["old-deadline", "unordered"], || {
        let machine = machine(|_| {});
        let probe = half_open(&machine, 1)[0];
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (admitted, _) =
            race(move || a.admit(seconds(31)), move || b.record(probe, FAILED, || seconds(31)));
        match admitted.0.unwrap_err() {
            Rejection::ProbesBusy { .. } => {}
            Rejection::Open { until } => assert_eq!(until, seconds(61)),
            rejection => panic!("{rejection:?}, of a circuit that nobody forced"),
        }
    });
}

/// L9: the first call after the open time against an operator who forces the circuit open.
#[test]
fn an_admission_against_a_forced_open() {
    explore(Depth::Every, 10, &["old-word"], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let ((admitted, change), forced) = race(
            move || a.admit(seconds(30)),
            move || b.force(Override::ForcedOpen, None, seconds(30)),
        );
        assert_eq!(machine.word().state(), CircuitState::Open);
        assert_eq!(machine.word().overridden(), Some(Override::ForcedOpen));
        assert_eq!(admitted.is_ok(), change.is_some());
        assert!(change.is_none_or(|change| change.number < forced.number));
    });
}

/// L10: a call that the new epoch admits is held against the new limits.
#[test]
fn a_call_against_a_reconfiguration() {
    explore(Depth::Every, 50, &["unordered", "old-trip"], || {
        let machine = machine(|_| {});
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let ((ticket, recorded), changed) = race(
            move || {
                let ticket = a.admit(START).0.unwrap();
                (ticket, a.record(ticket, FAILED, || START))
            },
            move || {
                let mut settings = Settings::without_rules();
                settings.add(TripRule::consecutive_failures(1));
                b.reconfigure(settings, START).unwrap()
            },
        );
        let is_new = ticket.is_of(Word::new(CircuitState::Closed, None, 0, changed.epoch));
        assert_eq!(recorded.change().is_some(), is_new, "{recorded:?}");
    });
}

/// I1: a success that the window counts is among the totals once, or stale.
#[test]
fn a_success_against_a_reset() {
    let second = Duration::from_secs(1);
    for (span, depth, bug) in [
        (Span::Calls(2), Depth::Every, "torn-exchange"),
        // Of many steps.
        (Span::Time { length: second, buckets: 1 }, Depth::Three, "left-in-word"),
    ] {
        explore(depth, 50, &[bug], move || {
            let machine = machine(|settings| {
                settings.add(TripRule::failure_count(2));
                settings.window = Some(SlidingWindow(span));
            });
            machine.record(machine.admit(START).0.unwrap(), PASSED, || START);
            let ticket = machine.admit(START).0.unwrap();
            let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
            let (recorded, _) =
                race(move || a.record(ticket, PASSED, || START), move || b.reset(START));
            let late = u64::from(recorded.is_stale());
            let totals = machine.totals();
            assert_eq!((totals.successes, totals.stale), (2 - late, late));
        });
    }
}
