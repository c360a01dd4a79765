//! The arrows between rooms point one way, locks, atomics and clocks come from one place, and the
//! applications among the examples are small.

use std::fs;
use std::path::{Path, PathBuf};

/// Room (a file or folder of `src`) and the rooms it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("sync", &["sync"]),
    ("engine", &["engine", "sync"]),
    ("error", &["engine", "error", "sync"]),
    ("event", &["engine", "error", "serialize", "sync"]),
    ("contain", &[]),
    ("history", &["contain", "engine", "event", "serialize", "sync"]),
    ("listeners", &["contain", "engine", "event", "history", "sync"]),
    ("clock", &["clock", "engine", "sync"]),
    ("config", &["config", "engine"]),
    ("saved", &["config", "engine", "saved", "sync"]),
    ("snapshot", &["engine", "event", "sync", "serialize"]),
    ("display", &["engine", "error", "snapshot"]),
    ("serialize", &["engine", "error", "snapshot"]),
    ("classify", &["engine", "error", "sync"]),
    ("waiters", &["contain", "sync", "waiters"]),
    ("permit", &["circuit", "engine", "sync"]),
    (
        "circuit",
        &[
            "builder",
            "circuit",
            "classify",
            "clock",
            "config",
            "engine",
            "error",
            "event",
            "history",
            "listeners",
            "permit",
            "saved",
            "snapshot",
            "sync",
            "waiters",
        ],
    ),
    ("health_probe", &["circuit", "contain", "engine", "history"]),
    ("alarm", &["alarm"]),
    ("waiting", &["alarm", "circuit", "engine", "error", "sync", "waiters"]),
    ("builder", &["builder", "circuit", "clock", "config", "engine", "event", "saved", "sync"]),
    (
        "admin",
        &[
            "admin",
            "circuit",
            "config",
            "contain",
            "engine",
            "fleet",
            "history",
            "registry",
            "serialize",
            "snapshot",
            "sync",
        ],
    ),
    (
        "test_util",
        &[
            "builder",
            "circuit",
            "classify",
            "clock",
            "config",
            "engine",
            "error",
            "event",
            "handle",
            "history",
            "layer",
            "permit",
            "rejection",
            "service",
            "snapshot",
            "sync",
            "test_util",
        ],
    ),
    ("template", &["builder", "circuit", "engine", "sync"]),
    ("fleet", &["sync"]),
    (
        "registry",
        &[
            "builder", "circuit", "engine", "event", "fleet", "registry", "saved", "snapshot",
            "sync", "template",
        ],
    ),
    ("group", &["circuit", "engine", "group", "sync"]),
    ("rejection", &["error", "rejection"]),
    ("settlement", &["classify", "engine", "error", "permit", "settlement"]),
    ("on_open", &["alarm"]),
    ("handle", &["alarm", "circuit", "sync"]),
    ("future", &["handle", "permit", "rejection", "settlement"]),
    (
        "service",
        &[
            "circuit",
            "classify",
            "engine",
            "error",
            "future",
            "handle",
            "layer",
            "permit",
            "rejection",
            "settlement",
            "sync",
            "waiting",
        ],
    ),
    (
        "layer",
        &[
            "circuit",
            "classify",
            "error",
            "handle",
            "on_open",
            "rejection",
            "service",
            "settlement",
            "sync",
        ],
    ),
    (
        "http",
        &[
            "circuit",
            "classify",
            "contain",
            "engine",
            "error",
            "http",
            "keyed",
            "layer",
            "permit",
            "rejection",
            "settlement",
            "sync",
        ],
    ),
    ("hyper", &["circuit", "engine", "error", "http", "layer", "rejection", "settlement"]),
    (
        "reqwest",
        &["circuit", "engine", "error", "http", "hyper", "layer", "rejection", "settlement"],
    ),
    (
        "keyed",
        &[
            "builder",
            "circuit",
            "engine",
            "future",
            "handle",
            "keyed",
            "layer",
            "registry",
            "rejection",
            "service",
            "settlement",
            "snapshot",
            "sync",
            "template",
        ],
    ),
    ("telemetry", &["engine", "event", "registry", "snapshot", "sync", "telemetry"]),
    ("redis", &["circuit", "contain", "engine", "event", "fleet", "redis", "registry", "sync"]),
    ("docs", &[]),
    ("load", &["service"]),
    ("retry", &["error"]),
    (
        "models",
        &[
            "alarm",
            "builder",
            "circuit",
            "classify",
            "clock",
            "engine",
            "event",
            "group",
            "handle",
            "keyed",
            "layer",
            "models",
            "registry",
            "rejection",
            "service",
            "settlement",
            "sync",
        ],
    ),
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
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
fn rooms_use_only_the_rooms_below_them() {
    let mut seen = 0;
    // Tests look at a room from wherever they like.
    let is_tests = |path: &Path| {
        path.ancestors().any(|part| part.file_stem().is_some_and(|name| name == "tests"))
    };
    let files = sources().into_iter().filter(|(room, path, _)| room != "lib" && !is_tests(path));
    for (room, path, text) in files {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{} is in no room of the table", path.display()));
        for line in code(&text) {
            for used in line.split("crate::").skip(1) {
                let name: String =
                    used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                seen += 1;
                if is_of_the_model(&path) && is_public(used) {
                    continue;
                }
                assert!(
                    allowed.contains(&name.as_str()),
                    "{} uses `{name}`, which {room} may not: {line}",
                    path.display()
                );
            }
        }
    }
    assert!(seen > 80, "only {seen} uses were found: is the test looking in the right place?");
}

/// A circuit's model is to find what is wrong with the engine, so it reckons for itself; and it is to
/// move to a crate of its own.
#[test]
fn the_model_knows_only_what_everybody_may_use() {
    let mut seen = 0;
    for (_, path, text) in sources().into_iter().filter(|(_, path, _)| is_of_the_model(path)) {
        let code: String = code(&text).collect();
        assert!(!code.contains("super::"), "{}", path.display());
        for used in code.split("crate::").skip(1) {
            seen += 1;
            let used = used.split(';').next().unwrap_or(used);
            let is_own = used.starts_with("test_util::model::");
            assert!(is_own || is_public(used), "{} uses {used}", path.display());
        }
    }
    assert!(seen > 10, "only {seen} uses were found: is the test looking in the right place?");
}

fn is_of_the_model(path: &Path) -> bool {
    let folder = Path::new("src/test_util/model");
    let inside = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
    inside.starts_with(folder) || inside == folder.with_extension("rs")
}

/// Whether what comes after `crate::` is at the root of the crate: types, or a list of them. Rooms
/// have small letters.
fn is_public(used: &str) -> bool {
    let rooms = |part: &str| part.trim_start_matches([' ', '{']).starts_with(char::is_lowercase);
    !used.contains("::") && !used.split(',').any(rooms)
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
        ["crate::clock::", "crate::engine::machine", "crate::listeners::"]
            .iter()
            .all(|part| code(text).any(|line| line.contains(part)))
    };
    let files: Vec<_> =
        sources().into_iter().filter(|(.., text)| meet(text)).map(|(room, ..)| room).collect();

    assert_eq!(files, ["circuit"]);
}

/// Without comments and blank lines; the upstreams that they play count.
#[test]
fn each_application_among_the_examples_has_at_most_600_lines_of_code() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut applications = Vec::new();
    for entry in fs::read_dir(examples).unwrap() {
        let folder = entry.unwrap().path();
        // A bench for settings is a tool: what it does beside the crate is what it is for.
        if !folder.join("Cargo.toml").exists() || folder.ends_with("replay") {
            continue;
        }
        let texts = rust_files(&folder.join("src")).into_iter().map(fs::read_to_string);
        let lines = texts.map(|text| code(&text.unwrap()).filter(|line| !line.is_empty()).count());
        let (name, lines) = (folder.file_name().unwrap().to_owned(), lines.sum::<usize>());

        assert!((1..=600).contains(&lines), "{name:?} has {lines}");
        applications.push(name);
    }
    applications.sort();
    assert_eq!(applications, ["backend-pool", "plant-gateway", "study-ai"]);
}
