//! The runner of the race models. They run with
//! `RUSTFLAGS="--cfg breaker_loom" cargo test --release --features test-util --lib races`.
//!
//! Each model is a few lines, named for its race. Its actors are spawned threads, since loom may
//! explore a single execution when the main thread is one of them. It says how many executions it
//! must explore at least, so that one that explores nothing cannot pass; and which bugs it finds
//! when they are planted, so that one that asserts nothing cannot pass either.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sync::{Arc, Bug, plain, planting};

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
    /// The actors run one after another. Loom runs all of a model on the thread of its test.
    static IN_TURN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `model` in every interleaving, of which there must be `least`; then with each of `bugs`
/// planted, which it must find, and only where the actors race.
#[track_caller]
pub(crate) fn explore(
    depth: Depth,
    least: usize,
    bugs: &[Bug],
    model: impl Fn() + Send + Sync + 'static,
) {
    let model = Arc::new(model);
    let runs = check(depth, &model);
    assert!(runs >= least, "only {runs} executions, of at least {least}");
    for bug in bugs {
        let holds = || catch_unwind(AssertUnwindSafe(|| check(depth, &model))).is_ok();
        IN_TURN.set(true);
        let holds_in_turn = planting(*bug, holds);
        IN_TURN.set(false);
        assert!(holds_in_turn, "{bug:?} does harm without a race");
        assert!(!planting(*bug, holds), "{bug:?} is not found");
    }
}

/// Explores `model` and gives the number of executions.
fn check(depth: Depth, model: &Arc<impl Fn() + Send + Sync + 'static>) -> usize {
    let runs = Arc::new(plain::AtomicUsize::new(0));
    let (model, counted) = (Arc::clone(model), Arc::clone(&runs));
    let mut builder = loom::model::Builder::new();
    let preemptions = match depth {
        Depth::Every => 200,
        Depth::Three => 3,
    };
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 100_000;
    builder.check(move || {
        counted.fetch_add(1, plain::Ordering::Relaxed);
        model();
    });
    runs.load(plain::Ordering::Relaxed)
}

/// Runs the two actors in threads of their own and joins them.
pub(crate) fn race<A: Send + 'static, B: Send + 'static>(
    a: impl FnOnce() -> A + Send + 'static,
    b: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    if IN_TURN.get() {
        return (joined(loom::thread::spawn(a)), joined(loom::thread::spawn(b)));
    }
    let (a, b) = (loom::thread::spawn(a), loom::thread::spawn(b));
    (joined(a), joined(b))
}

/// The same with three.
pub(crate) fn race_of_three<A: Send + 'static, B: Send + 'static, C: Send + 'static>(
    a: impl FnOnce() -> A + Send + 'static,
    b: impl FnOnce() -> B + Send + 'static,
    c: impl FnOnce() -> C + Send + 'static,
) -> (A, B, C) {
    if IN_TURN.get() {
        return (
            joined(loom::thread::spawn(a)),
            joined(loom::thread::spawn(b)),
            joined(loom::thread::spawn(c)),
        );
    }
    let (a, b, c) = (loom::thread::spawn(a), loom::thread::spawn(b), loom::thread::spawn(c));
    (joined(a), joined(b), joined(c))
}

fn joined<T>(actor: loom::thread::JoinHandle<T>) -> T {
    actor.join().expect("loom fails the model when an actor panics")
}
