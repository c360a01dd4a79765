//! The runner of the race models. `tests/races/run.sh` runs them; see `tests/races/README.md`.
//!
//! Each model is a few lines, named for its race. Its actors are spawned threads, since loom may
//! explore a single execution when the main thread is one of them. It says how many executions it
//! must explore at least, so that one that explores nothing cannot pass; and which bugs it finds
//! when they are in the code, so that one that asserts nothing cannot pass either.

use std::cell::Cell;

use crate::sync::Arc;

/// Which interleavings are tried; `LOOM_MAX_PREEMPTIONS` goes before it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Depth {
    /// All: for two actors. By a bound that none reaches: without one, loom tries only one order of
    /// two accesses when it sees a third between them, and was seen to miss planted bugs.
    Every,
    /// Those with at most three preemptions: for three actors, and for two of many steps.
    Three,
}

thread_local! {
    /// How often the model has run. Loom runs all of a model on the thread of its test, and does not
    /// see this.
    static RUNS: Cell<usize> = const { Cell::new(0) };
}

/// Runs `model` in every interleaving, of which there must be `least`. The bugs are those in
/// `tests/races/bugs` that it finds; `tests/races/run.sh` has it look for them, in a copy of the
/// code.
#[track_caller]
pub(crate) fn explore(
    depth: Depth,
    least: usize,
    _bugs: &[&str],
    model: impl Fn() + Send + Sync + 'static,
) {
    let model = Arc::new(model);
    let runs = check(depth, &model);
    assert!(runs >= least, "only {runs} executions, of at least {least}");
}

/// Explores `model` and gives the number of executions.
fn check(depth: Depth, model: &Arc<impl Fn() + Send + Sync + 'static>) -> usize {
    let mut builder = loom::model::Builder::new();
    let preemptions = match depth {
        Depth::Every => 200,
        Depth::Three => 3,
    };
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 100_000;
    let model = Arc::clone(model);
    RUNS.set(0);
    builder.check(move || {
        RUNS.set(RUNS.get() + 1);
        model();
    });
    RUNS.get()
}

/// Runs the two actors in threads of their own and joins them.
pub(crate) fn race<A: Send + 'static, B: Send + 'static>(
    a: impl FnOnce() -> A + Send + 'static,
    b: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let (a, b) = (loom::thread::spawn(a), loom::thread::spawn(b));
    (joined(a), joined(b))
}

/// The same with three.
pub(crate) fn race_of_three<A: Send + 'static, B: Send + 'static, C: Send + 'static>(
    a: impl FnOnce() -> A + Send + 'static,
    b: impl FnOnce() -> B + Send + 'static,
    c: impl FnOnce() -> C + Send + 'static,
) -> (A, B, C) {
    let (a, b, c) = (loom::thread::spawn(a), loom::thread::spawn(b), loom::thread::spawn(c));
    (joined(a), joined(b), joined(c))
}

fn joined<T>(actor: loom::thread::JoinHandle<T>) -> T {
    actor.join().expect("loom fails the model when an actor panics")
}
