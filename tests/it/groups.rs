//! Groups: no more of their members trip than the cap allows.

use std::time::Duration;

use tower_circuit_breaker::{Circuit, CircuitGroup, CircuitState, ManualClock, OpenCap, Outcome};

use crate::support::{SECOND, circuit, fail, record, succeed};
use CircuitState::{Closed, HalfOpen, Open};

/// Circuits that trip at the first failure, and a group of them.
pub(crate) fn group<const N: usize>() -> (CircuitGroup, [Circuit; N], ManualClock) {
    let clock = ManualClock::new();
    let circuits = std::array::from_fn(|number| {
        let builder = Circuit::builder(number.to_string()).clock(clock.clone());
        builder.consecutive_failures(1).open_for(10 * SECOND).build()
    });
    let group = CircuitGroup::new("all");
    circuits.iter().for_each(|circuit| group.add(circuit));
    (group, circuits, clock)
}

fn capped<const N: usize>(cap: OpenCap) -> (CircuitGroup, [Circuit; N], ManualClock) {
    let (group, circuits, clock) = group();
    (group.at_most_open(cap), circuits, clock)
}

fn states<const N: usize>(circuits: &[Circuit; N]) -> [CircuitState; N] {
    circuits.each_ref().map(Circuit::state)
}

fn trips_prevented(circuit: &Circuit) -> u64 {
    circuit.snapshot().totals.trips_prevented
}

type Command = fn(&Circuit);

#[test]
fn no_more_than_the_cap_trip() {
    let caps = [
        (OpenCap::half(), 2),
        (OpenCap::all_but_one(), 4),
        (OpenCap::number(1), 1),
        (OpenCap::number(9), 4),
    ];
    for (cap, most) in caps {
        let (group, circuits, _) = capped::<5>(cap);

        circuits.iter().for_each(fail);

        let open = circuits.iter().filter(|circuit| circuit.state() == Open).count();
        assert_eq!((open, group.open_members()), (most, most as u64), "{cap:?}");
        let held: u64 = circuits.iter().map(trips_prevented).sum();
        assert_eq!(held, 5 - most as u64, "{cap:?}");
    }
}

#[test]
fn the_last_one_stays_whatever_the_cap() {
    for cap in [OpenCap::half(), OpenCap::all_but_one(), OpenCap::number(7)] {
        let (_group, [circuit], _) = capped(cap);

        fail(&circuit);

        assert_eq!((circuit.state(), trips_prevented(&circuit)), (Closed, 1), "{cap:?}");
        assert_eq!(circuit.snapshot().totals.trips, 0, "{cap:?}");
    }
}

#[test]
fn without_a_cap_all_may_open() {
    let (group, circuits, _) = group::<2>();

    circuits.iter().for_each(fail);

    assert_eq!((states(&circuits), group.open_members()), ([Open; 2], 2));
}

#[test]
fn a_cap_may_change_at_any_time() {
    let (group, circuits, _) = capped::<4>(OpenCap::number(1));
    circuits.iter().for_each(fail);

    let group = group.at_most_open(OpenCap::half());
    circuits[1..].iter().for_each(fail);

    assert_eq!(states(&circuits), [Open, Open, Closed, Closed]);
    drop(group);
    fail(&circuits[2]);
    assert_eq!(circuits[2].state(), Closed, "members keep to it when nobody holds the group");
}

#[test]
fn a_member_that_was_held_closed_asks_again_at_its_next_failure() {
    let (_group, [first, second], clock) = capped(OpenCap::half());
    fail(&first);
    fail(&second);
    succeed(&second);
    assert_eq!((second.state(), trips_prevented(&second)), (Closed, 1));

    clock.advance(10 * SECOND);
    let probe = first.try_acquire().unwrap();
    fail(&second);
    assert_eq!((first.state(), second.state()), (HalfOpen, Closed), "half-open has its place");
    probe.record(Outcome::Success);
    fail(&second);

    assert_eq!((first.state(), second.state()), (Closed, Open));
    assert_eq!((trips_prevented(&first), trips_prevented(&second)), (0, 2));
}

#[test]
fn a_circuit_that_reopens_has_its_place_already() {
    let (group, [first, second], clock) = capped(OpenCap::half());
    fail(&first);
    clock.advance(10 * SECOND);

    fail(&first);
    fail(&second);

    assert_eq!(([first.state(), second.state()], group.open_members()), ([Open, Closed], 1));
}

#[test]
fn every_end_of_an_open_epoch_gives_the_place_back() {
    let ends: [(&str, Command); 5] = [
        ("reset", Circuit::reset),
        ("force_closed", Circuit::force_closed),
        ("observe", Circuit::observe),
        ("force_open and release", |circuit| {
            circuit.force_open();
            circuit.release();
        }),
        ("isolation", |circuit| drop(circuit.isolate())),
    ];
    for (end, command) in ends {
        let (group, [first, second], _) = capped(OpenCap::half());
        fail(&first);

        command(&first);
        assert_eq!(group.open_members(), 0, "{end}");
        fail(&second);

        assert_eq!((second.state(), group.open_members()), (Open, 1), "{end}");
    }
}

#[test]
fn who_leaves_or_is_dropped_gives_the_place_back() {
    let (group, [leaver, dropped, a, b], _) = capped(OpenCap::half());
    fail(&leaver);
    fail(&dropped);
    assert_eq!(group.open_members(), 2);

    group.remove(&leaver);
    drop(dropped);
    assert_eq!((leaver.state(), group.open_members()), (Open, 0));
    fail(&a);
    fail(&b);

    assert_eq!([a.state(), b.state()], [Open, Closed], "half of the two that are left");
}

#[test]
fn an_upstream_that_asks_obeys_the_cap() {
    let (_group, [first, second], _) = capped(OpenCap::half());
    fail(&first);

    record(&second, Outcome::TripFor(Duration::from_secs(5)));

    assert_eq!((second.state(), trips_prevented(&second)), (Closed, 1));
}

#[test]
fn operators_do_not_obey_the_cap_and_take_its_places() {
    let commands: [(&str, Command); 3] = [
        ("trip", Circuit::trip),
        ("trip_for", |circuit| circuit.trip_for(SECOND)),
        ("force_open", Circuit::force_open),
    ];
    for (said, command) in commands {
        let (group, circuits, _) = capped::<4>(OpenCap::half());

        circuits[..3].iter().for_each(command);
        fail(&circuits[3]);

        assert_eq!(states(&circuits), [Open, Open, Open, Closed], "{said}");
        assert_eq!((group.open_members(), trips_prevented(&circuits[3])), (3, 1), "{said}");
        circuits[..2].iter().for_each(Circuit::reset);
        circuits[..2].iter().for_each(Circuit::release);
        fail(&circuits[3]);
        assert_eq!((circuits[3].state(), group.open_members()), (Open, 2), "{said}");
    }
}

#[test]
fn a_circuit_that_is_open_joins_with_a_place() {
    let (group, [first, second], _) = capped(OpenCap::half());
    let (joiner, _) = circuit(|builder| builder);
    joiner.trip();
    fail(&first);

    group.add(&joiner);
    assert_eq!(group.open_members(), 2, "more than one of three");
    first.reset();
    fail(&second);

    assert_eq!((second.state(), group.open_members()), (Closed, 1));
}

#[test]
fn a_circuit_under_observation_needs_no_place_and_has_none() {
    let (group, [first, second], _) = capped(OpenCap::half());
    fail(&first);
    second.observe();

    fail(&second);

    assert_eq!((second.state(), trips_prevented(&second), group.open_members()), (Open, 0, 1));
}

#[test]
fn in_two_groups_a_trip_needs_a_place_in_each() {
    let (one, [shared, first], _) = capped(OpenCap::half());
    let other = CircuitGroup::new("other").at_most_open(OpenCap::half());
    let (second, _) = circuit(|builder| builder.consecutive_failures(1));
    other.add(&shared);
    other.add(&second);
    fail(&second);

    fail(&shared);
    assert_eq!((shared.state(), trips_prevented(&shared)), (Closed, 1));
    assert_eq!((one.open_members(), other.open_members()), (0, 1), "no place is kept for nothing");
    second.reset();
    fail(&shared);
    fail(&first);

    assert_eq!([shared.state(), first.state()], [Open, Closed]);
}

#[test]
fn calls_that_hang_obey_the_cap() {
    let clock = ManualClock::new();
    let [first, second] = ["first", "second"]
        .map(|name| Circuit::builder(name).clock(clock.clone()).stalled_calls(1, SECOND).build());
    let group = CircuitGroup::new("all").at_most_open(OpenCap::half());
    [&first, &second].into_iter().for_each(|circuit| group.add(circuit));
    let calls = [first.try_acquire().unwrap(), second.try_acquire().unwrap()];
    clock.advance(2 * SECOND);

    first.check_stalled_calls();
    second.check_stalled_calls();

    assert_eq!([first.state(), second.state()], [Open, Closed]);
    assert_eq!(trips_prevented(&second), 1);
    drop(calls);
}

#[test]
#[should_panic(expected = "members is 0")]
#[cfg_attr(panic = "abort", ignore = "catches a panic")]
fn a_cap_of_none_is_refused() {
    let _ = OpenCap::number(0);
}
