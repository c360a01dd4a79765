//! Two features at once: the table of `tests/SEAMS.md`, and the tests that it names.

use std::collections::BTreeSet;
use std::fs;

use tower_circuit_breaker::{Circuit, Outcome};

use crate::faults::{has_test, quoted, root, sources_of};
use crate::support::FAILURE;

mod export;
mod group;
mod health;
mod isolation;
mod keyed;
mod overrides;
mod ramp;
mod reconfigure;
mod throttle;

/// The features of which each may run while each other does.
const FEATURES: [&str; 11] = [
    "ramp",
    "throttle",
    "group cap",
    "isolation",
    "overrides",
    "health probe",
    "stall ticker",
    "fleet",
    "keyed eviction",
    "export",
    "reconfigure",
];

/// The share of calls that is admitted: all where nothing is said.
fn share(circuit: &Circuit) -> f64 {
    circuit.snapshot().admitted_share.unwrap_or(1.0)
}

/// Admits so many calls, however many are shed meanwhile.
fn admit(circuit: &Circuit, calls: usize) -> Vec<tower_circuit_breaker::Permit> {
    std::iter::repeat_with(|| circuit.try_acquire().ok()).flatten().take(calls).collect()
}

/// Has so many calls be refused by the upstream, however many are shed meanwhile.
fn refuse(circuit: &Circuit, calls: usize) {
    admit(circuit, calls).into_iter().for_each(|permit| permit.record(FAILURE));
}

/// How many of a hundred calls are admitted.
fn admitted(circuit: &Circuit) -> usize {
    let admit = || circuit.try_acquire().map(|permit| permit.record(Outcome::Success));
    (0..100).filter(|_| admit().is_ok()).count()
}

#[test]
fn every_pair_of_features_is_held_by_tests_that_exist_or_cannot_meet() {
    let text = fs::read_to_string(root().join("tests/SEAMS.md")).unwrap();
    let rows = text.lines().filter(|line| line.contains(" × "));
    let mut seen = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [pair, happens, tests] = cells[..] else { panic!("three cells: {row}") };
        let (one, other) = pair.split_once(" × ").unwrap();
        let places = [one, other].map(|it| FEATURES.iter().position(|feature| *feature == it));
        let [Some(one), Some(other)] = places else { panic!("no features: {pair}") };
        assert!(one < other, "{pair}: the other way round");
        assert!(seen.insert((one, other)), "{pair} is there twice");
        assert!(happens.ends_with('.'), "{pair}: a sentence says what happens");
        for test in quoted(tests) {
            let (module, name) = test.rsplit_once("::").unwrap_or_else(|| panic!("{test}"));
            let exists = sources_of(module).iter().any(|file| has_test(file, name));
            assert!(exists, "{pair}: no test `{test}`");
        }
        let cannot_meet = tests == "cannot meet";
        assert_ne!(quoted(tests).next().is_some(), cannot_meet, "{pair}: a test, or why none");
    }
    assert_eq!(seen.len(), FEATURES.len() * (FEATURES.len() - 1) / 2, "all pairs");
}
