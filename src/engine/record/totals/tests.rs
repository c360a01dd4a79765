use std::thread;

use crate::engine::record::totals::{FrequentCounter, Tally};
use crate::engine::stripes::{LOOKED_AT, Stripes};
use crate::sync::Ordering;

fn totals(tally: &Tally, stripes: &Stripes) -> (u64, u64) {
    let totals = tally.totals(stripes, 0, 0, 0);
    (totals.successes, totals.rejected)
}

#[test]
fn one_thread_needs_no_stripes() {
    let (tally, stripes) = (Tally::new(), Stripes::new());
    for _ in 0..5 * LOOKED_AT {
        tally.add_frequent(FrequentCounter::Successes, &stripes);
    }

    assert_eq!(totals(&tally, &stripes), (5 * LOOKED_AT, 0));
    assert!(!stripes.are_made());
}

#[test]
fn calls_of_two_threads_are_counted_apart_and_add_up() {
    let (tally, stripes) = (Tally::new(), Stripes::new());
    let count = |successes: u64| {
        for _ in 0..successes {
            tally.add_frequent(FrequentCounter::Successes, &stripes);
        }
        tally.add_frequent(FrequentCounter::Rejected, &stripes);
    };

    for _ in 0..2 {
        thread::scope(|scope| {
            scope.spawn(|| count(LOOKED_AT));
        });
    }
    assert!(stripes.are_made());
    let before = tally.0.successes.load(Ordering::Relaxed);
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| count(7));
        }
    });

    assert_eq!(totals(&tally, &stripes), (2 * LOOKED_AT + 70, 12));
    assert_eq!(tally.0.successes.load(Ordering::Relaxed), before);
    assert_eq!(tally.rejected(&stripes), 12);
}
