//! Race models of groups.

use crate::circuit::Circuit;
use crate::engine::explore::{Depth, explore, race};
use crate::group::CircuitGroup;
use crate::races::circuit;

fn group() -> (CircuitGroup, Circuit) {
    (CircuitGroup::new("all"), circuit().build())
}

/// A circuit that joins while the group is isolated is isolated, too.
#[test]
fn a_joiner_against_an_isolation() {
    explore(Depth::Every, 10, &["unseen-member"], || {
        let (group, circuit) = group();
        let (joined, joiner, isolated) = (group.clone(), circuit.clone(), group);
        let ((), isolation) = race(move || joined.add(&joiner), move || isolated.isolate());
        assert!(circuit.is_overridden_anew());
        drop(isolation);
        assert!(!circuit.is_overridden_anew());
    });
}

/// A circuit that joins while the last handle goes is not isolated afterwards.
#[test]
fn a_joiner_against_the_end_of_an_isolation() {
    explore(Depth::Every, 10, &["kept-isolation"], || {
        let (group, circuit) = group();
        let isolation = group.isolate();
        let joiner = circuit.clone();
        let joined = group.clone();
        race(move || joined.add(&joiner), move || drop(isolation));
        assert!(!circuit.is_overridden_anew());
        drop(group);
    });
}

/// Two threads isolate a group at once, and one is done with it: it stays isolated.
#[test]
fn a_short_isolation_against_a_long_one() {
    explore(Depth::Three, 10, &[], || {
        let (group, circuit) = group();
        group.add(&circuit);
        let (short, long) = (group.clone(), group);
        let ((), isolation) = race(move || drop(short.isolate()), move || long.isolate());
        assert!(circuit.is_overridden_anew());
        drop(isolation);
        assert!(!circuit.is_overridden_anew());
    });
}

/// A circuit that leaves while the group is isolated is not isolated afterwards.
#[test]
fn a_leaver_against_an_isolation() {
    explore(Depth::Every, 10, &[], || {
        let (group, circuit) = group();
        group.add(&circuit);
        let (left, leaver, isolated) = (group.clone(), circuit.clone(), group);
        let ((), isolation) = race(move || left.remove(&leaver), move || isolated.isolate());
        assert!(!circuit.is_overridden_anew());
        drop(isolation);
    });
}
