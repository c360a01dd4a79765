//! Race models of places; see `engine::explore`.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "these are tests")]

use std::time::Duration;

use crate::engine::explore::{Depth, explore, race, race_of_three};
use crate::engine::machine::Machine;
use crate::engine::machine::open_cap::{OpenCap, OpenCounter};
use crate::engine::machine::races::{FAILED, PASSED, START, machine, seconds};
use crate::engine::rules::rule::TripRule;
use crate::engine::state::CircuitState;
use crate::sync::Arc;

/// Circuits that trip at the first failure, of which one may be open.
fn replicas<const N: usize>() -> (Arc<OpenCounter>, [Arc<Machine>; N]) {
    let places = Arc::new(OpenCounter::new());
    places.cap_at(OpenCap::number(1));
    let machines = std::array::from_fn(|_| {
        let machine = machine(|settings| {
            settings.add(TripRule::consecutive_failures(1));
        });
        machine.lock().join(&places, machine.word());
        machine
    });
    (places, machines)
}

/// Whether a call that fails trips the circuit.
fn trips(machine: &Machine) -> bool {
    let ticket = machine.admit(START).0.unwrap();
    machine.record(ticket, FAILED, || START).change().is_some()
}

fn is_open(machine: &Machine) -> bool {
    machine.word().state() == CircuitState::Open
}

/// Two circuits trip for one place: exactly one opens.
#[test]
fn two_trips_for_one_place() {
    explore(Depth::Every, 10, &["torn-exchange"], || {
        let (places, [a, b]) = replicas();
        let (first, second) = (Arc::clone(&a), Arc::clone(&b));
        let (first, second) = race(move || trips(&first), move || trips(&second));
        assert!(first != second);
        assert_eq!((is_open(&a), is_open(&b)), (first, second));
        assert_eq!(places.open(), 1);
        assert_eq!(a.lock().trips_prevented() + b.lock().trips_prevented(), 1);
    });
}

/// The same with three.
#[test]
fn three_trips_for_one_place() {
    explore(Depth::Three, 10, &["torn-exchange"], || {
        let (places, all) = replicas();
        let [a, b, c] = all.clone();
        let (first, second, third) =
            race_of_three(move || trips(&a), move || trips(&b), move || trips(&c));
        assert_eq!([first, second, third].iter().filter(|tripped| **tripped).count(), 1);
        assert_eq!(places.open(), 1);
        drop(all);
    });
}

/// A place that another circuit gives back is taken when that one is seen closed, not before.
#[test]
fn a_trip_against_the_end_of_another() {
    explore(Depth::Every, 10, &["early-place", "unordered"], || {
        let (places, [open, failing]) = replicas();
        assert!(trips(&open));
        let (reset, seen, other) = (Arc::clone(&open), Arc::clone(&open), Arc::clone(&failing));
        let (_, tripped) = race(
            move || reset.reset(START),
            move || {
                let tripped = trips(&other);
                assert!(!tripped || !is_open(&seen), "both are open");
                tripped
            },
        );
        assert_eq!(places.open(), u64::from(tripped));
    });
}

/// A probe closes the circuit while an operator does: its place comes back once, and for one.
#[test]
fn a_place_is_given_back_once() {
    explore(Depth::Three, 10, &["torn-exchange"], || {
        let (places, [closing, a, b]) = replicas();
        closing.trip(Some(Duration::ZERO), START);
        let probe = closing.admit(seconds(1)).0.unwrap();
        let reset = Arc::clone(&closing);
        race(
            move || drop(closing.record(probe, PASSED, || seconds(1))),
            move || drop(reset.reset(seconds(1))),
        );
        assert_eq!(places.open(), 0);
        let (first, second) = (Arc::clone(&a), Arc::clone(&b));
        let (first, second) = race(move || trips(&first), move || trips(&second));
        assert!(first != second);
        drop((a, b));
        assert_eq!(places.open(), 0);
    });
}

/// A circuit goes for good while another trips: its place comes back, once and for one.
#[test]
fn a_trip_against_a_circuit_that_is_dropped() {
    explore(Depth::Every, 4, &[], || {
        let (places, [going, failing, third]) = replicas();
        assert!(trips(&going));
        let other = Arc::clone(&failing);
        let (_, tripped) = race(move || drop(going), move || trips(&other));
        assert_eq!(places.open(), u64::from(tripped));
        assert!(trips(&third) != tripped);
    });
}
