//! The switch of the bugs that are in this copy of the code, and atomics with room for those that are
//! not of one place. `tests/races/run.sh` puts it there, and writes `bugs.rs` beside it.

#![allow(dead_code, reason = "the library itself, without its tests, plants nothing")]

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use loom::sync::atomic;

use crate::sync::Ordering;

pub(crate) use bugs::Bug;

mod bugs;

thread_local! {
    /// Loom runs all threads of a model on the thread of its test, so that the tests that run beside
    /// it do not meet its bug.
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    /// The actors run one after another.
    static IN_TURN: Cell<bool> = const { Cell::new(false) };
}

/// Whether the model that runs has `bug` planted.
pub(crate) fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether the actors are to run one after another.
pub(crate) fn is_in_turn() -> bool {
    IN_TURN.get()
}

/// Runs `model` with each of the bugs of these names planted, which it must find, and only where the
/// actors race.
#[track_caller]
pub(crate) fn find<T>(names: &[&str], model: impl Fn() -> T) {
    for name in names {
        let Some(bug) = Bug::named(name) else {
            panic!("no patch brings `{name}`: there is no tests/races/bugs/{name}.patch");
        };
        let holds = || catch_unwind(AssertUnwindSafe(&model)).is_ok();
        PLANTED.set(Some(bug));
        IN_TURN.set(true);
        let holds_in_turn = holds();
        IN_TURN.set(false);
        let holds_in_race = holds();
        PLANTED.set(None);
        assert!(holds_in_turn, "`{name}` does harm without a race");
        assert!(!holds_in_race, "`{name}` is not found");
        note(name);
    }
}

/// For the script, which asks whether each bug is found by a model.
fn note(name: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/found");
    let found = OpenOptions::new().create(true).append(true).open(path);
    let line = format!("{name}\n");
    found.and_then(|mut found| found.write_all(line.as_bytes())).expect("the copy is writable");
}

/// Loom's.
#[derive(Debug, Default)]
pub(crate) struct AtomicU64(atomic::AtomicU64);

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> Self {
        Self(atomic::AtomicU64::new(value))
    }

    pub(crate) fn load(&self, ordering: Ordering) -> u64 {
        self.0.load(as_it_is(ordering))
    }

    pub(crate) fn store(&self, value: u64, ordering: Ordering) {
        self.0.store(value, as_it_is(ordering));
    }

    pub(crate) fn swap(&self, value: u64, ordering: Ordering) -> u64 {
        self.0.swap(value, as_it_is(ordering))
    }

    pub(crate) fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
        self.0.fetch_add(value, as_it_is(ordering))
    }

    pub(crate) fn fetch_max(&self, value: u64, ordering: Ordering) -> u64 {
        self.0.fetch_max(value, as_it_is(ordering))
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange(current, new, as_it_is(success), as_it_is(failure))
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.compare_exchange(current, new, success, failure)
    }
}

pub(crate) fn fence(ordering: Ordering) {
    atomic::fence(ordering);
}

fn as_it_is(ordering: Ordering) -> Ordering {
    ordering
}
