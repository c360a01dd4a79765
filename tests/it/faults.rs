//! The tables in tests/FAULTS.md and docs/COMPARISON.md name tests that exist.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of a table whose numbers begin so: number, words, tests.
fn rows<'a, const CELLS: usize>(text: &'a str, letter: &str) -> Vec<[&'a str; CELLS]> {
    let rows = text.lines().filter(|line| line.starts_with(&format!("| {letter}")));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        cells.try_into().unwrap_or_else(|_| panic!("{CELLS} cells: {row}"))
    })
    .collect()
}

/// The tests of a row exist, each named once.
#[track_caller]
fn assert_held(row: &str, tests: &str) {
    let mut seen = HashSet::new();
    for test in quoted(tests) {
        let (module, name) = test.rsplit_once("::").unwrap_or_else(|| panic!("{test}"));
        let files = sources_of(module);
        assert!(files.iter().any(|file| has_test(file, name)), "{row}: no test `{test}`");
        assert!(seen.insert(test), "{row} names `{test}` twice");
    }
    assert!(!seen.is_empty(), "{row} is held by no test");
}

pub(crate) fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The file of a module of `tests`, `src`, a crate, a benchmark or an example: `it::clocks`, `stress`,
/// `engine::window`, `admin::token`, `versus::peers`, `backend-pool::it::redis`.
pub(crate) fn sources_of(module: &str) -> Vec<PathBuf> {
    let path = module.replace("::", "/");
    let (name, inside) = path.split_once('/').unwrap_or((&path, ""));
    let in_crate = |folder: &str| root().join("crates").join(name).join(folder).join(inside);
    let here = ["tests", "src"].map(|folder| root().join(folder).join(&path));
    let beside =
        ["benches", "examples"].map(|of| root().join(of).join(name).join("tests").join(inside));
    let places = here.into_iter().chain(["src", "tests"].map(in_crate)).chain(beside);
    places
        .flat_map(|place| {
            [place.with_extension("rs"), place.join("mod.rs"), place.join("main.rs")]
                .into_iter()
                .chain([place.join("tests.rs")])
        })
        .filter(|file| file.exists())
        .collect()
}

pub(crate) fn has_test(file: &Path, name: &str) -> bool {
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    // The last is a property's.
    let called =
        [format!("fn {name}() {{"), format!("async fn {name}() {{"), format!("fn {name}(")];
    lines.iter().enumerate().any(|(number, line)| {
        let marks = lines.get(number.saturating_sub(3)..number).unwrap_or(&[]);
        called.iter().any(|called| line == called)
            && marks.iter().any(|mark| mark.starts_with("#[test]") || mark.contains("::test"))
    })
}

#[test]
fn every_fault_is_held_by_tests_that_exist() {
    let text = fs::read_to_string(root().join("tests/FAULTS.md")).unwrap();
    let rows = rows::<3>(&text, "F");

    let numbers: Vec<_> = rows.iter().map(|[number, ..]| (*number).to_owned()).collect();
    let held = (1..=54).chain(56..=64).chain(67..=74);
    assert_eq!(numbers, held.map(|number| format!("F{number}")).collect::<Vec<_>>());
    for [number, _, tests] in rows {
        assert_held(number, tests);
    }
}

#[test]
fn every_claim_of_the_comparison_is_held_by_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/COMPARISON.md")).unwrap();
    let rows = rows::<9>(&text, "C");

    let numbers: Vec<_> = rows.iter().map(|[number, ..]| (*number).to_owned()).collect();
    assert_eq!(numbers, (1..=28).map(|number| format!("C{number}")).collect::<Vec<_>>());
    for [number, .., tests] in rows {
        assert_held(number, tests);
        assert!(quoted(tests).any(|test| !test.starts_with("versus::")), "{number}: of this crate");
    }
}
