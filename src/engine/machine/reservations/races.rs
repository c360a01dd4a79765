//! Race models of reservations; see `engine::explore`.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use crate::engine::explore::{Depth, explore, race};
use crate::engine::machine::races::{PASSED, START, machine, seconds};
use crate::sync::Arc;

/// Rule 21: the end of the open time gives its one slot to a call or to a reservation.
#[test]
fn a_reservation_against_a_call_at_the_end_of_open() {
    explore(Depth::Every, 10, &["old-word"], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (a, b) = race(move || a.reserve(seconds(30)), move || b.admit(seconds(30)));
        assert!(a.0.is_ok() != b.0.is_ok());
        assert!(a.1.is_some() != b.1.is_some());
    });
}

/// Rule 21: a reservation is called at the moment its lease ends, and another takes the slot.
#[test]
fn a_reservation_is_called_while_its_lease_ends() {
    explore(Depth::Every, 5, &["old-lease"], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        let reserved = machine.reserve(seconds(30)).0.unwrap().unwrap();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (probe, other) =
            race(move || a.resume(reserved, seconds(59)), move || b.admit(seconds(60)).0);
        assert!(probe.is_some() != other.is_ok(), "one slot, one probe");
        let probe = probe.or(other.ok()).unwrap();
        assert!(machine.record(probe, PASSED, || seconds(61)).change().is_some());
    });
}

/// Rule 21: a reservation is called or given back while the next epoch begins with a probe of the
/// same number.
#[test]
fn a_reservation_ends_while_the_next_epoch_begins() {
    for is_called in [true, false] {
        explore(Depth::Every, 5, &["old-probe"], move || {
            let machine = machine(|_| {});
            machine.trip(None, START);
            let reserved = machine.reserve(seconds(30)).0.unwrap().unwrap();
            let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
            let (probe, next) = race(
                move || {
                    if is_called {
                        a.resume(reserved, seconds(31))
                    } else {
                        a.give_back(reserved);
                        None
                    }
                },
                move || {
                    b.trip(None, seconds(31));
                    b.reserve(seconds(61)).0.unwrap().unwrap()
                },
            );
            assert!(machine.holds(next, seconds(61)), "its slot is its own");
            assert!(machine.admit(seconds(61)).0.is_err());
            if let Some(old) = probe {
                assert!(!old.is_of(machine.word()), "a probe of the epoch before");
            }
        });
    }
}

/// Rule 21: a reservation is given back while its lease ends, and a call wants the slot.
#[test]
fn a_reservation_is_given_back_while_its_lease_ends() {
    explore(Depth::Every, 5, &["all-slots"], || {
        let machine = machine(|_| {});
        machine.trip(None, START);
        let reserved = machine.reserve(seconds(30)).0.unwrap().unwrap();
        let (a, b) = (Arc::clone(&machine), Arc::clone(&machine));
        let (_, other) =
            race(move || a.give_back(reserved), move || b.admit(seconds(60)).0.unwrap());
        assert!(machine.admit(seconds(60)).0.is_err(), "the slot is taken");
        assert!(machine.record(other, PASSED, || seconds(61)).change().is_some());
    });
}
