//! The arrows between rooms of a crate point one way (none closes a circle), and locks, atomics and
//! clocks come from one place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::circles::{circles, rooms, within};
use crate::architecture::imports::{Arrows, Module, arrows};

mod circles;
mod imports;
mod names;

/// Rooms of the breaker in which files make no circles either.
const ROOMS_WITHOUT_CIRCLES: &[&str] = &["engine"];

/// Crates in which no files make circles.
const CRATES_WITHOUT_CIRCLES: &[&str] = &["admin", "fleet", "postgres", "redis"];

#[test]
fn there_are_no_circles_between_rooms() {
    assert_eq!(circles(&rooms(&arrows_of_the_breaker())), NONE);
}

#[test]
fn there_are_no_circles_between_the_files_of_these_rooms() {
    let arrows = arrows_of_the_breaker();

    for room in ROOMS_WITHOUT_CIRCLES {
        assert_eq!(circles(&within(room, &arrows)), NONE, "{room}");
    }
}

#[test]
fn there_are_no_circles_between_the_rooms_of_any_crate() {
    for (name, arrows) in arrows_of_crates() {
        assert_eq!(circles(&rooms(&arrows)), NONE, "{name}");
    }
}

#[test]
fn there_are_no_circles_between_the_files_of_these_crates() {
    let arrows = arrows_of_crates();

    for name in CRATES_WITHOUT_CIRCLES {
        assert_eq!(circles(&arrows[*name]), NONE, "{name}");
    }
}

const NONE: [&str; 0] = [];

/// One way of naming a module each; each closes a circle with a plain one.
#[test]
fn a_circle_of_each_sort_is_found() {
    let ways = [
        ("crate", "use crate::b::B;"),
        ("a list", "use crate::{b::{self}, c::C};"),
        ("super", "use super::b::B;"),
        ("self", "pub(crate) use self::super::b::B;"),
        ("a name that the root exports again", "use crate::Exported;"),
        ("a path in a body", "fn f() { let _ = crate::b::B::new(); }"),
        ("a path in a type", "struct S(Vec<super::b::B>);"),
        ("a path in a macro", "fn f() { assert!(matches!(x, [crate::b::B { .. }])); }"),
        ("an inner module", "mod inner { use super::super::b::B; }"),
        ("an attribute", "#[cfg(feature = \"f\")] use crate::b::B;"),
    ];
    for (way, text) in ways {
        let root = "mod a; mod b; mod c; pub use crate::b::B as Exported;";
        let arrows =
            arrows_between(&[("", root), ("a", text), ("b", "use crate::a::A;"), ("c", "")]);

        assert_eq!(circles(&rooms(&arrows)), ["a -> b, b -> a"], "{way}");
    }
}

#[test]
fn a_circle_of_files_is_found_through_a_parent_and_its_child() {
    let files = [("", "mod a;"), ("a", "mod b; use b::B;"), ("a::b", "use super::A;")];

    assert_eq!(circles(&within("a", &arrows_between(&files))), ["a -> a::b, a::b -> a"]);
}

#[test]
fn what_is_for_tests_alone_makes_no_circle() {
    let text = "#[cfg(test)] mod tests { use crate::b::B; } #[cfg(all(test, x))] use crate::b::B;";
    let arrows = arrows_between(&[("", ""), ("a", text), ("b", "use crate::a::A;")]);

    assert_eq!(circles(&rooms(&arrows)), NONE);
}

/// A name is one thing, wherever it is read in a crate.
#[test]
fn no_two_types_of_a_crate_have_one_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = root.join("crates");
    let others = packages(&crates).map(|(_, folder)| folder);
    for package in others.chain([root.to_owned()]) {
        let files = files_of(&package.join("src"));

        assert_eq!(names::doubled(&files), NONE, "{}", package.display());
        assert!(names::types(&files).len() > 5, "{}: the right place?", package.display());
    }
}

#[test]
fn a_name_that_two_types_have_is_found() {
    let files = [("a.rs", "struct Held;"), ("b.rs", "mod inner { enum Held { One } }")];
    let files = files.map(|(path, text)| (path.into(), text.to_owned()));

    assert_eq!(names::doubled(&files), [r#"Held: ["a.rs", "b.rs"]"#]);
}

/// The files of a crate that are not for tests, with their texts.
fn files_of(sources: &Path) -> Vec<(PathBuf, String)> {
    let own = |path: &PathBuf| !is_of_tests(path.strip_prefix(sources).unwrap());
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(path).unwrap());
    rust_files(sources).into_iter().filter(own).map(read).collect()
}

fn arrows_between(files: &[(&str, &str)]) -> Arrows {
    let module =
        |path: &str| path.split("::").filter(|it| !it.is_empty()).map(String::from).collect();
    arrows(&files.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect())
}

fn arrows_of_the_breaker() -> Arrows {
    let arrows = arrows_of(Path::new(env!("CARGO_MANIFEST_DIR")));
    check_count(&arrows, 200);
    arrows
}

/// The arrows within each other crate, by the name of its folder.
fn arrows_of_crates() -> BTreeMap<String, Arrows> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let arrows: BTreeMap<_, _> =
        packages(&folder).map(|(name, folder)| (name, arrows_of(&folder))).collect();
    for name in CRATES_WITHOUT_CIRCLES {
        check_count(&arrows[*name], 10);
    }
    arrows
}

fn arrows_of(package: &Path) -> Arrows {
    let root = package.join("src");
    let files: BTreeMap<_, _> = rust_files(&root)
        .into_iter()
        .map(|path| (path.strip_prefix(&root).unwrap().to_owned(), path))
        .filter(|(inside, _)| !is_of_tests(inside))
        .map(|(inside, path)| (module(&inside), fs::read_to_string(path).unwrap()))
        .collect();
    arrows(&files)
}

#[track_caller]
fn check_count(arrows: &Arrows, least: usize) {
    let count = arrows.values().map(|targets| targets.len()).sum::<usize>();
    assert!(
        count > least,
        "only {count} arrows were found: is the test looking in the right place?"
    );
}

/// The module of a file, as it is named from the root of its crate.
fn module(path: &Path) -> Module {
    let mut module: Module =
        path.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

/// Tests look at a room from wherever they like.
fn is_of_tests(path: &Path) -> bool {
    let is_tests =
        |name: &std::ffi::OsStr| ["tests", "races", "explore"].iter().any(|it| name == *it);
    path.ancestors().any(|part| part.file_stem().is_some_and(is_tests))
}

pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, &mut files);
    files
}

fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    rust_files(&root)
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&root).unwrap();
            let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
            let room = first.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (room, path, text)
        })
        .collect()
}

/// The code of a file, without comments and in-file tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

#[test]
fn the_engine_knows_only_std() {
    for (_, path, text) in sources().into_iter().filter(|(room, ..)| room == "engine") {
        for line in code(&text).filter(|line| line.starts_with("use ")) {
            let from = line.trim_start_matches("use ");
            assert!(
                // A capital is an enum of the file's own.
                from.starts_with("crate::")
                    || from.starts_with("std::")
                    || from.starts_with(char::is_uppercase),
                "{}: {line}",
                path.display()
            );
        }
    }
}

#[test]
fn locks_and_atomics_come_from_one_place() {
    for (room, path, text) in sources().into_iter().filter(|(room, ..)| room != "sync") {
        for line in code(&text) {
            assert!(
                !line.contains("std::sync"),
                "{} ({room}) takes its own: {line}",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_circuit_joins_clock_engine_and_listeners() {
    let meet = |text: &str| {
        ["crate::clock::", "crate::engine::machine", "crate::events::listeners::"]
            .iter()
            .all(|part| code(text).any(|line| line.contains(part)))
    };
    let files: Vec<_> =
        sources().into_iter().filter(|(.., text)| meet(text)).map(|(room, ..)| room).collect();

    assert_eq!(files, ["circuit"]);
}

/// The packages of `examples`: name and folder.
fn examples() -> Vec<(String, PathBuf)> {
    packages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).collect()
}

/// The packages in the folders of this one: name and folder.
fn packages(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let packages = folders.filter(|folder| folder.join("Cargo.toml").exists());
    packages.map(|folder| (folder.file_name().unwrap().to_str().unwrap().to_owned(), folder))
}

/// `cargo run -p <name>` would not know which of the two is meant.
#[test]
fn no_example_has_the_name_of_another_crate() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();

    let examples = examples();
    assert!(!examples.is_empty());
    for (name, _) in examples {
        let line = format!("name = \"{name}\"");
        assert_eq!(lock.lines().filter(|found| *found == line).count(), 1, "{name}");
    }
}
