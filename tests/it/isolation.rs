//! Isolation: members are forced open while a handle lives, and what operators say is left alone.

use std::sync::{Arc, Mutex};
use std::thread;

use tower_circuit_breaker::{
    Circuit, CircuitEvent, CircuitGroup, CircuitState, Health, Outcome, Override, RejectReason,
};

use crate::groups::group;
use crate::support::{SECOND, circuit, rejection, succeed};
use CircuitState::{Closed, Open};
use Override::{ForcedClosed, ForcedOpen, Observing};

fn overridden(circuit: &Circuit) -> Option<Override> {
    circuit.snapshot().overridden
}

type Command = fn(&Circuit);

/// What an operator may say, and what the circuit is after an isolation.
const SAID: [(&str, Command, Option<Override>); 7] = [
    ("force_open", Circuit::force_open, Some(ForcedOpen)),
    ("force_closed", Circuit::force_closed, Some(ForcedClosed)),
    ("observe", Circuit::observe, Some(Observing)),
    ("release", Circuit::release, None),
    ("trip", Circuit::trip, None),
    ("reset", Circuit::reset, None),
    ("nothing", |_| {}, None),
];

fn state_under(overridden: Option<Override>) -> CircuitState {
    if overridden == Some(ForcedOpen) { Open } else { Closed }
}

#[test]
fn every_member_is_forced_open_while_a_handle_lives() {
    let (group, circuits, _) = group::<3>();

    let isolation = group.isolate();

    assert!(group.is_isolated());
    for circuit in &circuits {
        assert_eq!(rejection(circuit).reason(), RejectReason::ForcedOpen);
        assert_eq!((circuit.health(), circuit.snapshot().isolations), (Health::Failing, 1));
    }
    drop(isolation);
    assert!(!group.is_isolated());
    for circuit in &circuits {
        succeed(circuit);
        assert_eq!((overridden(circuit), circuit.snapshot().isolations), (None, 0));
    }
}

#[test]
fn what_operators_say_before_an_isolation_holds_after_it() {
    for (said, command, expected) in SAID {
        let (group, [circuit], _) = group();
        command(&circuit);

        let isolation = group.isolate();
        assert_eq!((overridden(&circuit), circuit.state()), (Some(ForcedOpen), Open), "{said}");
        drop(isolation);

        assert_eq!(overridden(&circuit), expected, "{said}");
        assert_eq!(circuit.state(), state_under(expected), "{said}");
    }
}

#[test]
fn what_operators_say_during_an_isolation_holds_after_it() {
    for (before, first, _) in SAID {
        for (said, command, expected) in SAID {
            let (group, [circuit], _) = group();
            first(&circuit);
            let isolation = group.isolate();
            let kept = if ["trip", "reset", "nothing"].contains(&said) {
                SAID.iter().find(|(name, ..)| *name == before).and_then(|found| found.2)
            } else {
                expected
            };

            command(&circuit);
            assert_eq!(overridden(&circuit), Some(ForcedOpen), "{before}, {said}");
            assert_eq!(circuit.state(), Open, "{before}, {said}");
            assert_eq!(circuit.snapshot().retry_after, None, "{before}, {said}");
            drop(isolation);

            assert_eq!(overridden(&circuit), kept, "{before}, {said}");
            assert_eq!(circuit.state(), state_under(kept), "{before}, {said}");
        }
    }
}

#[test]
fn what_operators_say_after_an_isolation_is_as_ever() {
    for (said, command, expected) in SAID {
        let (group, [circuit], _) = group();
        drop(group.isolate());

        command(&circuit);

        assert_eq!(overridden(&circuit), expected, "{said}");
    }
}

#[test]
fn clones_and_further_handles_count() {
    let (group, [circuit], _) = group();
    let first = group.isolate();
    let clone = first.clone();
    let second = group.isolate();

    drop(first);
    assert_eq!(overridden(&circuit), Some(ForcedOpen));
    drop(second);
    assert_eq!(overridden(&circuit), Some(ForcedOpen));
    drop(clone);
    assert_eq!(overridden(&circuit), None);
}

#[test]
fn a_member_of_two_groups_is_isolated_while_either_is() {
    let (one, [circuit], _) = group();
    let other = CircuitGroup::new("other");
    other.add(&circuit);

    let (of_one, of_other, own) = (one.isolate(), other.isolate(), circuit.isolate());
    assert_eq!(circuit.snapshot().isolations, 3);

    let epoch = circuit.snapshot().epoch;

    for isolation in [of_other, own, of_one] {
        let snapshot = circuit.snapshot();
        assert_eq!((snapshot.overridden, snapshot.epoch), (Some(ForcedOpen), epoch));
        drop(isolation);
    }
    assert_eq!(overridden(&circuit), None);
}

#[test]
fn who_joins_or_leaves_meanwhile_is_isolated_as_a_member() {
    let (group, [member], _) = group();
    let (joiner, _) = circuit(|builder| builder);
    let isolation = group.isolate();

    group.add(&joiner);
    group.add(&joiner);
    assert_eq!((overridden(&joiner), joiner.snapshot().isolations), (Some(ForcedOpen), 1));
    group.remove(&member);
    group.remove(&member);
    assert_eq!(overridden(&member), None);

    drop(isolation);
    assert_eq!((overridden(&joiner), overridden(&member)), (None, None));
}

#[test]
fn a_handle_keeps_its_group_and_no_circuit() {
    let (group, [kept, dropped], _) = group();
    let isolation = group.isolate();

    drop((group, dropped));
    assert_eq!(overridden(&kept), Some(ForcedOpen));

    thread::spawn(move || drop(isolation)).join().unwrap();
    assert_eq!(overridden(&kept), None);
}

#[test]
fn members_are_seen_while_somebody_holds_them() {
    let (group, [first, second], _) = group();

    drop(first);

    let names: Vec<_> = group.members().iter().map(|member| member.name().to_owned()).collect();
    assert_eq!((group.name(), names), ("all", vec!["1".to_owned()]));
    drop(second);
    assert!(group.members().is_empty());
}

#[test]
fn results_of_before_an_isolation_are_stale_in_and_after_it() {
    let (group, [circuit], _) = group();
    let permits = [circuit.try_acquire().unwrap(), circuit.try_acquire().unwrap()];

    let isolation = group.isolate();
    let [first, second] = permits;
    first.record(Outcome::TripFor(SECOND));
    drop(isolation);
    second.record(Outcome::TripFor(SECOND));

    assert_eq!((circuit.state(), circuit.snapshot().totals.stale), (Closed, 2));
}

#[test]
fn listeners_hear_of_an_isolation_once_and_may_ask_its_group() {
    let (group, [circuit], _) = group();
    let told: Arc<Mutex<Vec<_>>> = Arc::default();
    let (log, asked) = (Arc::clone(&told), group.clone());
    circuit.on_event(move |event: &CircuitEvent| {
        if let CircuitEvent::Overridden { from, to, .. } = event {
            log.lock().unwrap().push((*from, *to, asked.members().len()));
        }
    });

    let isolations = [group.isolate(), group.isolate()];
    drop(isolations);
    group.remove(&circuit);

    let expected = [(None, Some(ForcedOpen), 1), (Some(ForcedOpen), None, 1)];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[test]
fn an_isolation_under_an_operators_force_open_changes_nothing() {
    let (group, [circuit], _) = group();
    circuit.force_open();
    let epoch = circuit.snapshot().epoch;

    drop(group.isolate());

    assert_eq!((overridden(&circuit), circuit.snapshot().epoch), (Some(ForcedOpen), epoch));
}

#[test]
fn what_is_exported_is_what_operators_have_said() {
    for (said, command, expected) in SAID {
        let (isolated, _) = circuit(|builder| builder);
        command(&isolated);
        let isolation = isolated.isolate();

        let (restored, _) = circuit(|builder| builder.restore(isolated.export()));

        assert_eq!(overridden(&restored), expected, "{said}");
        assert_eq!(restored.state(), state_under(expected), "{said}");
        drop(isolation);
    }
}
