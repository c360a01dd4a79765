use std::thread;

use crate::engine::record::totals::{Counter, LOOKED_AT, Tally};
use crate::sync::Ordering;

fn totals(tally: &Tally) -> (u64, u64) {
    let totals = tally.totals(0, 0, 0);
    (totals.successes, totals.rejected)
}

#[test]
fn one_thread_needs_no_stripes() {
    let tally = Tally::new();
    for _ in 0..5 * LOOKED_AT {
        tally.add(Counter::Successes);
    }

    assert_eq!(totals(&tally), (5 * LOOKED_AT, 0));
    assert!(tally.stripes.get().is_none());
}

#[test]
fn calls_of_two_threads_are_counted_apart_and_add_up() {
    let tally = Tally::new();
    let count = |successes: u64| {
        for _ in 0..successes {
            tally.add(Counter::Successes);
        }
        tally.add(Counter::Rejected);
    };

    for _ in 0..2 {
        thread::scope(|scope| {
            scope.spawn(|| count(LOOKED_AT));
        });
    }
    assert!(tally.stripes.get().is_some());
    let before = tally.first.successes.load(Ordering::Relaxed);
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| count(7));
        }
    });

    assert_eq!(totals(&tally), (2 * LOOKED_AT + 70, 12));
    assert_eq!(tally.first.successes.load(Ordering::Relaxed), before);
    assert_eq!(tally.rejected(), 12);
}
