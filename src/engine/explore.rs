//! What race models share. They run with
//! `RUSTFLAGS="--cfg breaker_loom" LOOM_MAX_PREEMPTIONS=3 cargo test --release --lib models`.
//!
//! Each model is a few lines, named for its race. Its actors are spawned threads, since loom may
//! explore a single execution when the main thread is one of them; and it says how many executions
//! it must explore at least, so that one that explores nothing cannot pass.

use crate::sync::{Arc, plain};

/// Runs `model` in every interleaving, up to `LOOM_MAX_PREEMPTIONS`: at least `least` of them.
#[track_caller]
pub(crate) fn explore(least: usize, model: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(plain::AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.check(move || {
        counted.fetch_add(1, plain::Ordering::Relaxed);
        model();
    });
    let runs = runs.load(plain::Ordering::Relaxed);
    assert!(runs >= least, "only {runs} executions, of at least {least}");
}

/// Runs the two actors in threads of their own and joins them.
pub(crate) fn race<A: Send + 'static, B: Send + 'static>(
    a: impl FnOnce() -> A + Send + 'static,
    b: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let a = loom::thread::spawn(a);
    let b = loom::thread::spawn(b);
    (a.join().expect("the first actor"), b.join().expect("the second actor"))
}
